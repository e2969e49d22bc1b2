"""The registry of baselines: arrays in, one row of scores per method."""

import numpy as np
import pytest

from dsc_core.analysis import baselines, umap_map
from dsc_core.errors import InputError
from tests.analysis.blobs import blobs


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """UMAP replaced by the first dimensions, and a registry that is restored."""
    monkeypatch.setattr(umap_map, "embed", lambda values, dims, seed, **more: values[:, :dims])
    monkeypatch.setattr(baselines, "BASELINES", dict(baselines.BASELINES))


def test_every_baseline_finds_separated_groups():
    values, labels = blobs([30, 40, 50])
    rows = baselines.compare(values, labels, 3)
    assert [row["method"] for row in rows] == [method.title for method in baselines.applicable(values)]
    assert all(row["acc"] == row["nmi"] == row["ari"] == pytest.approx(1) for row in rows)


def test_a_new_baseline_is_one_function():
    values, labels = blobs([30, 40])

    @baselines.baseline("halves", "two halves")
    def halves(values, clusters, seed):
        return baselines.Outcome(
            (np.arange(len(values)) >= 30).astype(int), "the first 30 samples and the others"
        )

    row = baselines.compare(values, labels, 2)[-1]
    assert (row["method"], row["acc"]) == ("two halves", 1)
    assert baselines.compare(values, None, 2)[-1]["acc"] is None


def test_samples_beyond_the_graph_are_assigned_by_their_neighbours(monkeypatch):
    monkeypatch.setattr(baselines, "SPECTRAL_SAMPLES", 60)
    values, labels = blobs([80, 80])
    outcome = baselines.spectral(values, 2, 0)
    assert "sample of 60" in outcome.note
    assert len(np.unique(outcome.clusters[labels == 0])) == 1


@pytest.mark.parametrize("clusters", [1, 71])
def test_an_impossible_number_of_clusters_is_refused(clusters):
    with pytest.raises(InputError, match="2 to 70"):
        baselines.compare(blobs([30, 40])[0], None, clusters)


def test_images_are_also_clustered_by_their_scattering_transform_and_tables_are_not():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 40)
    stripes = np.sin(np.arange(16) * 3 * np.pi / 4)
    pictures = np.where(labels[:, None, None] == 0, stripes, stripes[:, None] * np.ones(16))
    pictures = (0.5 + 0.4 * pictures + 0.05 * rng.standard_normal(pictures.shape))[:, None]
    rows = {row["method"]: row for row in baselines.compare(pictures.astype(np.float32), labels, 2)}
    assert rows["scattering + k-means"]["acc"] == rows["scattering + cut of the graph"]["acc"] == 1.0
    keys = [method.key for method in baselines.applicable(pictures.reshape(80, -1))]
    assert "scattering-cut" not in keys
    assert "k-means" in keys
