"""export: results and events in the format that the suffix names."""

import json

import pytest

from dsc_core.runs import Store
from dsc_core.runs.annotations import edits
from dsc_core.runs.artifacts import event_table
from dsc_core.runs.artifacts.labels import labels_csv, labels_frame


def test_a_file_that_cannot_be_written_is_exit_code_2(run, blobs, tmp_path):
    run("train", blobs, "--run", "mine")
    code, _, err = run("export", "mine", "--out", tmp_path / "no" / "labels.csv")
    assert (code, err.count("\n")) == (2, 1)
    assert "--out" in err
    assert run("export", "mine", "--out", "-", "--json")[0] == 2


def test_the_suffix_sets_the_format_of_events(run, blobs, tmp_path):
    assert run("train", blobs, "--run", "mine")[0] == 0
    store = Store()
    events = store.events(store.find("mine").id)
    code, out, _ = run("export", "mine", "--events", tmp_path / "events.csv")
    assert (code, out.strip()) == (0, f"{len(events)} events written to {tmp_path / 'events.csv'}")
    assert (
        run("export", "mine", "--events", tmp_path / "events.parquet", "--out", tmp_path / "labels.csv")[0]
        == 0
    )
    assert (tmp_path / "labels.csv").read_bytes() == labels_csv(store.find("mine"))
    written = (tmp_path / "events.csv").read_bytes()
    assert written == event_table.events_csv(events)
    assert (tmp_path / "events.parquet").read_bytes()[:4] == b"PAR1"
    assert run("export", "mine", "--events", "-")[1].encode() == written
    result = json.loads(run("export", "mine", "--events", tmp_path / "e.csv", "--json")[1])
    assert result["events"] == len(events)


def test_what_cannot_be_exported_is_one_sentence(run, blobs, tmp_path):
    assert run("train", blobs, "--run", "mine")[0] == 0
    code, _, err = run("export", "mine")
    assert (code, len(err.splitlines())) == (2, 1)
    code, _, err = run("export", "mine", "--events", tmp_path / "events.xlsx")
    assert code == 2
    assert "a .csv or .parquet file, or a folder for TensorBoard" in err
    assert run("export", "mine", "--events", "-", "--out", "-")[0] == 2
    assert run("export", "mine", "--events", "-", "--json")[0] == 2


def test_tensorboard_files_are_written_during_training_and_afterwards(run, blobs, tmp_path):
    pytest.importorskip("tensorboard")
    code, _, err = run("train", blobs, "--run", "mine", "--tensorboard")
    assert code == 0, err
    saved = Store().find("mine")
    (during,) = (saved.folder / "tensorboard").glob("events.out.tfevents.*")
    of_another = tmp_path / "board" / "events.out.tfevents.1.other"
    of_another.parent.mkdir()
    of_another.touch()
    assert run("export", "mine", "--events", tmp_path / "board")[0] == 0
    assert of_another.exists(), "what lies there already is left alone"
    (after,) = (tmp_path / "board" / saved.id).glob("events.out.tfevents.*")
    assert abs(during.stat().st_size - after.stat().st_size) < 100, (
        "the files' heads differ, their events do not"
    )


def test_it_is_said_whether_the_edits_of_the_clusters_are_in_the_file(run, blobs, tmp_path):
    assert run("train", blobs, "--run", "mine")[0] == 0
    out = tmp_path / "labels.csv"
    assert run("export", "mine", "--out", out)[2] == "", "there are none"
    of = Store().find("mine")
    edits.of_run(of, labels_frame(of)).name(0, "first")
    code, _, err = run("export", "mine", "--out", out)
    assert (code, err) == (
        0,
        "Written without the 1 edit of its clusters: add --edited for the clusters as edited.\n",
    )
    assert "edited_cluster" not in out.read_text()
    code, _, err = run("export", "mine", "--out", out, "--edited")
    assert (code, err) == (0, "Written with the 1 edit of its clusters.\n")
    assert "edited_cluster" in out.read_text()
    told = json.loads(run("export", "mine", "--out", out, "--edited", "--json")[1])
    assert (told["edited"], told["edits"]) == (True, 1)
