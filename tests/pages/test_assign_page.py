"""Assign page: new data through a run, what was found, and one sentence for what does not fit."""

import csv
import io

import numpy as np
import pytest

from dsc_core.runs import Store
from dsc_core.runs.annotations import edits
from dsc_core.runs.artifacts.labels import labels_frame
from tests.pages.test_data_page import archive, npy, png
from tests.pages.trained import trained

ASSIGN, RESULTS = "pages/views/assign.py", "pages/views/results.py"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A workspace with one run of images and one of a table, trained once for all tests here."""
    import os

    home, before = tmp_path_factory.mktemp("kept"), os.environ.get("DSC_HOME")
    os.environ["DSC_HOME"] = str(home)
    runs = {"image": trained("image", True), "table": trained("table", False)}
    if before is None:
        del os.environ["DSC_HOME"]
    else:
        os.environ["DSC_HOME"] = before
    return home, runs


@pytest.fixture
def runs(kept, monkeypatch):
    monkeypatch.setenv("DSC_HOME", str(kept[0]))
    return kept[1]


def opened(app, run_id):
    app.query_params["run"] = run_id
    app.run()
    return app.switch_page(ASSIGN).run()


def give(app, name: str, content: bytes):
    """Upload a file, and wait until the page has assigned it."""
    return app.file_uploader[0].set_value((name, content, "application/octet-stream")).run()


def rows(app, home):
    """The rows of the file that the page offers."""
    path = max((home / "assigned").glob("*/assigned.csv"), key=lambda one: one.stat().st_mtime_ns)
    return list(csv.DictReader(io.StringIO(path.read_text())))


def figures(app):
    return {metric.label: metric.value for metric in app.metric}


def test_new_images_are_assigned_and_shown(app, runs, kept):
    opened(app, runs["image"])
    content = archive(**{f"<b>{i}</b>__png": png(9, 9, 9 * i) for i in range(25)})
    give(app, "new.zip", content)
    assert not app.exception
    assert not app.error
    assert figures(app)["Samples"] == "25"
    assert "ACC" not in figures(app)
    found = rows(app, kept[0])
    assert [row["id"] for row in found] == [f"<b>{i}</b>.png" for i in range(25)]
    assert list(found[0])[-3:] == ["distance", "error", "unseen"]
    assert figures(app)["Unlike training data"] == str(sum(int(row["unseen"]) for row in found))
    assert len(app.dataframe) >= 1
    # Another page and back: what was found is still there.
    app.switch_page(RESULTS).run()
    app.switch_page(ASSIGN).run()
    assert figures(app)["Samples"] == "25"


def test_a_sample_or_two_are_enough_and_labels_give_an_accuracy(app, runs):
    opened(app, runs["image"])
    out = io.BytesIO()
    np.savez(out, x=np.zeros((2, 8, 8), np.float32), y=np.array(["a|b", "a|b"]))
    give(app, "two.npz", out.getvalue())
    assert not app.error
    assert figures(app)["Samples"] == "2"
    assert figures(app)["ACC"] == "1.000"


@pytest.mark.parametrize(
    ("run", "name", "content"),
    [
        ("image", "a.npy", b"this is no array"),
        ("image", "a.npy", npy(np.zeros((4, 5)))),
        ("image", "a.zip", archive(readme__txt=b"hello")),
        ("image", "t.csv", b"a,b\n1,2\n3,4\n"),
        ("table", "t.npy", npy(np.zeros((4, 3)))),
        ("table", "i.npy", npy(np.zeros((4, 8, 8), np.uint8))),
        ("table", "empty.csv", b""),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_leaves_no_file(app, runs, kept, run, name, content):
    opened(app, runs[run])
    give(app, name, content)
    assert not app.exception
    assert len(app.error) == 1
    assert app.error[0].value.endswith("\\.")
    assert "Samples" not in figures(app)


def test_new_samples_have_the_names_of_the_edited_clusters(app, kept, monkeypatch, tmp_path):
    """A merged cluster is followed; the columns of the run stay beside those of the edits."""
    import shutil

    shutil.copytree(kept[0], tmp_path / "edited")  # the other tests look at the run as it ended
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "edited"))
    run = Store().get(kept[1]["image"])
    log = edits.of_run(run, labels_frame(run))
    log.merge(2, 0)
    log.name(0, "*both*")
    opened(app, run.id)
    give(app, "new.npy", npy(np.random.default_rng(0).random((40, 8, 8)).astype(np.float32)))
    assert not app.exception
    assert not app.error
    found = rows(app, tmp_path / "edited")
    assert list(found[0])[-2:] == ["edited_cluster", "edited_name"]
    names = {"0": ("0", "*both*"), "1": ("1", "1"), "2": ("0", "*both*")}
    for row in found:
        assert (row["edited_cluster"], row["edited_name"]) == names[row["cluster"]]
    table = next(frame.value for frame in app.dataframe if "confidence" in frame.value)
    assert table["cluster"].tolist() == [row["edited_name"] for row in found]


def test_a_sample_unlike_the_training_data_has_no_confidence_on_the_page_and_in_the_file(app, runs, kept):
    opened(app, runs["image"])
    values = np.zeros((6, 8, 8), np.float32)
    values[3:] = np.random.default_rng(0).choice([-40.0, 40.0], (3, 8, 8))
    give(app, "odd.npy", npy(values))
    assert not app.exception
    found = rows(app, kept[0])
    unlike = [row["unseen"] == "1" for row in found]
    assert all(unlike[3:])
    assert [row["confidence"] == "" for row in found] == unlike
    first = next(frame.value for frame in app.dataframe if "confidence" in frame.value)
    assert first["confidence"].isna().tolist() == unlike
    confident = sum(row["unseen"] == "0" and float(row["confidence"]) >= 0.5 for row in found)
    assert figures(app)["Confident"] == f"{confident / 6:.1%}"


def test_a_sample_without_numbers_is_named_and_the_others_are_assigned(app, runs, kept):
    opened(app, runs["image"])
    values = np.zeros((5, 8, 8), np.float32)
    values[2, 0, 0] = np.nan
    give(app, "gap.npy", npy(values))
    assert not app.exception
    assert not app.error
    assert figures(app)["Without a cluster"] == "1"
    assert any("1 sample could not be assigned" in warning.value for warning in app.warning)
    assert [row["cluster"] == "" for row in rows(app, kept[0])] == [False, False, True, False, False]


def test_what_was_read_on_a_doubtful_scale_is_a_warning_with_a_way_to_have_it_otherwise(app, runs):
    opened(app, runs["image"])
    give(app, "dark.npy", npy((np.random.default_rng(0).random((40, 8, 8)) * 1e-3).astype(np.float32)))
    assert not app.exception
    job = app.session_state["assignment"]
    assert [note.kind for note in job.notes] == ["other_range"]
    assert len(app.warning) == 1
    app.button(key="assign_rescale").click().run()
    assert not app.exception
    assert not app.warning
    assert app.session_state["assignment"].options["rescale"] is True


def test_a_stop_keeps_what_is_there(app, runs, kept, monkeypatch):
    from dsc_core.runs import assigning

    real = assigning.assign_all

    def stopped_after_one(loaded, stream, out, progress, stop):
        calls = iter([False, *[True] * 10])
        return real(loaded, stream, out, progress, lambda: next(calls))

    monkeypatch.setattr(assigning, "assign_all", stopped_after_one)
    opened(app, runs["image"])
    give(app, "many.npy", npy(np.random.default_rng(0).random((2500, 8, 8)).astype(np.float32)))
    assert not app.exception
    assert len(rows(app, kept[0])) == 1000
    assert any("Stopped after 1,000 of 2,500" in warning.value for warning in app.warning)


def test_without_a_run_the_page_says_where_to_go(app):
    app.run()
    app.switch_page(ASSIGN).run()
    assert not app.exception
    assert [button.label for button in app.button] == ["Choose data"]


def test_a_run_that_has_not_been_trained_is_said_to_be_so(app, runs):
    store = Store()
    done = store.get(runs["image"])
    from dsc_core.data import load_dataset

    waiting = store.create(load_dataset(done.dataset["key"], store.home), done.config)
    opened(app, waiting)
    assert not app.exception
    assert any("has no results" in heading.value for heading in app.subheader)


# The Export section of the Results page --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "there", "not_there"), [("image", "images", "data_csv"), ("table", "data_csv", "images")]
)
def test_the_results_page_offers_what_there_is_of_the_run(app, runs, kind, there, not_there):
    app.query_params["run"] = runs[kind]
    app.run()
    app.switch_page(RESULTS).run()
    assert not app.exception
    assert "Exports" in {heading.value for heading in app.subheader}
    keys = {button.key.removeprefix("export_") for button in app.get("download_button")}
    assert {"report_html", "labels_csv", "model_zip"} <= keys
    assert ("confusion_svg" in keys) == (kind == "image")
    assert any(key.startswith(there) for key in keys)
    assert not any(key.startswith(not_there) for key in keys)


def test_what_needs_data_that_are_gone_says_why(runs, kept):
    from dsc_core.runs.artifacts import export
    from dsc_core.runs.artifacts.results import load_results

    (kind,) = [kind for kind in export.kinds_of(Store().get(runs["table"])) if kind.name == "data"]
    results = load_results(Store().get(runs["table"]))
    (kept[0] / "data").rename(kept[0] / "away")
    try:
        assert "has no data set" in kind.problem(results)
    finally:
        (kept[0] / "away").rename(kept[0] / "data")
    assert kind.problem(load_results(Store().get(runs["table"]))) is None
