"""Training continues from a checkpoint exactly as if it had never stopped, and steps back after a bad loss."""

import json

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from dsc_core import objective
from dsc_core.config import Config
from dsc_core.errors import RunError
from dsc_core.method import head
from dsc_core.presets import preset
from dsc_core.runs import checkpoints
from dsc_core.training import finish, joint, loop, setup
from dsc_core.training.checkpoint import State
from dsc_core.training.trainer import Trainer

SMALL = {
    "epochs": 3,
    "joint_epochs": 3,
    "evaluate_every": 1,
    "batch": 32,
    "joint_batch": 48,
    "spectral_width": 32,
    "latent_dims": 8,
    "least_steps": 0,
    "clusters": 4,
    "tolerance": 0.0,
    "device": "cpu",
}
SCALING = (0.0, 1 / 16)
IMAGES = load_digits().images[:96, None, 1:7, 1:7].astype(np.float32)  # 3 batches an epoch, then 2


def run(config, samples=IMAGES, **more):
    """(Fitted, the events) of a whole training."""
    training, events = loop.fit(samples, config, scaling=SCALING, **more), []
    while True:
        try:
            events.append(next(training))
        except StopIteration as end:
            return end.value, events


def same(one, other):
    """Whether two trainings ended with the very same numbers."""
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("labels", "latent", "spectral")
    )


def at(calls):
    """A control that answers at the given polls, counted from 0."""
    polls = iter(range(10**6))
    return lambda: calls.get(next(polls), {})


@pytest.fixture(scope="module", autouse=True)
def hurried():
    """The head learns in a few steps; how well does not matter here."""
    teach = head.teach_head
    with pytest.MonkeyPatch.context() as patched:
        for module in (joint, finish):
            patched.setattr(module, "teach_head", lambda *given, **more: teach(*given[:4], 10, **more))
        yield


@pytest.fixture(scope="module")
def whole(hurried):
    """A training without a break: its end, its events and its states."""
    states = []
    fitted, events = run(Config(**SMALL), checkpoint=states.append)
    return fitted, events, states


@pytest.fixture
def disk(tmp_path):
    """A state as it comes back from the disk."""

    def there_and_back(state):
        return checkpoints.read(checkpoints.save(tmp_path, state, 0))[0]

    return there_and_back


# Continuing --------------------------------------------------------------------------------------------------


def test_there_is_a_state_at_the_end_of_every_epoch(whole):
    states = whole[2]
    assert [(state.stage, state.epoch, state.whole) for state in states] == [
        *[("autoencoder", epoch, True) for epoch in (1, 2, 3)],
        *[("joint", epoch, True) for epoch in (4, 5, 6)],
    ]
    assert [state.left for state in states] == [True] * 5 + [False]


@pytest.mark.parametrize("which", [0, 2, 3, 5])
def test_training_continues_from_any_epoch(whole, disk, which):
    fitted, events, states = whole
    seen = []
    again, later = run(Config(**SMALL), resume_from=disk(states[which]), checkpoint=seen.append)
    assert same(again, fitted)
    losses = lambda events: [(e.epoch, e.step, e.losses) for e in events if e.kind == "epoch"]  # noqa: E731
    assert losses(later) == losses(events)[which + 1 :]
    for state, expected in zip(seen, states[which + 1 :], strict=True):
        assert state.arrays.keys() == expected.arrays.keys()
        assert all(np.array_equal(state.arrays[name], expected.arrays[name]) for name in expected.arrays)


@pytest.mark.parametrize("which", [0, 2, 4])
def test_the_film_continues_after_the_epoch_of_the_state(whole, disk, which):
    seen, later = [], []
    config = Config(**SMALL, map_every=2)
    run(config, snapshot=lambda *shown: seen.append(shown))
    state = whole[2][which]
    facts = state.facts | {"config": config.to_dict()}
    run(config, snapshot=lambda *shown: later.append(shown), resume_from=disk(State(state.arrays, facts)))
    assert [epoch for epoch, *_ in seen] == [0, 2, 4, 6]
    assert [epoch for epoch, *_ in later] == [epoch for epoch in (2, 4, 6) if epoch > state.done]
    for (_, latent, clusters), (_, wanted, groups) in zip(later, seen[-len(later) :], strict=True):
        assert np.array_equal(latent, wanted)
        assert np.array_equal(clusters, groups) or clusters is groups is None


@pytest.mark.parametrize("poll", [0, 5, 9, 12])
def test_a_pause_in_the_middle_of_an_epoch_loses_and_repeats_nothing(whole, disk, poll, monkeypatch):
    states, fed = [], []

    class Counting(setup.Feed):
        def __call__(self, index):
            if torch.is_grad_enabled():
                fed.append(index)
            return super().__call__(index)

    def keep(state):
        states.append(state)
        if not state.whole:
            raise KeyboardInterrupt  # as good as a death at the moment after

    monkeypatch.setattr(setup, "Feed", Counting)
    with pytest.raises(KeyboardInterrupt):
        run(Config(**SMALL), control=at({poll: {"pause": True}}), checkpoint=keep)
    assert (states[-1].step, states[-1].whole) == (poll, False)
    again, _ = run(Config(**SMALL), resume_from=disk(states[-1]))
    assert same(again, whole[0])
    if poll < 9:
        for epoch in range(3):
            fed_then = np.concatenate(fed[3 * epoch : 3 * epoch + 3])
            assert sorted(fed_then) == list(range(96)), "every sample once in every epoch"


@pytest.mark.parametrize(
    ("changes", "samples"),
    [
        (preset("paper").to_dict() | SMALL, IMAGES),
        (preset("released-code").to_dict() | SMALL | {"batches": 2, "joint_epochs": 2}, IMAGES),
        (SMALL | {"augmented_agreement": 2.0, "decoders": "separate", "refresh": 1}, IMAGES),
        (SMALL, np.random.default_rng(0).standard_normal((90, 6)).astype(np.float32)),
    ],
)
def test_other_settings_and_tables_continue_as_well(changes, samples, disk):
    states = []
    config = Config(**changes)
    fitted, _ = run(config, samples, checkpoint=states.append)
    assert same(run(config, samples, resume_from=disk(states[-2]))[0], fitted)


def test_a_changed_setting_is_saved_at_once_and_reported_with_both_values(disk):
    states = []
    change = {"noise_level": 0.9, "learning_rate": 0.002}
    fitted, events = run(Config(**SMALL), control=at({7: change}), checkpoint=states.append)
    (change,) = [event for event in events if event.changes]
    assert change.changes == {"noise_level": [0.5, 0.9], "learning_rate": [0.001, 0.002]}
    assert type(change).from_json(change.to_json()) == change
    (state,) = [state for state in states if not state.whole]
    assert (state.step, state.config.noise_level) == (change.step, 0.9)
    assert same(run(Config(**SMALL), resume_from=disk(state))[0], fitted)


def test_the_same_value_is_no_change():
    _, events = run(Config(**SMALL), control=at({3: {"noise_level": 0.5}}))
    assert not any(event.changes for event in events)


def test_a_stopped_training_continues(whole, disk):
    states = []
    run(Config(**SMALL), control=at({12: {"stop": True}}), checkpoint=states.append)
    assert states[-1].step == 12
    assert same(run(Config(**SMALL), resume_from=disk(states[-1]))[0], whole[0])


def test_an_early_end_stays_an_end_and_a_branch_trains_on(disk, monkeypatch):
    # Otherwise training continues to repair empty clusters.
    monkeypatch.setattr(joint, "empty_clusters", lambda labels, clusters: [])
    config = Config(**SMALL | {"tolerance": 0.5})
    states = []
    fitted, _ = run(config, checkpoint=states.append)
    last = states[-1]
    assert (last.epoch, last.left) == (5, True), "two joint epochs are enough to compare"
    again, events = run(config, resume_from=disk(last))
    assert same(again, fitted)
    assert not [event for event in events if event.kind == "epoch"]
    _, events = run(config, resume_from=disk(last.branched({"noise_level": 1.0})))
    assert [event.epoch for event in events if event.kind == "epoch"] == [6]
    assert last.config.noise_level == 0.5, "a state is never changed"


def test_the_training_time_counts_on(whole, disk):
    state = whole[2][2]
    later = State(state.arrays, state.facts | {"times": dict.fromkeys(state.facts["times"], 1000.0)})
    _, events = run(Config(**SMALL), resume_from=disk(later))
    assert all(event.seconds > 1000 for event in events)


def test_a_state_of_other_networks_is_one_sentence(whole):
    with pytest.raises(RunError, match="another version of the program"):
        run(Config(**SMALL), IMAGES[:, :, :3, :3], resume_from=whole[2][0])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is present")
def test_training_continues_on_cuda(disk):
    states = []
    config = Config(**SMALL | {"device": "cuda"})
    fitted, _ = run(config, checkpoint=states.append)
    for state in (states[0], states[3]):
        again, _ = run(config, resume_from=disk(state))
        assert np.mean(again.labels == fitted.labels) > 0.99


# A bad loss ------------------------------------------------------------------------------------------------


def spoilt(monkeypatch, when, by=float("nan")):
    """Make the terms of a batch bad wherever `when(config)` is true."""
    compute = objective.compute

    def bad(batch, stage):
        values = compute(batch, stage)
        if when(batch.config):
            values["reconstruction"] = values["reconstruction"] * by
        return values

    monkeypatch.setattr(objective, "compute", bad)


@pytest.mark.parametrize(("by", "given"), [(float("nan"), True), (float("inf"), False), (1e9, True)])
def test_a_bad_loss_halves_the_learning_rate(monkeypatch, by, given):
    steps, states = [], []

    def when(config):
        steps.append(config.learning_rate)
        return len(steps) > 4 and config.learning_rate > 0.0003

    spoilt(monkeypatch, when, by)
    fitted, events = run(Config(**SMALL), checkpoint=states.append if given else None)
    warned = [event for event in events if event.level == "warning" and event.changes]
    assert [event.changes for event in warned] == [
        {"learning_rate": [0.001, 0.0005]},
        {"learning_rate": [0.0005, 0.00025]},
    ]
    assert all("after epoch 1 of 6" in event.message for event in warned)
    assert sorted(np.unique(steps), reverse=True) == [0.001, 0.0005, 0.00025]
    assert [event.epoch for event in events if event.kind == "epoch"] == [1, 2, 3, 4, 5, 6]
    steps_reported = [event.step for event in events]
    assert steps_reported == sorted(steps_reported), "the curves' axis never runs backwards"
    assert np.isfinite(fitted.latent).all()
    if given:
        assert [state.config.learning_rate for state in states] == [0.001] + 5 * [0.00025]


def test_stepping_back_after_a_resume_ends_like_a_training_without_interruption(monkeypatch, disk):
    steps, states = [], []

    def when(config):
        steps.append(1)
        return len(steps) > 4 and config.learning_rate > 0.0006

    spoilt(monkeypatch, when)
    fitted, _ = run(Config(**SMALL), checkpoint=states.append)
    again, events = run(Config(**SMALL), resume_from=disk(states[0]))
    assert sum(bool(event.changes) for event in events) == 1
    assert same(again, fitted)
    assert same(run(Config(**SMALL), resume_from=disk(states[1]))[0], fitted)


def test_the_fourth_bad_loss_is_an_error(monkeypatch):
    spoilt(monkeypatch, lambda config: True)
    training, events = loop.fit(IMAGES, Config(**SMALL), scaling=SCALING), []
    with pytest.raises(RunError, match=r"^The loss is NaN or infinite; try a smaller .*\.$"):
        events.extend(training)  # keeps what came before the error
    rates = [event.changes["learning_rate"][1] for event in events if event.changes]
    assert rates == [0.0005, 0.00025, 0.000125]


def test_destroyed_networks_are_never_saved(monkeypatch):
    """A step on a gradient that overflows destroys the weights before any loss shows it."""
    states, step = [], Trainer.step

    def spoiling(trainer, terms, images):
        event = step(trainer, terms, images)
        if trainer.clock.step == 6 and trainer.config.learning_rate == 0.001:  # the last of the second epoch
            with torch.no_grad():
                trainer.optimiser.param_groups[0]["params"][0].fill_(float("nan"))
        return event

    monkeypatch.setattr(Trainer, "step", spoiling)
    fitted, events = run(Config(**SMALL), checkpoint=states.append)
    assert sum(bool(event.changes) for event in events) == 1
    assert all(np.isfinite(array).all() for state in states for array in state.arrays.values())
    assert np.isfinite(fitted.latent).all()


# On the disk -----------------------------------------------------------------------------------------------


def test_a_checkpoint_is_safetensors_and_json_and_the_last_two_are_kept(whole, tmp_path):
    for number, state in enumerate(whole[2]):
        path = checkpoints.save(tmp_path, state, number)
    names = sorted(item.name for item in (tmp_path / "checkpoints").iterdir())
    assert names == ["000005-epoch-5", "000006-epoch-6"]
    assert sorted(item.name for item in path.iterdir()) == ["state.json", "state.safetensors"]
    facts = json.loads((path / "state.json").read_text())["facts"]
    assert facts["config"]["seed"] == 0
    state, events = checkpoints.read(path)
    assert events == 5
    assert state.arrays.keys() == whole[2][-1].arrays.keys()
    assert {name.split(".")[0] for name in state.arrays} == {
        "networks",
        "optimiser",
        "random",
        "graph",
        "labels",
        "targets",
        "eigenvalues",
    }
    kept = checkpoints.available(tmp_path)
    assert [(one.epoch, one.stage, one.events, one.left) for one in kept] == [
        (6, "joint", 5, False),
        (5, "joint", 4, True),
    ]


@pytest.mark.parametrize("file", ["state.json", "state.safetensors"])
@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "gone", "rubbish"])
def test_a_damaged_checkpoint_is_an_error_and_the_previous_one_is_used(whole, tmp_path, file, harm):
    checkpoints.save(tmp_path, whole[2][0], 7)
    path = checkpoints.save(tmp_path, whole[2][1], 9) / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    harmed = {"cut": content[: len(content) // 2], "flip": content, "empty": b"", "rubbish": b"[1, 2]"}
    path.unlink() if harm == "gone" else path.write_bytes(harmed[harm])
    state, events, unread = checkpoints.newest(tmp_path)
    assert (state.epoch, events) == (1, 7)
    ((damaged, reason),) = unread
    assert reason == "The checkpoint of epoch 2 is truncated or damaged."
    checkpoints.set_aside(damaged)
    assert checkpoints.newest(tmp_path)[2] == []
    for number in (2, 3):
        assert checkpoints.save(tmp_path, whole[2][number], 9).name == f"00000{number + 1}-epoch-{number + 1}"
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2, "the damaged one is gone by now"


def test_a_checkpoint_of_another_version_is_not_used(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "VERSION", 99)
    checkpoints.save(tmp_path, whole[2][0], 7)
    monkeypatch.undo()
    state, events, unread = checkpoints.newest(tmp_path)
    assert (state, events) == (None, 0)
    assert "another version" in unread[0][1]


def test_incomplete_checkpoints_are_removed(whole, tmp_path):
    checkpoints.save(tmp_path, whole[2][0], 1)
    for name in (".new-abc", ".old-000000-epoch-0"):
        (tmp_path / "checkpoints" / name).mkdir()
        (tmp_path / "checkpoints" / name / "state.json").write_text("{")
    assert checkpoints.newest(tmp_path)[0].epoch == 1
    checkpoints.save(tmp_path, whole[2][1], 2)
    names = sorted(item.name for item in (tmp_path / "checkpoints").iterdir())
    assert names == ["000001-epoch-1", "000002-epoch-2"]
