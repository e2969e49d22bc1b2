"""The block of leading eigenvectors, against a dense solver."""

import numpy as np
import pytest
import torch
from scipy import sparse

from dsc_core.method import eigenvectors
from dsc_core.method.eigenvectors import leading
from dsc_core.method.graph import normalise, whole_graph

CPU = torch.device("cpu")


def matrix(**options):
    return weighted(**options)[0]


def weighted(count=900, groups=6, distance=3.0, seed=0):
    rng = np.random.default_rng(seed)
    centres = distance * rng.standard_normal((groups, 5))
    points = centres[np.arange(count) % groups] + rng.standard_normal((count, 5))
    return normalise(whole_graph(torch.from_numpy(points.astype(np.float32)), 8))


@pytest.mark.parametrize("distance", [0.0, 3.0, 100.0])  # one cloud, groups that touch, six components
def test_the_block_finds_the_leading_eigenvectors(distance):
    graph = matrix(distance=distance)
    values, vectors = leading(graph, 12, 0, None, CPU)
    exact = np.linalg.eigvalsh(graph.toarray())[::-1]
    assert np.allclose(values, exact[:12], atol=1e-3)
    assert values.max() <= 1
    assert np.allclose(vectors.T @ vectors, np.eye(12), atol=1e-4)
    residual = graph @ vectors - vectors * values
    assert np.linalg.norm(residual, axis=0).max() < 2 * eigenvectors.TOLERANCE


def test_of_a_large_graph_the_block_begins_with_the_eigenvectors_of_a_coarse_one(monkeypatch):
    graph, degrees = weighted(count=6000)
    passes = []
    filtered = eigenvectors._filtered_by_columns

    def counted(matrix, vectors, degree, *more):
        passes.append((len(matrix), degree))
        return filtered(matrix, vectors, degree, *more)

    monkeypatch.setattr(eigenvectors, "_filtered_by_columns", counted)
    expected, _ = leading(graph, 12, 0, None, CPU)
    alone = sum(degree for _, degree in passes)
    passes.clear()
    monkeypatch.setattr(eigenvectors, "ROWS", 1000)
    monkeypatch.setattr(eigenvectors, "FEW", 0)
    values, vectors = leading(graph, 12, 0, None, CPU, np.sqrt(degrees))
    assert np.allclose(values, expected, atol=eigenvectors.TOLERANCE)
    assert np.linalg.norm(graph @ vectors - vectors * values, axis=0).max() < 2 * eigenvectors.TOLERANCE
    assert passes[0][0] < 1000
    assert sum(degree for rows, degree in passes if rows == 6000) < alone


def test_more_components_than_vectors():
    block = matrix(count=60, groups=1)
    graph = sparse.block_diag([block] * 20).tocsr()
    values, vectors = leading(graph, 8, 0, None, CPU)
    assert np.allclose(values, 1, atol=1e-4)
    assert np.isfinite(vectors).all()


def test_where_the_block_does_not_converge_lanczos_does(monkeypatch):
    graph = matrix(distance=1.0)
    expected, _ = leading(graph, 6, 0, None, CPU)
    monkeypatch.setattr(eigenvectors, "DEGREES", (1,))
    values, vectors = leading(graph, 6, 0, None, CPU)
    assert np.allclose(values, expected, atol=2e-4)
    assert vectors.shape == (900, 6)


def test_a_seed_gives_one_result_and_the_work_can_be_broken_off():
    graph = matrix()
    assert all(
        np.array_equal(a, b)
        for a, b in zip(leading(graph, 6, 3, None, CPU), leading(graph, 6, 3, None, CPU), strict=True)
    )

    def stop():
        raise KeyError("stop")

    with pytest.raises(KeyError):
        leading(graph, 6, 0, stop, CPU)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_device_finds_the_same_eigenvalues():
    graph = matrix()
    one, other = (leading(graph, 6, 0, None, torch.device(device))[0] for device in ("cpu", "cuda"))
    assert np.allclose(one, other, atol=1e-4)
