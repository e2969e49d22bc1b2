"""What is read from a run's folder: results, labels.csv, runs opened in notebooks."""

import csv
import io
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dsc_core import load_run
from dsc_core.analysis import metrics
from dsc_core.data import Dataset
from dsc_core.errors import InputError, RunError
from dsc_core.runs import Store, execute
from dsc_core.runs.artifacts import labels as labels_table
from dsc_core.runs.artifacts.csv_table import csv_bytes, harmless, original
from dsc_core.runs.artifacts.labels import labels_csv, make_frame, write_frame
from dsc_core.runs.artifacts.mending import mend
from dsc_core.runs.artifacts.results import load_results, load_what_is_left

COLUMNS = ["id", "cluster", "confidence", "label", "matched_label", *labels_table.MAP_COLUMNS]


def rows_of(content):
    return list(csv.reader(io.StringIO(content.decode())))


def test_results_hold_what_the_run_found(store, done, dataset):
    found = load_results(store.get(done))
    assert list(found.labels.columns) == COLUMNS
    assert found.latent_map.shape == found.spectral_map.shape == (30, 2)
    assert found.scores["acc"] == metrics.accuracy(dataset.labels, found.labels["cluster"])
    matrix, classes, clusters = found.confusion
    assert (matrix.sum(), classes, sorted(clusters)) == (30, ["=cat", "ant", "bee"], [0, 1, 2])
    assert np.trace(matrix) / 30 == found.scores["acc"]
    assert isinstance(found.dataset.samples, np.memmap)
    assert (np.asarray(found.dataset.samples) == dataset.samples).all()


def test_labels_csv_has_a_row_a_sample_in_input_order_and_no_formula(store, done, dataset):
    content = labels_csv(store.get(done))
    header, *rows = rows_of(content)
    assert header == COLUMNS
    assert [row[0] for row in rows] == [*dataset.ids[:-1], "'=1+1"]
    assert {row[3] for row in rows} == {"ant", "bee", "'=cat"}
    assert {row[4] for row in rows} == {"ant", "bee", "'=cat"}
    assert all(len(row[2].split(".")[1]) == 4 and 0 < float(row[2]) <= 1 for row in rows)
    assert b"\r" not in content
    assert content == labels_csv(Store(store.home).get(done))


def test_without_labels_the_csv_has_no_label_columns(store, dataset, config, fake_training):
    bare = Dataset(dataset.name, dataset.samples, dataset.ids, None, "image", dataset.scaling)
    run_id = store.create(bare, config)
    execute(store, run_id)
    assert rows_of(labels_csv(store.get(run_id)))[0] == [
        "id",
        "cluster",
        "confidence",
        *labels_table.MAP_COLUMNS,
    ]
    assert load_results(store.get(run_id)).confusion is None


def test_whole_number_labels_stay_whole_where_a_cluster_has_no_class():
    frame = make_frame(["a", "b", "c"], [0, 1, 2], [1, 1, 1], np.zeros((3, 4)), np.array([5, 7, 7]))
    rows = rows_of(csv_bytes(frame))
    assert [row[3:5] for row in rows[1:]] == [["5", "5"], ["7", "7"], ["7", ""]]


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("-", "'-"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("-1", "-1"),
        ("+3.5e-2", "+3.5e-2"),
        ("a=b", "a=b"),
        ("\n=1", "'\n=1"),
        ("\r=1", "'\r=1"),
        ("  =1", "'  =1"),
        ("\u3000\ufeff=1", "'\u3000\ufeff=1"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠SUM(A1)", "'＠SUM(A1)"),
        ("'=1", "''=1"),
        (" -1", " -1"),
        ("'s", "'s"),
        ("", ""),
        (pd.NA, ""),
        (None, ""),
    ],
)
def test_cells_are_harmless_to_a_spreadsheet(cell, safe):
    assert harmless(cell) == safe
    if isinstance(cell, str):
        assert original(safe) == cell


def test_every_cell_can_be_brought_back():
    rng = np.random.default_rng(0)
    letters = list("=+-@\t\r\n＝＋－＠ '\u3000\u200b\ufeff1.5ea,;\"")
    for count in rng.integers(0, 7, 5000):
        text = "".join(rng.choice(letters, count))
        assert original(harmless(text)) == text


def test_no_cell_of_a_table_begins_a_row_of_its_own():
    texts = ["x\r=1", "a\n=2", "\n=3", "\r=4", 'b"c,d', "e\r\n=5"]
    frame = pd.DataFrame({"=id\r": texts, "cluster": pd.array([0, 1, None, 3, 4, 5], dtype="Int64")})
    rows = list(csv.reader(io.StringIO(csv_bytes(frame).decode(), newline="")))
    assert [len(row) for row in rows] == 7 * [2]
    assert [original(row[0]) for row in rows] == ["=id\r", *texts]
    assert not any(row[0].lstrip().startswith("=") for row in rows)


def test_ids_with_commas_quotes_and_line_ends_come_back():
    ids = ['a,"b"', "two\nlines", "ü.png"]
    frame = make_frame(ids, [0, 0, 1], [1, 1, 1], np.zeros((3, 4)))
    assert [row[0] for row in rows_of(csv_bytes(frame))[1:]] == ids


@pytest.mark.parametrize("labels", [None, np.arange(50) // 17, np.array(["a", "b", "=c", "dd", "e"] * 10)])
def test_a_table_written_and_exported_in_pieces_is_the_same(labels, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    ids = np.array([f"{i}.png" for i in range(50)])
    clusters = np.sort(rng.integers(0, 9, 50))  # of nine clusters, most have no class of their own
    columns = ids, clusters, rng.random(50), rng.random((50, 4)), labels
    whole = make_frame(*columns)
    whole.to_parquet(tmp_path / "whole.parquet", index=False)
    monkeypatch.setattr(labels_table, "_labels_path", lambda run: tmp_path / "labels.parquet")
    for piece in (7, 50, 1000):
        monkeypatch.setattr(labels_table, "PIECE", piece)
        write_frame(tmp_path / "labels.parquet", *columns)
        written = [pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("labels", "whole")]
        pd.testing.assert_frame_equal(*written)
        assert labels_csv(SimpleNamespace(clusters=9, samples=50)) == csv_bytes(whole)


def test_a_run_without_results_is_one_sentence(store, run_id):
    with pytest.raises(InputError, match=r"has no results: it is created\.$"):
        load_results(store.get(run_id))
    store.claim(run_id)
    store.finish(run_id, "failed", "The disk is full.")
    with pytest.raises(InputError, match=r"has no results: it is failed \(The disk is full\)\.$"):
        labels_csv(store.get(run_id))


def test_labels_that_were_removed_are_told_from_a_run_that_was_stopped_too_early(store, done):
    folder = store.folder(done)
    (folder / "labels.parquet").unlink()
    for read in (load_results, labels_csv):
        with pytest.raises(RunError, match=r"The file labels.parquet of the run .* is missing"):
            read(store.get(done))
    store.index.update_run(done, status="stopped")
    with pytest.raises(RunError, match="is missing"):
        labels_csv(store.get(done))
    (folder / "summary.json").unlink()
    with pytest.raises(InputError, match="it was stopped too early"):
        labels_csv(store.get(done))


@pytest.mark.parametrize(
    "name", ["summary.json", "labels.parquet", "embeddings/latent_map.npy", "embeddings/spectral_map.npy"]
)
@pytest.mark.parametrize("how", ["cut", "other", "gone"])
def test_a_damaged_file_is_one_sentence(store, done, name, how):
    path = store.folder(done) / name
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:40] if how == "cut" else b"\x80\x04something else entirely" * 20)
    with pytest.raises((RunError, InputError), match=r"^The .*\.$") as error:
        load_results(store.get(done))
    assert "\n" not in str(error.value)


FILES = ["summary.json", "labels.parquet", "embeddings/latent_map.npy", "embeddings/spectral_map.npy"]


@pytest.mark.parametrize("how", ["cut", "gone"])
@pytest.mark.parametrize("names", [*([name] for name in FILES), FILES])
def test_what_is_missing_is_made_again_from_what_is_left(store, done, how, names):
    run, folder = store.get(done), store.folder(done)
    whole = load_results(run)
    for name, column in (("labels", "cluster"), ("confidence", "confidence")):  # as a real model holds them
        np.save(folder / "model" / f"{name}.npy", whole.labels[column].to_numpy())
    for name in names:
        (folder / name).unlink()  # first: what is mapped into memory must not be cut
        if how == "cut":
            (folder / name).write_bytes(b"")
    if "labels.parquet" not in names:
        left = load_what_is_left(run)
        assert left.missing == tuple(name.rpartition("/")[2] for name in names)
        assert np.array_equal(left.latent_map, whole.latent_map)
        assert np.array_equal(left.spectral_map, whole.spectral_map)
    made = mend(run)
    assert sorted(made) == sorted(name.rpartition("/")[2] for name in names)
    again = load_results(run)
    assert again.labels["cluster"].tolist() == whole.labels["cluster"].tolist()
    assert again.labels["id"].tolist() == whole.labels["id"].tolist()
    assert np.isfinite(again.latent_map).all()
    if len(names) == 1:
        assert np.array_equal(again.latent_map, whole.latent_map)
        assert again.labels.equals(whole.labels)
    for name in ("acc", "nmi", "ari", "silhouette_latent"):
        assert again.summary[name] == pytest.approx(whole.summary[name])
    assert mend(run) == []
    assert load_what_is_left(run).missing == ()


def test_without_the_model_lost_labels_are_lost(store, done):
    folder = store.folder(done)
    (folder / "labels.parquet").unlink()
    (folder / "model" / "labels.npy").unlink(missing_ok=True)
    with pytest.raises(RunError, match=r"labels\.npy"):
        mend(store.get(done))
    assert not list(folder.glob(".new-*"))


def test_maps_of_another_run_are_refused(store, done):
    np.save(store.folder(done) / "embeddings" / "latent_map.npy", np.zeros((7, 2), dtype=np.float32))
    with pytest.raises(RunError, match="it holds 7 rows of 2, and the run 30 samples"):
        load_results(store.get(done))


def test_an_array_with_objects_in_it_is_never_unpickled(store, done):
    path = store.folder(done) / "embeddings" / "latent_map.npy"
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(RunError, match="is damaged"):
        load_results(store.get(done))


def test_a_run_opens_by_id_by_name_and_wherever_its_folder_lies(store, done, dataset, tmp_path):
    shutil.copytree(store.folder(done), tmp_path / "elsewhere" / "my copy")
    for where in (done, done[:14], tmp_path / "elsewhere" / "my copy"):
        run = load_run(where)
        assert run.labels.shape == run.confidence.shape == (30,)
        assert run.latent.shape == run.spectral_map.shape == (30, 2)
        assert run.ids.tolist() == dataset.ids.tolist()
        assert run.labels_true.tolist() == dataset.labels.tolist()
        assert run.config.clusters == 3
        assert run.summary["run"] == done
    with pytest.raises(InputError, match="There is no run 'nothing'"):
        load_run("nothing")


def test_new_samples_are_assigned_whatever_their_units(store, done, dataset):
    run = load_run(done)
    again = run.assign(dataset.samples)
    assert (again.labels == run.labels).mean() > 0.8
    scaled = Dataset("same", dataset.values(), dataset.ids, None, "image")
    assert (run.assign(scaled).labels == again.labels).all()
    assert (run.assign(dataset.samples[:, 0]).labels == again.labels).all()
    with pytest.raises(
        InputError, match=r"takes samples of shape \(1, 8, 8\), not an array of shape \(2, 9, 9\)"
    ):
        run.assign(np.zeros((2, 9, 9)))
    with pytest.raises(InputError):
        run.assign(dataset.samples[:0])


def test_assigned_samples_get_the_columns_of_labels_csv(store, done, dataset):
    run = load_run(done)
    frame = run.assign_frame(dataset)
    assert list(frame.columns) == [*COLUMNS, "distance", "error", "unseen"]
    matched = metrics.match(run.labels_true, run.labels)
    assert frame["matched_label"].tolist() == [matched[cluster] for cluster in frame["cluster"]]
    numbered = Dataset("n", dataset.samples, dataset.ids, np.repeat([1, 2, 3], 10), "image", dataset.scaling)
    assert run.assign_frame(numbered)["label"].tolist() == ["1"] * 10 + ["2"] * 10 + ["3"] * 10
    bare = Dataset("b", dataset.samples, dataset.ids, None, "image", dataset.scaling)
    assert list(run.assign_frame(bare).columns) == [
        "id",
        "cluster",
        "confidence",
        *labels_table.MAP_COLUMNS,
        "matched_label",
        "distance",
        "error",
        "unseen",
    ]
