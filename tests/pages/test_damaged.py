"""Pages with a damaged run, a held or mended index, and addresses that cannot be."""

import json
import shutil
import sqlite3

import pytest

from dsc_core.data import open_dataset
from dsc_core.presets import preset
from dsc_core.runs import schema
from pages.shared import jobs, state
from tests.pages.trained import trained

PAGES = [f"pages/views/{name}.py" for name in ("train", "results", "assign", "runs")]


def shown(app):
    return " ".join(str(box.value) for box in (*app.error, *app.warning, *app.caption, *app.markdown))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("run.json", {"created": "long ago"}),
        ("run.json", {"reason": [1]}),
        ("dataset.json", {"samples": "many"}),
        ("summary.json", {"acc": "good"}),
    ],
)
def test_a_damaged_run_is_a_sentence_on_every_page_and_the_others_stand(app, store, page, file, values):
    run_id = trained("table", labelled=True)
    copy = store.folder("copy")
    shutil.copytree(store.folder(run_id), copy)
    (copy / file).write_text(json.dumps(json.loads((copy / file).read_text()) | values))
    for current in (run_id, "copy"):
        app.query_params["run"] = current
        app.run()
        app.switch_page(page).run()
        assert not app.exception
    if page.endswith("runs.py"):
        statuses = app.dataframe[0].value["Status"].tolist()
        assert sorted(statuses) == sorted(["Done", "Done" if file == "summary.json" else "Damaged"])


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize(
    "file", ["summary.json", "embeddings/latent_map.npy", "embeddings/spectral_map.npy", "labels.parquet"]
)
def test_a_missing_file_of_results_is_said_and_made_again(app, store, file, labelled):
    run_id = trained("image", labelled)
    path = store.folder(run_id) / file
    whole = path.read_bytes()
    path.unlink()
    app.query_params["run"] = run_id
    app.run()
    app.switch_page("pages/views/results.py").run()
    assert not app.exception
    assert path.name in shown(app).replace("\\", "")
    assert ("Clusters" in [heading.value for heading in app.subheader]) == (file != "labels.parquet")
    app.button(key="mend").click().run()
    while jobs.get(f"mend_{run_id}").is_alive():
        jobs.get(f"mend_{run_id}").join(1)
    app.run()
    assert not app.exception
    assert not app.error
    assert not app.warning
    assert "Clusters" in [heading.value for heading in app.subheader]
    assert file == "summary.json" or path.read_bytes() == whole


@pytest.mark.parametrize("run_id", ["x" * 300, "é" * 200, "../..", "a\0b", "<b>*x*</b>", "a/b"])
@pytest.mark.parametrize("page", PAGES)
def test_an_address_with_an_id_that_cannot_be_is_an_unknown_run(app, store, page, run_id):
    store.create(open_dataset("digits"), preset("quick"))
    app.query_params["run"] = run_id
    app.run()
    app.switch_page(page).run()
    assert not app.exception
    if not page.endswith("runs.py"):
        assert "not in the workspace" in shown(app)


def test_an_index_that_another_program_holds_is_a_sentence_and_no_frozen_page(app, store, monkeypatch):
    store.close()
    monkeypatch.setattr(state, "PATIENCE", 0.1)
    monkeypatch.setattr(schema, "OPENING", 0.1)
    held = sqlite3.connect(store.home / "dsc.sqlite", isolation_level=None)
    held.execute("PRAGMA locking_mode = EXCLUSIVE")
    held.execute("BEGIN EXCLUSIVE")
    held.execute("CREATE TABLE held (a)")
    app.run()
    assert not app.exception
    assert ["locked by another program" in error.value for error in app.error] == [True]
    held.close()
    app.run()
    assert not app.error


def test_what_happened_to_the_index_is_said_until_it_is_dismissed(app, store):
    store.create(open_dataset("digits"), preset("quick"), name="mine")
    for left in store.home.glob("dsc.sqlite*"):
        left.unlink()
    assert [run.name for run in store.list()] == ["mine"]
    app.run()
    assert "rebuilt from the run folders" in app.warning[0].value
    app.button(key="dismiss_notice").click().run()
    assert not app.warning
