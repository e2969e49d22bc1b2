"""The events of a run as a page sees them: the same however they are read, and never those of before."""

import shutil

import numpy as np
import pytest

from dsc_core.config import Config
from dsc_core.data import open_dataset
from dsc_core.events import Event
from dsc_core.runs import Store
from tests.pages.conftest import ROOT
from tests.pages.trained import at

TRAIN = "pages/views/train.py"


@pytest.fixture
def run_id(store):
    made = store.create(open_dataset("digits"), Config().replace(clusters=10), name="long")
    store.claim(made)
    return made


def tell(store, run_id, steps, **more):
    """Report the losses of these steps, now and then with something else."""
    with store.index.transaction():
        for step in steps:
            stage = "autoencoder" if step < 300 else "joint"
            losses = {"total": 1000.0 if step == 137 else float(np.cos(step))}
            if stage == "joint":
                losses["global_mi"] = float("nan") if step % 50 == 3 else step / 7
            store.append(
                run_id, Event("progress", stage, 1, 9, step, losses, seconds=step / 2, images_per_second=9.0)
            )
            if step % 90 == 0:
                store.append(
                    run_id, Event("note", stage, step=step, message=f"Note {step}.", level="warning")
                )
                store.append(
                    run_id, Event("evaluation", stage, step // 90, 9, step, scores={"acc": step / 1000})
                )
            if step % 200 == 0:
                store.append(
                    run_id, Event("note", stage, step=step, changes={"noise_level": [0.5, step / 1000]})
                )


def contents(past):
    names = (
        "scores",
        "notes",
        "stages",
        "latest",
        "sizes",
        "speed",
        "activity",
        "seconds",
        "paused",
        "changes",
        "now",
    )
    return {name: getattr(past, name) for name in (*names, "last_read")}


def test_many_events_read_at_once_are_those_read_one_by_one(store, run_id, monkeypatch, app):
    from pages.shared.train import history

    tell(store, run_id, range(1, 900))
    at_once = history.History(store.get(run_id)).read()
    monkeypatch.setattr(history, "MANY", 10**9)
    one_by_one = history.History(store.get(run_id)).read()
    assert contents(at_once) == contents(one_by_one)
    assert at_once.marks() == one_by_one.marks()
    assert set(at_once.curves) == set(one_by_one.curves)
    for name, values in one_by_one.curves.items():
        np.testing.assert_array_equal(at_once.curves[name], values)


def test_new_events_show_in_the_tab_that_is_open_and_in_a_new_one(store, run_id, app):
    from streamlit.testing.v1 import AppTest

    tell(store, run_id, range(1, 600))
    at(app, run_id, TRAIN)
    tell(store, run_id, range(600, 650))
    app.run()
    assert app.session_state["history"].latest.step == 649
    other = at(AppTest.from_file(str(ROOT / "app.py"), default_timeout=60), run_id, TRAIN)
    assert contents(other.session_state["history"]) == contents(app.session_state["history"])
    tell(store, run_id, range(650, 660))
    other.run()
    assert other.session_state["history"].latest.step == 659
    assert app.session_state["history"].latest.step == 649, "each tab reads on by itself"


def test_a_run_that_takes_the_place_of_another_shows_its_own_events(store, run_id, app, tmp_path):
    tell(store, run_id, range(1, 600))
    store.finish(run_id, "done")
    at(app, run_id, TRAIN)
    assert app.session_state["history"].latest.step == 599
    other = Store(tmp_path / "other")
    shutil.copytree(store.folder(run_id), other.folder(run_id))
    lines = (other.folder(run_id) / "events.jsonl").read_text().splitlines(keepends=True)
    shutil.rmtree(store.folder(run_id))
    store.index.delete_run(run_id)
    shutil.copytree(other.folder(run_id), store.folder(run_id))
    (store.folder(run_id) / "events.jsonl").unlink()
    (store.folder(run_id) / "events.jsonl").write_text("".join(lines[:50]))
    other.close()
    app.run()
    assert not app.exception
    assert app.session_state["history"].latest.step == 50


def test_fewer_events_than_were_read_are_those_of_another_run(store, run_id, app):
    tell(store, run_id, range(1, 600))
    store.finish(run_id, "done")
    at(app, run_id, TRAIN)
    store.index.delete_events(run_id, 50)  # in the same file, as far as the system tells
    app.run()
    assert not app.exception
    assert app.session_state["history"].latest.step == 50


def test_a_spike_of_one_event_among_thousands_is_drawn(store, run_id, app):
    from pages.shared.train import branching, history

    tell(store, run_id, range(1, 5_000))
    past = history.History(store.get(run_id)).read()
    columns, _ = branching.columns(store.get(run_id), past, None, "total", 0.0)
    assert len(columns["step"]) <= 502
    assert columns["total"].max() == 1000.0
    assert columns["step"][columns["total"].argmax()] == 137


def test_a_run_of_very_many_events_keeps_its_extremes(store, run_id, app, monkeypatch):
    from pages.shared.train import history

    monkeypatch.setattr(history, "MOST_ROWS", 3_000)
    monkeypatch.setattr(history, "KEPT_ROWS", 500)
    tell(store, run_id, range(1, 2_900))
    past = history.History(store.get(run_id)).read()
    tell(store, run_id, range(2_900, 3_200))
    past.read()
    steps = past.curves["step"]
    assert len(steps) < 3_000
    assert (np.diff(steps) > 0).all()
    assert steps[-1] == 3_199
    assert past.curves["total"].max() == 1000.0
