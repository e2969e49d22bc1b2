"""Runs page: every run, what people say of runs, the queue's number, and a trash that gives back."""

import json
import shutil
import time
from datetime import datetime, timedelta

import pytest

from dsc_core.data import open_dataset
from dsc_core.presets import preset
from dsc_core.runs import queue, starting, trash
from dsc_core.runs.files import write_json
from pages.shared import choices, formatting
from tests.pages.trained import FEW, trained

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


def test_nothing_is_made_up_about_a_damaged_run(app, store):
    run_id = trained("table", labelled=True)
    for name, file, content in (
        ("copy", "config.json", "{"),
        ("scores", "summary.json", '{"acc": "x", "nmi": 0.5}'),
    ):
        shutil.copytree(store.folder(run_id), store.folder(name))
        (store.folder(name) / file).write_text(content)
    at(app)
    table = app.dataframe[0].value.set_index("Name")
    known = table.loc["copy", ["Data", "Samples", "K", "ACC", "NMI", "Preset"]]
    assert known.isna().all(), known
    assert table["Samples"].dropna().tolist() == [FEW, FEW]
    assert table["K"].dropna().tolist() == [3, 3]
    assert len(table["ACC"].dropna()) == len(table["NMI"].dropna()) == 1, "those of the readable summary"
    app.switch_page(TRAIN).run()
    options = app.selectbox(key="picked_run").options
    assert sum("damaged" in option for option in options) == 1
    assert not any("0 samples" in option for option in options)


@pytest.mark.parametrize("years", [0, 1])
def test_the_year_is_shown_unless_it_is_this_one(app, store, runs, years):
    made = datetime.now().replace(month=1, day=3, hour=12) - timedelta(days=365 * years)
    store.index.update_run(runs[0], created=made.timestamp())
    at(app)
    columns = json.loads(app.dataframe[0].proto.columns)
    assert ("YYYY" in columns["Created"]["type_config"]["format"]) == bool(years)


def test_a_run_is_named_starred_and_annotated(app, store, runs):
    choose(at(app), 1)
    app.text_input(key=f"name_{runs[1]}").set_value("better").run()
    assert any("now called better" in toast.value for toast in app.toast)
    app.text_area(key=f"note_{runs[1]}").set_value("why").run()
    app.button(key="star").click().run()
    assert not app.exception
    run = store.get(runs[1])
    assert (run.name, run.note, run.starred) == ("better", "why", True)
    app.text_input(key=f"name_{runs[1]}").set_value("two").run()
    assert any("two" in toast.value and "already" in toast.value for toast in app.toast)
    assert app.text_input(key=f"name_{runs[1]}").value == "better"


@pytest.mark.parametrize(
    "change",
    [
        lambda app, run_id: app.text_input(key=f"name_{run_id}").set_value("better"),
        lambda app, run_id: app.text_area(key=f"note_{run_id}").set_value("why"),
        lambda app, run_id: app.button(key="star").click(),
    ],
    ids=["name", "note", "star"],
)
def test_a_change_of_a_run_that_was_deleted_elsewhere_is_a_sentence(app, store, runs, change):
    choose(at(app), 1)
    trash.delete(store, runs[1])
    change(app, runs[1]).run()
    assert not app.exception
    assert any("There is no run" in toast.value for toast in app.toast)
    assert app.dataframe[0].value["Name"].tolist() == ["two"]


def test_deleting_asks_first_and_the_trash_gives_back(app, store, runs):
    choose(at(app), 0)
    app.button(key="delete").click().run()
    assert len(store.list()) == 2, "only asked so far"
    app.button(key="really_delete").click().run()
    assert not app.exception
    assert [run.id for run in store.list()] == [runs[1]]
    assert app.dataframe[0].value["Name"].tolist() == ["one"]
    assert "delete" not in [button.key for button in app.button], "the choice does not slip to another run"
    app.button(key=f"restore_{runs[0]}").click().run()
    assert not app.exception
    assert len(store.list()) == 2
    assert trash.trashed(store) == []


def test_a_deletion_is_undone_by_one_click(app, store, runs):
    choose(at(app), 0, 1)
    app.button(key="delete").click().run()
    app.button(key="really_delete").click().run()
    assert store.list() == []
    app.button(key="undo_delete").click().run()
    assert not app.exception
    assert sorted(run.id for run in store.list()) == sorted(runs)
    assert "undo_delete" not in [button.key for button in app.button]


def test_a_run_is_restored_however_long_the_page_has_been_open(app, store, runs, monkeypatch):
    trash.delete(store, runs[0])
    at(app)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 7200)
    assert "just now" in " ".join(text.value for text in app.markdown)
    app.run()
    assert "2 h ago" in " ".join(text.value for text in app.markdown)
    app.button(key=f"restore_{runs[0]}").click().run()
    assert not app.toast or "restored" in app.toast[0].value
    assert trash.trashed(store) == []


def test_no_option_of_a_select_box_changes_as_time_goes_on(app, store, runs, monkeypatch):
    """The browser sends the label of an option back: one that has changed meanwhile is no option any more."""

    def options(page) -> dict[str, list[str]]:
        app.switch_page(page).run()
        assert not app.exception
        kinds = (
            app.selectbox,
            app.multiselect,
            app.radio,
            app.select_slider,
            app.segmented_control,
            app.pills,
        )
        return {str(one.key or one.label): list(one.options) for kind in kinds for one in kind}

    pages = [f"pages/views/{name}.py" for name in ("data", "train", "results", "assign", "runs")]
    made = trained("image", True)
    trash.delete(store, runs[0])
    app.query_params["run"] = made
    app.run()
    before = {page: options(page) for page in pages}
    assert any(made in str(one) or "few" in str(one) for one in before[TRAIN].values())
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3 * 86400)
    assert {page: options(page) for page in pages} == before


def test_no_option_of_the_run_picker_changes_while_a_run_is_trained(app, store, runs):
    def options():
        app.switch_page(TRAIN).run()
        assert not app.exception
        return app.selectbox(key="picked_run").options

    at(app)
    before = options()
    store.claim(runs[1])
    assert options() == before
    for paused in (True, False):
        store.set_paused(runs[1], paused)
        assert options() == before
    store.finish(runs[1], "failed", "It died.")
    assert options() == before


def test_options_that_read_alike_are_told_apart():
    assert choices.labels(["a", "b", "c"], {"a": "x", "b": "x", "c": "y"}.get) == {
        "a": "x (a)",
        "b": "x (b)",
        "c": "y",
    }


def test_a_paused_run_is_paused_everywhere_and_the_one_behind_it_says_so_and_can_start(
    app, store, runs, monkeypatch
):
    store.claim(runs[1])
    store.set_paused(runs[1], True)
    queue.enqueue(store, runs[0])
    at(app)
    assert app.dataframe[0].value.set_index("Name")["Status"]["one"] == "Paused"
    assert (metrics(app)["Training"], metrics(app)["Paused"], metrics(app)["Queued"]) == ("0", "1", "1")
    app.query_params["run"] = app.session_state["at_run"] = runs[0]
    app.switch_page(TRAIN).run()
    assert any("paused" in caption.value and "one" in caption.value for caption in app.caption)
    started = []
    monkeypatch.setattr(starting, "launch", lambda store, run: started.append(run.id))
    app.button(key="start_now").click().run()
    assert not app.exception
    assert started == [runs[0]]


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


def test_scores_that_change_on_disk_show_at_the_next_run_of_the_script(app, store):
    run = store.get(trained("image", True))
    app.run()
    app.switch_page("pages/views/runs.py").run()
    summary = json.loads((run.folder / "summary.json").read_text())
    for score in (0.125, 0.25):
        write_json(run.folder / "summary.json", summary | {"acc": score})
        app.run()
        assert app.dataframe[0].value["ACC"].tolist() == [score]
