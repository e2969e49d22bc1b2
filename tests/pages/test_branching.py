"""Branch from here: the form starts at the checkpoint's settings, and both runs stand on the same curves."""

import os

import numpy as np
import pytest

from dsc_core.events import Event
from dsc_core.presets import preset
from dsc_core.runs import checkpoints, queue
from pages.shared.train import branching, history
from tests.pages.test_steering import TRAIN, tell
from tests.pages.trained import at


@pytest.fixture
def parent(store, monkeypatch):
    """A failed run of 40 steps with checkpoints after epochs 1 and 2, the noise moved between the two."""
    from dsc_core.data import open_dataset
    from tests.runs import fakes

    monkeypatch.setattr(queue, "enqueue", lambda store, run_id: None)
    run_id = store.create(open_dataset("digits"), preset("quick"), name="parent")
    store.claim(run_id)
    config = store.get(run_id).config
    for epoch, first in ((1, 1), (2, 11)):
        tell(store, run_id, first, first + 9)
        now = config.replace(noise_level=0.5 if epoch == 1 else 0.9)
        checkpoints.save(store.folder(run_id), fakes.state(now, epoch, 10 * epoch), len(store.events(run_id)))
    tell(store, run_id, 21, 40)
    store.finish(run_id, "failed", "It died.")
    return run_id


def knob(app, run_id, name, store, place=0):
    key = f"branch_{run_id}_{store.checkpoints(run_id)[place].name}_{name}"
    return next(one for kind in (app.slider, app.number_input) for one in kind if one.key == key)


def test_a_branch_starts_at_the_settings_of_its_checkpoint_and_goes_on_from_it(app, store, parent):
    at(app, parent, TRAIN)
    app.button(key="branch").click().run()
    assert not app.exception
    assert knob(app, parent, "noise_level", store).value == 0.9
    app.selectbox(key=f"branch_from_{parent}").set_value(store.checkpoints(parent)[1].name).run()
    assert knob(app, parent, "noise_level", store, 1).value == 0.5
    knob(app, parent, "noise_level", store, 1).set_value(0.2).run()
    app.text_input(key="branch_name").set_value("calmer").run()
    app.button(key="really_branch").click().run()
    assert not app.exception
    made = store.find("calmer")
    assert app.query_params["run"] in (made.id, [made.id])
    assert made.config.noise_level == 0.2
    assert (made.parent["run"], made.parent["epoch"]) == (parent, 1)
    assert made.parent["changes"] == {"noise_level": [0.5, 0.2]}
    assert any("Branched from parent after epoch 1" in text.value for text in app.caption)
    assert store.get(parent).status == "failed", "the other one stays as it was"


def test_a_name_that_is_taken_is_said_and_nothing_is_made(app, store, parent):
    at(app, parent, TRAIN)
    app.button(key="branch").click().run()
    app.text_input(key="branch_name").set_value("parent").run()
    app.button(key="really_branch").click().run()
    assert "already" in app.error[-1].value
    assert len(store.list()) == 1


def test_a_damaged_checkpoint_is_not_offered(app, store, parent):
    newest, before = store.checkpoints(parent)
    os.truncate(newest.path / checkpoints.ARRAYS, 40)
    at(app, parent, TRAIN)
    app.button(key="branch").click().run()
    assert app.selectbox(key=f"branch_from_{parent}").options == [before.position]
    os.truncate(before.path / checkpoints.ARRAYS, 40)
    app.run()
    assert not app.exception
    assert any("nothing to branch from" in text.value for text in app.caption)


def test_both_runs_stand_on_one_curve_from_the_branch_on(app, store, parent):
    made = store.branch(parent, None, {"noise_level": 0.1})
    store.claim(made)
    store.append(made, Event("progress", "autoencoder", 3, 4, 22, {"total": 7.0}))
    run = store.get(made)
    past, other = (history.History(store.get(one)) for one in (made, parent))
    past.read()
    other.read()
    columns, lines = branching.columns(run, past, other, "total", 0.0)
    assert list(lines) == [branching.PARENT, branching.OWN]
    own, there = (np.isfinite(columns[name]) for name in (branching.OWN, branching.PARENT))
    assert columns["step"][own].tolist() == [*range(1, 21), 22]
    assert columns["step"][there].tolist() == list(range(20, 41))
    assert columns[branching.OWN][own][-1] == 7.0
    alone, lines = branching.columns(run, past, None, "total", 0.0)
    assert list(alone) == ["step", "total"]
    at(app, made, TRAIN)
    store.folder(parent).rename(store.home / "gone")
    app.run()
    assert not app.exception, "without its origin a branch is a run like others"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), None])
@pytest.mark.parametrize("branched", [False, True])
def test_a_value_that_is_no_finite_number_is_no_point_of_a_curve(app, store, parent, value, branched):
    made = store.branch(parent, None, {"noise_level": 0.1}) if branched else parent
    if branched:
        store.claim(made)
    losses = {"total": 7.0, "reconstruction": value, "global_mi": value, "step": value}
    store.append(made, Event("progress", "autoencoder", 3, 4, 50, losses))
    at(app, made, TRAIN)
    past = history.History(store.get(made)).read()
    assert past.curves["step"][-1] == 50
    steps, values = branching.columns(store.get(made), past, None, "global_mi", 0.5, "loss")[0].values()
    assert 50 not in steps
    assert np.isfinite(values).all()


def test_a_run_whose_losses_are_no_numbers_is_shown_without_curves(app, store):
    from dsc_core.data import open_dataset

    run_id = store.create(open_dataset("digits"), preset("quick"))
    store.claim(run_id)
    losses = {"total": float("nan"), "reconstruction": float("inf"), "local_mi": None}
    store.append(run_id, Event("progress", "autoencoder", 1, 4, 1, losses))
    at(app, run_id, TRAIN)
    store.append(run_id, Event("progress", "autoencoder", 1, 4, 2, losses | {"total": 3.0}))
    app.run()
    assert not app.exception


def test_without_a_checkpoint_there_is_no_branch(app, store):
    from dsc_core.data import open_dataset

    run_id = store.create(open_dataset("digits"), preset("quick"))
    at(app, run_id, TRAIN)
    assert "branch" not in [button.key for button in app.button]
