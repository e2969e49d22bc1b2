"""Static steps: the numbers of the plain step, steering without a new recording, and bad losses noticed in time.

Without CUDA the same steps run as they are (`Direct`), on the same tensors, without a graph.
"""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dsc_core import objective
from dsc_core.config import Config
from dsc_core.method import batch, head
from dsc_core.objective import TERMS
from dsc_core.presets import PRESETS, preset
from dsc_core.training import captured, clock, finish, inputs, joint, setup
from dsc_core.training.captured import Direct, NotRecorded, StaticSteps
from tests.training.small import SMALL, images, run, warnings


@pytest.fixture(scope="module", autouse=True)
def hurried():
    """The head learns in a few steps; how well does not matter here."""
    teach = head.teach_head
    with pytest.MonkeyPatch.context() as patched:
        for module in (joint, finish):
            patched.setattr(module, "teach_head", lambda *given, **more: teach(*given[:4], 40, **more))
        yield


@pytest.fixture(params=["resident", "streamed"])
def static(request, monkeypatch):
    """Static steps on the CPU, of samples that lie on the device or are streamed to it."""
    made = use_static(monkeypatch, Direct)
    if request.param == "resident":
        make_resident(monkeypatch)
    return made


def use_static(monkeypatch, replay):
    """Take static steps; → the list of all that are made."""
    made = []

    class Counted(replay):
        def __init__(self, work):
            super().__init__(work)
            made.append(self)

    monkeypatch.setattr(captured, "recorder", lambda device: Counted)
    return made


def make_resident(monkeypatch):
    monkeypatch.setattr(setup, "on_device", lambda samples, device: torch.from_numpy(samples))


def epochs(events):
    return [event for event in events if event.kind == "epoch"]


PLAIN = {"joint_epochs": 0, "epochs": 3}


def test_stage_1_has_the_losses_of_the_plain_step_also_with_batches_of_two_sizes(static):
    samples, config = (
        images(165),
        Config(**SMALL | PLAIN),
    )  # five batches of 33; then three of 30 and two of 31
    for count in (165, 152):
        fitted, events = run(samples[:count], config)
        assert static
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(captured, "recorder", lambda device: None)
            plain, wanted = run(samples[:count], config)
        for mine, theirs in zip(epochs(events), epochs(wanted), strict=True):
            assert mine.losses == pytest.approx(theirs.losses, rel=1e-5)
            assert (mine.step, mine.epoch) == (theirs.step, theirs.epoch)
        assert np.allclose(fitted.latent, plain.latent, atol=1e-4)
    assert len(static) == 3


@pytest.mark.parametrize(
    "changes", [{}, {"graph": "batch", "readout": "kmeans"}, {"augmented_agreement": 2.0}]
)
def test_both_stages_learn_and_repeat(static, changes):
    config = Config(**SMALL | changes)
    fitted, events = run(images(), config)
    again, repeated = run(images(), config)
    assert [event.losses for event in epochs(events)] == [event.losses for event in epochs(repeated)]
    assert np.array_equal(fitted.labels, again.labels)
    second = epochs(events)[3:]
    assert [event.stage for event in second] == ["joint"] * 2
    assert "spectral" in second[0].losses
    assert second[1].losses["total"] < second[0].losses["total"]
    assert not [message for message in warnings(events) if "QR" in message]


def test_joint_losses_are_those_of_the_plain_step_on_average(static, monkeypatch):
    """Other neighbours are drawn, so only means over an epoch can agree."""
    samples, config = images(), Config(**SMALL | {"joint_epochs": 1, "epochs": 6, "decode_every": 1})
    mine = epochs(run(samples, config)[1])[-1].losses
    monkeypatch.setattr(captured, "recorder", lambda device: None)
    plain = epochs(run(samples, config)[1])[-1].losses
    assert mine.keys() == plain.keys()
    for name in mine:
        assert mine[name] == pytest.approx(plain[name], rel=0.25, abs=0.02), name


def at(calls):
    polls = iter(range(10**6))
    return lambda: calls.get(next(polls), {})


def test_steering_reaches_the_next_step_and_only_a_weight_that_becomes_zero_makes_another(static):
    config = Config(**SMALL | PLAIN)
    other = {"noise_level": 0.1, "reconstruction": 3.0, "learning_rate": 0.003}
    for change, expected in ((other, 1), ({"prior": 0.0}, 2)):
        static.clear()
        samples = images(96)  # three batches of one size
        events = run(samples, config, control=at({4: change}))[1]
        assert len(static) == expected
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(captured, "recorder", lambda device: None)
            wanted = run(samples, config, control=at({4: change}))[1]
        for mine, theirs in zip(epochs(events), epochs(wanted), strict=True):
            assert mine.losses == pytest.approx(theirs.losses, rel=1e-5)
    events = run(images(96), config.replace(prior=0.0), control=at({4: {"prior": 0.05}}))[1]
    assert "prior" not in epochs(events)[0].losses
    assert {"prior", "total"} <= epochs(events)[1].losses.keys()


def test_a_term_that_was_computed_in_some_steps_is_averaged_over_these(static):
    _, events = run(images(96), Config(**SMALL | PLAIN | {"epochs": 1}), control=at({1: {"global_mi": 0.0}}))
    (epoch,) = epochs(events)
    assert epoch.losses["global_mi"] == pytest.approx(2 * np.log(2), abs=0.02), "of the first step alone"


def test_with_every_weight_zero_the_networks_stay_as_they_are(static):
    config = Config(**SMALL | PLAIN, **dict.fromkeys(TERMS, 0.0))
    _, events = run(images(96), config)
    assert [event.losses for event in epochs(events)] == [{"total": 0.0}] * 3


def test_training_continues_from_the_middle_of_an_epoch_as_if_never_interrupted(static):
    config, states = Config(**SMALL), []

    def dying(state):
        states.append(state)
        if not state.whole:
            raise KeyboardInterrupt

    whole, _ = run(images(), config)
    for poll in (4, 31):
        with pytest.raises(KeyboardInterrupt):
            run(images(), config, control=at({poll: {"pause": True}}), checkpoint=dying)
        assert not states[-1].whole
        again, _ = run(images(), config, resume_from=states[-1])
        assert np.array_equal(again.latent, whole.latent)
        assert np.array_equal(again.labels, whole.labels)


def test_losses_are_read_once_per_event_and_the_events_are_complete(static, monkeypatch):
    monkeypatch.setattr(clock, "PERIOD", 0.0)
    _, each = run(images(96), Config(**SMALL | PLAIN))
    assert [event.step for event in each if event.losses and event.kind == "progress"] == list(range(1, 10))
    monkeypatch.setattr(clock, "PERIOD", 1e9)
    reads, settle = [], StaticSteps.settle
    monkeypatch.setattr(
        StaticSteps, "settle", lambda self: (reads.append(bool(self.counts)), settle(self))[1]
    )
    _, rare = run(images(96), Config(**SMALL | PLAIN))
    assert sum(reads) == 3, "at the end of each epoch"
    for mine, theirs in zip(epochs(rare), epochs(each), strict=True):
        assert mine.losses == pytest.approx(theirs.losses)


# Bad losses --------------------------------------------------------------------------------------------------


def spoil(monkeypatch, by):
    """Make the reconstruction bad from the fifth step on, while the learning rate is the first one."""
    steps, compute = [], objective.compute

    def bad(batch, stage):
        terms = compute(batch, stage)
        steps.append(batch.config.learning_rate)
        if len(steps) > 4 and steps[-1] == 0.001:
            terms["reconstruction"] = terms["reconstruction"] * by
        return terms

    monkeypatch.setattr(objective, "compute", bad)


@pytest.mark.parametrize(("by", "words"), [(float("nan"), "NaN"), (float("inf"), "NaN"), (1e9, "exploded")])
def test_a_bad_loss_is_found_before_anything_is_saved_and_halves_the_learning_rate(
    static, monkeypatch, by, words
):
    states = []
    spoil(monkeypatch, by)
    fitted, events = run(images(96), Config(**SMALL | PLAIN), checkpoint=states.append)
    (warned,) = [event for event in events if event.changes]
    assert warned.changes == {"learning_rate": [0.001, 0.0005]}
    assert words in warned.message
    assert "after epoch 1 of 3" in warned.message
    assert [event.epoch for event in epochs(events)] == [1, 2, 3]
    assert [state.config.learning_rate for state in states] == [0.001, 0.0005, 0.0005]
    assert all(np.isfinite(array).all() for state in states for array in state.arrays.values())
    assert np.isfinite(fitted.latent).all()


def test_a_request_that_comes_with_a_bad_loss_is_carried_out_after_it(static, monkeypatch):
    spoil(monkeypatch, float("nan"))
    _, events = run(images(96), Config(**SMALL | PLAIN), control=at({5: {"stop": True}}))
    messages = [event.message for event in events if event.message]
    halved = next(i for i, message in enumerate(messages) if "half the learning rate" in message)
    stopped = next(i for i, message in enumerate(messages) if message.startswith("Stopped"))
    assert halved < stopped


def test_batches_of_too_low_a_rank_are_noted_and_get_the_plain_step_from_the_next_epoch_on(
    static, monkeypatch
):
    real = batch.orthonormalise_on_device
    monkeypatch.setattr(
        batch, "orthonormalise_on_device", lambda raw: (real(raw)[0], torch.ones((), dtype=torch.bool))
    )
    _, events = run(images(), Config(**SMALL))
    assert len([message for message in warnings(events) if "fell back to QR" in message]) == 1
    assert len(static) == 2 + 1, "two sizes in stage 1, one in stage 2, in its first epoch alone"


# What a recording cannot hold -----------------------------------------------------------------------------


class NoHost(TorchDispatchMode):
    """Refuses what waits for the device, copies to or from the host, or has a shape that depends on numbers."""

    REFUSED = (
        "_local_scalar_dense",
        "is_nonzero",
        "nonzero",
        "equal",
        "lift_fresh",  # torch.tensor of numbers
        "masked_select",
        "unique",
        "bincount",
        "multinomial",
        "linalg_qr",  # and other work of the solver library
        "linalg_cholesky",
        "linalg_eigh",
        "linalg_svd",
        "linalg_lstsq",
    )

    def __torch_dispatch__(self, function, types, given=(), named=None):
        name = function.name().removeprefix("aten::")
        assert not name.startswith(self.REFUSED), name
        if name.startswith("index"):  # a mask makes a shape that the host has to ask for
            places = (
                [place for place in given[1] if place is not None]
                if isinstance(given[1], list | tuple)
                else []
            )
            assert all(place.dtype != torch.bool for place in places), name
        return function(*given, **(named or {}))


class Watched(Direct):
    def __call__(self):
        with pytest.MonkeyPatch.context() as patch, NoHost():
            for name in ("numpy", "cpu", "tolist", "item", "__float__", "__int__"):
                patch.setattr(torch.Tensor, name, lambda *_, name=name: pytest.fail(f"{name} asks the host"))
            super().__call__()


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("name", list(PRESETS))
def test_nothing_in_a_step_of_any_preset_asks_the_host(monkeypatch, name, resident):
    made = use_static(monkeypatch, Watched)
    if resident:
        make_resident(monkeypatch)
    changes = {**SMALL, "epochs": 1, "joint_epochs": 1, "batches": 3, "clusters": 6}
    _, events = run(images(200), preset(name).replace(**changes))
    assert {event.stage for event in epochs(events)} == {"autoencoder", "joint"}
    assert len(made) >= 2


def test_every_term_and_a_table_ask_nothing_of_the_host(monkeypatch):
    use_static(monkeypatch, Watched)
    make_resident(monkeypatch)
    on = dict.fromkeys(TERMS, 1.0) | {
        "epochs": 1,
        "joint_epochs": 1,
        "decoders": "separate",
        "noise": "sampling",
    }
    run(images(100), Config(**SMALL | on))
    table = np.random.default_rng(0).standard_normal((90, 6)).astype(np.float32)
    run(table, Config(**SMALL | {"epochs": 1, "joint_epochs": 1, "clusters": 4}))
    run(table, Config(**SMALL | {"joint_epochs": 1, "clusters": 4}, encoder="none"))


# Recording ---------------------------------------------------------------------------------------------------


class Refusing(Direct):
    """Fails as a recording does, after two steps."""

    def __init__(self, work):
        super().__init__(work)
        self.done = 0

    def __call__(self):
        if self.done == captured.WARM_UP:
            raise NotRecorded("operation not permitted")
        self.done += 1
        super().__call__()


@pytest.mark.parametrize("resident", [True, False])
def test_where_recording_fails_the_plain_step_goes_on_and_an_event_says_so(monkeypatch, resident):
    samples, config = images(96), Config(**SMALL | PLAIN)
    plain, wanted = run(samples, config)
    made = use_static(monkeypatch, Refusing)
    if resident:
        make_resident(monkeypatch)
    fitted, events = run(samples, config)
    (note,) = [event for event in events if "could not be recorded" in event.message]
    assert "operation not permitted" in note.message
    assert note.step == captured.WARM_UP
    assert len(made) == 1, "not tried again"
    assert events[-1].step == wanted[-1].step, "no step is lost, and none is done twice"
    for mine, theirs in zip(epochs(events), epochs(wanted), strict=True):
        assert mine.losses == pytest.approx(theirs.losses, rel=1e-5)
    assert np.allclose(fitted.latent, plain.latent, atol=1e-4)


def test_reading_ahead_ends_with_the_epoch(monkeypatch):
    source = inputs.Streamed(setup.Feed(images(40), (0.0, 1.0), torch.device("cpu")))
    order = [np.arange(10), np.arange(10, 20), np.arange(20, 30)]
    slot = source.slot(10, None)
    source.begin([np.arange(30, 40)] * 3, None, (0, 0, 0))
    source.begin(order, None, (0, 0, 0))
    for rows in order:
        source.fill(slot)
        assert slot.index.tolist() == rows.tolist()
        assert torch.equal(slot.source(slot.index), torch.from_numpy(images(40)[rows]))
    assert not source.coming


cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is present")


@pytest.mark.cuda
@cuda
@pytest.mark.parametrize("resident", [True, False])
def test_on_cuda_replayed_steps_have_the_losses_of_steps_done_anew(monkeypatch, resident):
    config, recorded, record = Config(**SMALL | {"device": "cuda"}), [], captured.record
    if not resident:
        monkeypatch.setattr(setup, "on_device", lambda *_: None)
    monkeypatch.setattr(captured, "record", lambda work: recorded.append(1) or record(work))
    _, events = run(images(), config, control=at({8: {"noise_level": 0.1, "learning_rate": 0.002}}))
    assert len(recorded) >= 2, "both stages"
    assert not [event.message for event in events if "could not be recorded" in event.message]
    monkeypatch.setattr(captured, "recorder", lambda device: Direct)
    _, wanted = run(images(), config, control=at({8: {"noise_level": 0.1, "learning_rate": 0.002}}))
    for mine, theirs in zip(epochs(events)[:4], epochs(wanted)[:4], strict=True):
        assert mine.losses == pytest.approx(theirs.losses, rel=0.02)


@pytest.mark.cuda
@cuda
def test_on_cuda_a_recording_that_breaks_off_leaves_training_whole(monkeypatch):
    watch = StaticSteps._watch

    def waits(self, *given):
        watch(self, *given)
        if torch.cuda.is_current_stream_capturing():
            self.tally.sum().item()

    monkeypatch.setattr(StaticSteps, "_watch", waits)
    fitted, events = run(images(), Config(**SMALL | {"device": "cuda"}))
    (note,) = [event for event in events if "could not be recorded" in event.message]
    assert note.step == captured.WARM_UP
    assert [event.epoch for event in epochs(events)] == [1, 2, 3, 4, 5]
    assert np.isfinite(fitted.latent).all()
