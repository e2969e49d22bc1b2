"""The registry of metrics shown while training runs."""

import numpy as np
import pytest

from dsc_core.analysis import live_metrics, metrics


@pytest.fixture
def registry(monkeypatch):
    """The registry, restored after the test."""
    monkeypatch.setattr(live_metrics, "LIVE_METRICS", dict(live_metrics.LIVE_METRICS))
    return live_metrics.LIVE_METRICS


def test_with_labels_the_scores_are_measured_on_clustered_samples():
    rng = np.random.default_rng(0)
    labels, clusters = rng.integers(0, 3, 200), rng.integers(-1, 3, 200)
    clustered = clusters >= 0
    assert live_metrics.measure(clusters, labels) == metrics.scores(labels[clustered], clusters[clustered])


def test_without_labels_only_metrics_that_need_none_are_measured(registry):
    clusters = np.array([0, 1, 1, 1])
    assert live_metrics.measure(clusters) == {}

    @live_metrics.live_metric("largest", "Largest cluster", needs_labels=False)
    def largest(snapshot):
        return float(np.bincount(snapshot.clusters).max() / len(snapshot.clusters))

    assert live_metrics.measure(clusters) == {"largest": 0.75}
    assert registry["largest"].title == "Largest cluster"
    assert set(live_metrics.measure(clusters, clusters)) == {"acc", "nmi", "ari", "largest"}
