"""baselines: scores where labels exist."""

import json

import numpy as np
import pytest

from dsc_core.analysis import baselines
from dsc_core.data import Dataset


def test_baselines_find_separate_blobs(run, blobs, monkeypatch):
    from dsc_core.analysis import umap_map

    monkeypatch.setattr(umap_map, "embed", lambda values, dims, seed, **more: values[:, :dims])
    code, out, err = run("baselines", blobs, "--json")
    assert code == 0
    result = json.loads(out)
    assert [one["method"] for one in result["baselines"]] == [
        "k-means",
        "spectral clustering",
        "UMAP + Gaussian mixture",
        "scattering + k-means",
        "scattering + cut of the graph",
    ]
    assert all(one["acc"] == pytest.approx(1.0) for one in result["baselines"][:3])
    assert "spectral clustering" in err
    monkeypatch.setattr(baselines, "SPECTRAL_SAMPLES", 30)
    lines = run("baselines", blobs)[1]
    assert "on a random sample of 30, the others assigned" in lines
    assert "ACC 1.000" in lines.splitlines()[2]


def test_baselines_without_labels_have_no_scores(monkeypatch):
    from dsc_core.analysis import umap_map

    monkeypatch.setattr(umap_map, "embed", lambda values, dims, seed, **more: values[:, :dims])
    samples = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    data = Dataset("plain", samples, np.arange(30).astype(str), None, "table")
    assert all(
        one["acc"] is None and one["seconds"] >= 0 for one in baselines.compare(data.values(), data.labels, 3)
    )
