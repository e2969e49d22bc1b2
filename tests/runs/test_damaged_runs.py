"""One damaged run is one damaged run: whatever is wrong with its files, the others stand and a sentence says why."""

import json
import os
import shutil
from functools import partial

import numpy as np
import pytest

from dsc_core.cli.main import main
from dsc_core.errors import InputError, RunError
from dsc_core.runs import Store, film_frames, run_folder, trash
from dsc_core.runs.annotations import edits, names, selections
from dsc_core.runs.artifacts import choose_k_sweep
from dsc_core.runs.artifacts.arrays import read_latent, read_spectral
from dsc_core.runs.artifacts.cluster_tree import read_tree
from dsc_core.runs.artifacts.graph import load_graph
from dsc_core.runs.artifacts.labels import labels_csv, labels_frame
from dsc_core.runs.artifacts.results import load_results
from dsc_core.runs.related_runs import same_dataset

DEEP = "[" * 100_000 + "]" * 100_000
# What a value is replaced by, as JSON.
VALUES = (
    '"many"', "-1", "1e300", "NaN", "Infinity", str(10**30), "9" * 5000, "{}", "[1]", "[[]]", "true", '"\\ud800"',
    '"\\u0000"', '""', '"' + "x" * 20_000 + '"', DEEP,
)  # fmt: skip
CARDS = ("run.json", "dataset.json", "config.json", "summary.json")
ANNOTATIONS = ("named.json", "selections.json", "how-many.json", "edits.jsonl")
ARRAYS = (
    "labels.parquet",
    "embeddings/latent.npy",
    "embeddings/spectral_map.npy",
    "frames/map-00001.npz",
    "graph.npz",
)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path, rng):
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[rng.integers(0, len(content), 1 + len(content) // 20)] ^= 0x55
    path.write_bytes(content.tobytes())


def become(path, how):
    """Put something in place of a file that is no file with its content."""
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "loop":
        path.symlink_to(path)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "device":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(
            {"empty": b"", "latin": b'{"name": "caf\xe9"}', "null": b"null", "deep": DEEP.encode()}[how]
        )


INSTEAD = ("folder", "loop", "pipe", "device", "empty", "latin", "null", "deep")


def sentence(error):
    """Whether an error is one sentence for people: one line, and no name of an exception of Python."""
    text = str(error)
    return "\n" not in text and len(text) < 700 and "Error" not in text and text.endswith(".")


def survey(store, run_id):
    """Read everything of a run that pages and commands read. → the sentences; any other error is a failure."""
    told = []

    def attempt(read, *arguments):
        try:
            return read(*arguments)
        except (InputError, RunError) as error:
            told.append(str(error))
            return None

    run = store.get(run_id)
    results = attempt(load_results, run)
    for read in (labels_frame, labels_csv, read_latent, read_spectral, load_graph, choose_k_sweep.read_sweep):
        attempt(read, run)
    attempt(selections.saved, run.folder)
    attempt(film_frames.read, run.folder, 1)
    attempt(film_frames.read_rows, run.folder)
    if results is not None:
        attempt(names.read_names, results)
        attempt(lambda: edits.of_run(run, results.labels).now())
        attempt(read_tree, run, results.labels["cluster"].to_numpy())
    attempt(lambda: [event.to_json() for _, event in store.events(run.id)])
    attempt(store.checkpoints, run.id)
    attempt(same_dataset, store, run)
    assert all(map(sentence, told)), told
    if run.status == "damaged":
        assert sentence(run.reason), run.reason
        for change in (
            partial(store.star, run.id),
            partial(store.start, run.id),
            partial(store.rename, run.id, "x"),
        ):
            with pytest.raises(InputError) as refused:
                change()
            assert sentence(refused.value)
        told.append(run.reason)
    return told


@pytest.fixture
def finished(store, done):
    """The folder of a finished run with one of everything that people add to it."""
    run = store.get(done)
    results = load_results(run)
    names.give_name(results, "samples", [0], "an ant")
    edits.of_run(run, results.labels).name(0, "ants")
    selections.save(run.folder, "some", [1, 2])
    film_frames.begin(run.folder, np.arange(30), -1)
    film_frames.keep(run.folder, film_frames.Frame(1, np.zeros((30, 2), np.float32), np.zeros(30, np.int16)))
    load_graph(run)
    (run.folder / "how-many.json").write_text(
        '{"mark": "", "rows": [], "values": [], "left": [], "seconds": 1}'
    )
    return run.folder


@pytest.fixture
def copy(store, finished):
    """Make a copy of that run, damage it, and look at everything. → the sentences about it."""

    def look(damage, run_id="copy"):
        folder = store.folder(run_id)
        shutil.copytree(finished, folder, symlinks=True)
        damage(folder)
        try:
            listed = {run.id: run for run in store.list()}
            assert listed.keys() == {finished.name, run_id}
            assert listed[finished.name].status == "done"
            assert store.find(finished.name).status == "done"
            return survey(store, run_id)
        finally:
            store.index.delete_run(run_id)
            shutil.rmtree(folder)

    return look


def fields():
    """Every value of the cards of a run, in an order by chance that is always the same; some for each test."""
    names = {
        "run.json": ("name", "status", "reason", "pid", "created", "started", "ended", "heartbeat", "device", "note",
                     "starred", "queued", "process", "home", "parent"),
        "dataset.json": ("name", "kind", "shape", "dtype", "scaling", "samples", "classes", "skipped", "notes",
                         "preprocessing", "key"),
        "config.json": ("clusters", "noise", "batch_norm", "seed", "learning_rate"),
        "summary.json": ("acc", "seconds", "device", "samples"),
    }  # fmt: skip
    return [(file, field) for file, known in names.items() for field in known]


@pytest.mark.parametrize(("file", "field"), fields())
def test_a_wrong_value_is_one_damaged_run_or_none_at_all(copy, file, field):
    def damage(value, folder):
        card = json.loads((folder / file).read_text())
        card[field] = "HERE"
        (folder / file).write_text(json.dumps(card).replace('"HERE"', value))

    for value in VALUES:
        for told in copy(partial(damage, value)):
            assert "copy" in told or "'" in told


@pytest.mark.parametrize("how", INSTEAD)
@pytest.mark.parametrize("file", [*CARDS, *ANNOTATIONS, *ARRAYS, "events.jsonl", "frames/rows.npy"])
def test_something_else_in_place_of_a_file_is_a_sentence(copy, file, how):
    told = copy(lambda folder: become(folder / file, how))
    if file in ("run.json", "dataset.json", "labels.parquet"):
        assert any(file in text for text in told)


@pytest.mark.parametrize("file", [*CARDS, *ANNOTATIONS, *ARRAYS, "events.jsonl", "model/fake.npz"])
def test_a_file_that_is_cut_or_has_wrong_bytes_leaves_the_others_alone(copy, file):
    rng = np.random.default_rng(0)
    copy(lambda folder: cut(folder / file))
    for _ in range(8):
        copy(lambda folder: flip(folder / file, rng))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("latent", np.full((30, 2), np.nan, np.float32), "no finite numbers"),
        ("latent", np.zeros((29, 2), np.float32), "29 rows"),
        ("spectral", np.zeros((30, 0), np.float32), "30 rows of 0"),
        ("spectral_map", np.zeros((30, 3), np.float32), "30 rows of 3"),
        ("latent_map", np.zeros((30, 2), np.int64), "int64"),
        ("latent", np.zeros(30, np.float32), "1 dimensions"),
    ],
)
def test_an_array_of_another_shape_or_kind_is_said(copy, name, content, words):
    told = copy(lambda folder: np.save(folder / "embeddings" / f"{name}.npy", content))
    assert any(f"{name}.npy" in text and words in text for text in told)


def test_labels_of_another_kind_are_said(copy, finished):
    import pandas as pd

    frame = pd.read_parquet(finished / "labels.parquet")
    for column, value, words in (
        ("cluster", 99, "column cluster"),
        ("confidence", np.nan, "column confidence"),
        ("id", [[1]] * 30, "column id"),
        ("latent_x", "far", "column latent_x"),
    ):
        wrong = frame.assign(**{column: value})
        told = copy(lambda folder, wrong=wrong: wrong.to_parquet(folder / "labels.parquet", index=False))
        assert any(words in text for text in told)


def test_the_sentence_names_file_and_value(store, finished):
    for file, field, value, words in (
        (
            "run.json",
            "created",
            "long ago",
            "run.json of the run copy is damaged (created is 'long ago', not a time",
        ),
        (
            "dataset.json",
            "samples",
            -3,
            "dataset.json of the run copy is damaged (samples is -3, not a whole number)",
        ),
        ("dataset.json", "shape", None, "dataset.json of the run copy is damaged (shape is missing)"),
        (
            "config.json",
            "clusters",
            "x",
            "config.json of the run copy is damaged (clusters must be a whole number",
        ),
    ):
        shutil.copytree(finished, store.folder("copy"))
        card = json.loads((store.folder("copy") / file).read_text()) | {field: value}
        (store.folder("copy") / file).write_text(json.dumps(card))
        assert words in store.get("copy").reason
        shutil.rmtree(store.folder("copy"))


def test_a_damaged_run_is_deleted_and_restored_and_well_once_it_is_mended(store, finished):
    shutil.copytree(finished, store.folder("copy"))
    whole = (finished / "run.json").read_text()
    (store.folder("copy") / "run.json").write_text("{")
    assert store.get("copy").status == "damaged"
    trash.delete(store, "copy")
    assert [run.id for run in store.list()] == [finished.name]
    assert [run.id for run in trash.trashed(store)] == ["copy"]
    assert trash.restore(store, "copy") == "copy"
    assert store.get("copy").status == "damaged"
    (store.folder("copy") / "run.json").write_text(whole)
    assert store.get("copy").status == "done"


def test_folders_that_are_no_runs_or_cannot_be_named_leave_the_others_alone(store, finished, monkeypatch):
    runs = store.home / "runs"
    (runs / "loop").symlink_to(runs / "loop")
    (runs / "file").write_text("")
    (runs / "empty").mkdir()
    odd = os.path.join(os.fsencode(runs), b"caf\xe9")
    shutil.copytree(os.fsencode(finished), odd)
    shown = {run.id: run for run in store.list()}
    assert shown.keys() == {finished.name, "caf\ufffd"}
    assert "rename the folder" in shown["caf\ufffd"].reason
    trash.delete(store, "caf\ufffd")
    assert not os.path.exists(odd)


def test_a_folder_that_may_not_be_read_is_one_damaged_run(store, finished, monkeypatch):
    shutil.copytree(finished, store.folder("copy"))

    def refuse(path, *arguments, **options):
        if "copy" in str(path):
            raise PermissionError(13, "Permission denied")
        return stat(path, *arguments, **options)

    stat = os.stat
    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(run_folder.Path, "is_dir", lambda path: True)
    assert {run.id: run.status for run in store.list()} == {finished.name: "done", "copy": "damaged"}
    assert "permission denied" in store.get("copy").reason


@pytest.mark.parametrize(
    "run_id", ["x" * 300, "é" * 200, "../..", "..", ".", "", "a/b", "a\\b", "a\0b", "\ud800", "*"]
)
def test_an_id_that_cannot_be_is_an_unknown_run(store, run_id):
    with pytest.raises(InputError, match="There is no run"):
        store.get(run_id)
    with pytest.raises(InputError, match="There is no run"):
        trash.restore(store, run_id)


def test_the_command_line_gives_a_sentence_for_each_command(store, finished, tmp_path, capsys):
    for file, card in (
        ("run.json", {"created": "long ago"}),
        ("dataset.json", {"samples": "many"}),
        ("summary.json", {"acc": "good"}),
    ):
        shutil.copytree(finished, store.folder("copy"))
        known = json.loads((store.folder("copy") / file).read_text())
        (store.folder("copy") / file).write_text(json.dumps(known | card))
        assert main(["list"]) == 0
        assert finished.name in capsys.readouterr().out
        out = str(tmp_path / "labels.csv")
        for command in (["show", "copy"], ["export", "copy", "--out", out], ["assign", "copy", "digits", "--out", out],
                        ["resume", "copy"], ["star", "copy"], ["delete", "copy", "--yes"]):  # fmt: skip
            code = main(command)
            told = capsys.readouterr()
            assert code in (0, 1, 2)
            assert "nexpected" not in told.err, (command, told.err)
            assert "Traceback" not in told.err
            assert len(told.err.splitlines()) <= 2
        assert main(["list"]) == 0
        capsys.readouterr()


def test_an_index_of_an_earlier_version_that_took_over_wrong_values_is_mended(store, finished):
    for column, value in (
        ("created", "long ago"),
        ("config", "{"),
        ("pid", "x"),
        ("dataset", '{"samples": "many"}'),
    ):
        store.index.connection.execute(f"UPDATE runs SET {column} = ?", (value,))
        again = Store(store.home)
        assert [(run.id, run.status) for run in again.list()] == [(finished.name, "done")]
        assert len(again.events(finished.name)) == len(store.events(finished.name)) > 0
        again.close()
