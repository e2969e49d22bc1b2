"""Runs page: every run, what people say of runs, the queue's number, and a trash that gives back."""

import pytest

from dsc_core.data import open_dataset
from dsc_core.presets import preset
from dsc_core.runs import queue, starting, trash
from pages.shared import formatting

RUNS, TRAIN = "pages/views/runs.py", "pages/views/train.py"


@pytest.fixture
def runs(store):
    """Two runs, not started: the newest first."""
    made = [store.create(open_dataset("digits"), preset("quick"), name=name) for name in ("one", "two")]
    return made[::-1]


def at(app, page=RUNS):
    app.run()
    app.switch_page(page).run()
    assert not app.exception
    return app


def choose(app, *rows):
    """Choose rows of the table, as a click would."""
    key = app.dataframe[0].proto.id.rsplit("-", 1)[-1]
    app.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    app.run()
    assert not app.exception
    return app


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def test_an_empty_workspace_says_what_to_do_next(app):
    at(app)
    assert app.subheader[0].value.endswith("No runs yet")
    assert [button.label for button in app.button] == ["Choose data"]


def test_all_runs_are_listed_with_what_is_known_of_them(app, store, runs):
    store.star(runs[0])
    store.annotate(runs[1], "the first try")
    store.claim(runs[1])
    store.finish(runs[1], "failed", "It died.")
    at(app)
    table = app.dataframe[0].value
    assert table["Name"].tolist() == ["two", "one"]
    assert table["★"].tolist() == ["★", ""]
    assert table["Status"].tolist() == ["Not started", "Failed"]
    assert table["Samples"].tolist() == [1797, 1797]
    assert table["Note"].tolist() == ["", "the first try"]
    assert (metrics(app)["Runs"], metrics(app)["Queued"]) == ("2", "0")
    assert metrics(app)["Disk use"].endswith("kB")


def test_a_run_is_named_starred_and_annotated(app, store, runs):
    choose(at(app), 1)
    app.text_input(key=f"name_{runs[1]}").set_value("better").run()
    app.text_area(key=f"note_{runs[1]}").set_value("why").run()
    app.button(key="star").click().run()
    assert not app.exception
    run = store.get(runs[1])
    assert (run.name, run.note, run.starred) == ("better", "why", True)
    app.text_input(key=f"name_{runs[1]}").set_value("two").run()
    assert any("two" in toast.value and "already" in toast.value for toast in app.toast)
    assert app.text_input(key=f"name_{runs[1]}").value == "better"


def test_deleting_asks_first_and_the_trash_gives_back(app, store, runs):
    choose(at(app), 0)
    app.button(key="delete").click().run()
    assert len(store.list()) == 2, "only asked so far"
    app.button(key="really_delete").click().run()
    assert not app.exception
    assert [run.id for run in store.list()] == [runs[1]]
    assert app.dataframe[0].value["Name"].tolist() == ["one"]
    assert "delete" not in [button.key for button in app.button], "the choice does not slip to another run"
    app.multiselect(key="restorable").set_value([runs[0]]).run()
    app.button(key="restore").click().run()
    assert len(store.list()) == 2
    assert trash.trashed(store) == []


def test_several_runs_are_deleted_at_once_and_the_trash_is_emptied_on_request(app, store, runs):
    choose(at(app), 0, 1)
    app.button(key="delete").click().run()
    app.button(key="really_delete").click().run()
    assert store.list() == []
    assert len(trash.trashed(store)) == 2
    app.button(key="empty").click().run()
    assert len(trash.trashed(store)) == 2, "only asked so far"
    app.button(key="really_empty").click().run()
    assert not app.exception
    assert trash.trashed(store) == []


def test_a_run_that_trains_is_not_deleted(app, store, runs):
    store.claim(runs[0])
    choose(at(app), 0)
    app.button(key="delete").click().run()
    app.button(key="really_delete").click().run()
    assert any("stop it first" in toast.value for toast in app.toast)
    assert len(store.list()) == 2


def test_the_queue_is_shown_in_its_order_and_left_on_request(app, store, runs):
    busy = store.create(open_dataset("digits"), preset("quick"), name="busy")
    store.claim(busy)
    queue.enqueue(store, runs[0])
    queue.enqueue(store, runs[1])
    at(app)
    table = app.dataframe[0].value.set_index("Name")["Status"]
    assert (table["busy"], table["two"], table["one"]) == ("Training", "Queued, number 1", "Queued, number 2")
    assert (metrics(app)["Training"], metrics(app)["Queued"]) == ("1", "2")
    choose(app, 1)
    app.button(key="withdraw").click().run()
    assert [run.id for run in queue.waiting(store)] == [runs[1]]
    app.query_params["run"] = runs[1]
    app.session_state["at_run"] = runs[1]
    app.switch_page(TRAIN).run()
    assert any(caption.value.startswith("Number 1 of 1 in the queue") for caption in app.caption)
    app.button(key="withdraw").click().run()
    assert store.get(runs[1]).status == "created"
    assert app.button(key="begin")


def test_the_number_at_a_time_is_kept(app, store, runs):
    at(app)
    assert app.number_input(key="at_a_time").value == 1
    app.number_input(key="at_a_time").set_value(3).run()
    assert not app.exception
    assert queue.concurrent_runs(store) == 3
    assert app.number_input(key="at_a_time").value == 3


def test_a_page_starts_what_a_killed_process_could_not(app, store, runs, monkeypatch):
    store.claim(runs[0])
    queue.enqueue(store, runs[1])
    store.finish(runs[0], "failed", "Killed.")  # without the worker's own last act
    started = []
    monkeypatch.setattr(
        starting,
        "launch",
        lambda store, run: started.append(run.id) or store.index.update_run(run.id, status="stopped"),
    )
    at(app)
    assert started == [runs[1]]


def test_names_from_outside_are_no_markup(app, store, runs):
    store.rename(runs[0], "[a](b) :red[x] <i>")
    choose(at(app), 0)
    app.button(key="delete").click().run()
    assert any(formatting.plain("[a](b) :red[x] <i>") in text.value for text in app.markdown)


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 kB"), (12_345, "12 kB"), (12_345_678, "12.3 MB"), (4_200_000_000, "4.2 GB")]
)
def test_sizes_read_as_people_say_them(count, words):
    assert formatting.size(count) == words
