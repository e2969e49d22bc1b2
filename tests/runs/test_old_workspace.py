"""A workspace that version 0.1.0 wrote: every run, result and annotation in it still opens."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dsc_core.data import load_dataset
from dsc_core.runs import Store, checkpoints, execute, film_frames, trash
from dsc_core.runs.annotations import edits, names, selections
from dsc_core.runs.artifacts import choose_k_sweep, export
from dsc_core.runs.artifacts.graph import load_graph
from dsc_core.runs.artifacts.results import load_results
from dsc_core.runs.loaded_run import LoadedRun, load_run

ARCHIVE = Path(__file__).parents[1] / "fixtures" / "workspace-0.1.0.zip"
RUNS = {"squares": 40, "vectors": 45, "twin": 45}


@pytest.fixture
def store(tmp_path, monkeypatch):
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path / "home")
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    opened = Store()
    yield opened
    opened.close()


def test_the_runs_are_listed_with_names_and_status(store):
    runs = {run.name: run for run in store.list()}
    assert runs.keys() == RUNS.keys()
    assert {run.status for run in runs.values()} == {"done"}
    assert {run.parent.get("name") for run in runs.values()} <= {None, "vectors"}
    for run in runs.values():
        assert store.events(run.id)
        assert store.last_event(run.id).kind == "done"


def test_the_runs_are_found_without_their_index(store, tmp_path):
    known = {run.id for run in store.list()}
    store.close()
    for path in (tmp_path / "home").glob("dsc.sqlite*"):
        path.unlink()
    assert {run.id for run in Store().list()} == known


@pytest.mark.parametrize("name", RUNS)
def test_results_open(store, name):
    run = store.find(name)
    results = load_results(run)
    assert len(results.labels) == run.samples
    assert results.latent_map.shape == results.spectral_map.shape == (run.samples, 2)
    assert {"acc", "nmi", "ari", "silhouette_latent", "silhouette_spectral"} <= results.scores.keys()
    assert results.confusion is not None
    loaded = load_run(run.id)
    assert loaded.latent.shape[0] == loaded.spectral.shape[0] == run.samples
    assert len(results.dataset) == run.samples


@pytest.mark.parametrize("name", RUNS)
def test_the_model_assigns_its_training_data_to_their_clusters(store, name):
    loaded = LoadedRun(store.find(name))
    dataset = load_dataset(loaded.run.dataset["key"], store.home)
    assert (loaded.assign(dataset).labels == loaded.labels).all()
    assert (loaded.assign_frame(dataset)["cluster"] == loaded.labels).all()


def test_edits_names_and_selections_are_read(store):
    run = store.find("vectors")
    results = load_results(run)
    edited = edits.in_force(run, results.labels)
    assert [edit["kind"] for edit in edited.done] == ["name", "merge", "move"]
    assert edited.title(0) == "first"
    assert edited.labels[:3].tolist() == [2, 2, 2]
    assert set(edited.labels.tolist()) == {0, 2}
    assert selections.load(run.folder, "odd ones", run.samples).tolist() == [1, 3, 5]
    log = edits.of_run(run, results.labels)
    assert names.read_names(results).clusters == {0: "first"}, "cluster 1, the second, is merged"
    log.undo()
    log.undo()
    assert names.read_names(results).clusters == {0: "first", 1: "second"}


def test_the_answers_about_the_number_of_clusters_are_read(store):
    answers = choose_k_sweep.read_sweep(store.find("vectors"))
    assert [row.clusters for row in answers.rows] == [2, 3, 4, 5]
    assert answers.values[0] == pytest.approx(1)


@pytest.mark.parametrize("name", RUNS)
def test_the_graph_is_read_or_built(store, name):
    run = store.find(name)
    affinity = load_graph(run)
    assert affinity.shape == (run.samples, run.samples)
    assert (affinity != affinity.T).nnz == 0


def test_a_branch_continues_from_a_checkpoint(store):
    parent = store.find("vectors")
    (checkpoint,) = store.checkpoints(parent.id)
    assert checkpoint.epoch == 1
    branch = store.branch(parent.id, changes={"agreement": 4.0}, name="branch")
    state, _ = checkpoints.read(store.checkpoints(branch)[0].path)
    assert state.config.agreement == 4.0
    summary = execute(store, branch)
    assert summary["status"] == "done"
    assert len(load_results(store.get(branch)).labels) == parent.samples


@pytest.mark.parametrize("name", RUNS)
def test_the_film_is_read(store, name):
    run = store.find(name)
    rows = film_frames.read_rows(run.folder)
    assert film_frames.epochs(run.folder)
    for epoch in film_frames.epochs(run.folder):
        assert film_frames.read(run.folder, epoch).points.shape == (len(rows), 2)


def test_a_deleted_run_is_restored(store):
    (deleted,) = trash.trashed(store)
    assert deleted.name == "gone"
    run = store.get(trash.restore(store, deleted.id))
    assert run.status == "done"
    assert len(load_results(run).labels) == run.samples


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("kind", [name for name in export.NAMES if name != "onnx"])
def test_everything_is_exported(store, name, kind):
    run = store.find(name)
    for fitting in [one for one in export.kinds_of(run) if one.name == kind]:
        for suffix in fitting.suffixes:
            out = io.BytesIO()
            export.write(run, fitting, suffix, out)
            assert out.getvalue(), suffix


def test_an_exported_model_opens(store, tmp_path):
    run = store.find("vectors")
    kind, suffix = export.choose(run, "model.zip", "model")
    with open(tmp_path / "model.zip", "wb") as file:
        export.write(run, kind, suffix, file)
    opened = load_run(tmp_path / "model.zip")
    assert np.array_equal(opened.labels, LoadedRun(run).labels)
    assert np.array_equal(np.asarray(opened.fitted.latent), np.asarray(LoadedRun(run).latent))
