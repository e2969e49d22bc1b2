"""The graph, the eigengap and the arrays of a finished run are those of its training."""

import numpy as np
import pytest

from dsc_core.analysis import umap_map
from dsc_core.config import Config
from dsc_core.data import Dataset
from dsc_core.method import feed
from dsc_core.runs import Store, execute
from dsc_core.runs.artifacts.arrays import read_latent, read_spectral
from dsc_core.runs.artifacts.choose_k_sweep import compute_sweep
from dsc_core.runs.artifacts.graph import FILE, load_graph
from dsc_core.runs.artifacts.results import load_results
from dsc_core.runs.loaded_run import load_run
from dsc_core.training import loop

SHORT = {"epochs": 0, "joint_epochs": 1, "batch": 20, "joint_batch": 20, "map_every": 0, "neighbours": 4}
COPIES = {"augmented_agreement": 1.0, "augmented_graph": 2}


def squares():
    """Forty noisy images with a bright square in one of two places."""
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 60, (40, 1, 12, 12)).astype(np.uint8)
    for row in range(40):
        top = 2 + 4 * (row % 2)
        samples[row, 0, top : top + 4, 3:8] += 150
    return Dataset("squares", samples, np.arange(40).astype(str), np.arange(40) % 2, "image", (0.0, 1 / 255))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """{"plain", "copies"}: (run, the model that training returned)."""
    store, models, fit = Store(tmp_path_factory.mktemp("home")), [], loop.fit

    def noted(*arguments, **more):
        models.append((yield from fit(*arguments, **more)))
        return models[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(umap_map, "project", lambda points, *_: np.asarray(points, np.float32)[:, :2])
        patch.setattr(loop, "fit", noted)
        runs = {}
        for name, settings in (("plain", {}), ("copies", COPIES)):
            config = Config(clusters=2, device="cpu").replace(**SHORT, **settings)
            run_id = store.create(squares(), config)
            execute(store, run_id)
            runs[name] = store.get(run_id), models[-1]
    return runs


@pytest.mark.parametrize("name", ["plain", "copies"])
def test_questions_are_about_the_graph_that_training_ended_with(trained, name, monkeypatch):
    run, model = trained[name]
    monkeypatch.setattr(feed, "build_graph", lambda *_: pytest.fail("another graph was built"))
    affinity = load_graph(run)
    assert (affinity != model.affinity.astype(np.float32)).nnz == 0
    assert compute_sweep(run, 2, 3).values[:3] == pytest.approx(model.eigenvalues[:3], abs=1e-4)


@pytest.mark.parametrize("name", ["plain", "copies"])
def test_the_graph_of_an_old_run_is_built_as_training_builds_it(trained, name):
    run, model = trained[name]
    (run.folder / FILE).unlink()
    again = load_graph(run)
    assert np.allclose(again.toarray(), model.affinity.toarray(), atol=1e-3)
    assert (run.folder / FILE).is_file(), "and saved"


def test_an_old_graph_without_the_copies_is_not_taken(trained):
    import torch

    run, model = trained["copies"]
    config = run.config.replace(augmented_graph=0)
    mark = old_mark(run, config)
    plain = feed.build_graph(torch.from_numpy(np.array(read_latent(run))), [], config)
    np.savez(
        run.folder / FILE, mark=np.array(mark), data=plain.data, indices=plain.indices, indptr=plain.indptr
    )
    assert not np.allclose(plain.toarray(), model.affinity.toarray(), atol=0.1)
    assert np.allclose(load_graph(run).toarray(), model.affinity.toarray(), atol=1e-3)


def old_mark(run, config):
    """The mark that version 0.1.0 wrote, which knew of no copies."""
    from dataclasses import replace

    from dsc_core.runs.artifacts.graph import mark_of

    return mark_of(replace(run, config=config), read_latent(run))


def test_the_eigengap_is_among_the_scores(trained):
    run, model = trained["plain"]
    results = load_results(run)
    values, count = model.eigenvalues, results.labels["cluster"].nunique()
    assert results.summary["eigengap"] == pytest.approx(values[count - 1] - values[count], abs=1e-5)
    assert "eigengap" in results.scores


def test_codes_and_coordinates_are_written_once(trained):
    run, _ = trained["plain"]
    for name in ("latent", "spectral"):
        assert [path.parent.name for path in run.folder.rglob(f"{name}.npy")] == ["embeddings"]
    loaded = load_run(run.folder)
    assert np.array_equal(loaded.fitted.latent, read_latent(run))
    assert np.array_equal(loaded.fitted.spectral, read_spectral(run))
