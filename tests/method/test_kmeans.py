"""k-means in batches, against scikit-learn and by its own properties."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from dsc_core.errors import InputError
from dsc_core.method import kmeans
from dsc_core.method.kmeans import clustering, k_means, principal


def cloud(count=600, dims=12, groups=9, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((groups, dims))[rng.integers(0, groups, count)] * 2
    return (points + rng.standard_normal((count, dims))).astype(np.float32)


@pytest.mark.parametrize("clusters", [2, 7, 40])
def test_the_best_of_many_starts_is_as_good_as_scikit_learns(clusters):
    points = cloud()
    labels = k_means(torch.from_numpy(points), clusters, 60, seed=0)[0]
    expected = KMeans(clusters, n_init=60, random_state=0).fit(points).inertia_
    assert clustering(points, labels, clusters).inertia < 1.005 * expected


def test_the_best_starts_come_in_order_and_differ():
    points = cloud(groups=30)
    several = k_means(torch.from_numpy(points), 8, 40, seed=1, best=4)
    inertia = [clustering(points, labels, 8).inertia for labels in several]
    assert 2 <= len(several) <= 4
    assert inertia[0] == pytest.approx(min(inertia), rel=1e-3)
    assert len({labels.tobytes() for labels in several}) == len(several)


def test_labels_do_not_depend_on_the_size_of_a_block_or_the_threads(monkeypatch):
    points, threads = torch.from_numpy(cloud()), torch.get_num_threads()
    labels = k_means(points, 6, 30, seed=2)[0]
    assert (labels == k_means(points, 6, 30, seed=2)[0]).all()
    monkeypatch.setattr(kmeans, "CPU_BLOCK", 1000)
    assert (labels == k_means(points, 6, 30, seed=2)[0]).all()
    try:
        torch.set_num_threads(2)
        assert (labels == k_means(points, 6, 30, seed=2)[0]).all()
    finally:
        torch.set_num_threads(threads)


def test_every_sample_is_nearest_to_its_centre():
    points = cloud()
    found = clustering(points, k_means(torch.from_numpy(points), 5, 20, seed=0)[0], 5)
    distance = ((points[:, None] - found.centres) ** 2).sum(2)
    assert (distance.argmin(1) == found.labels).mean() > 0.99


def test_no_cluster_is_empty_while_points_differ():
    points = torch.from_numpy(np.repeat(np.arange(5.0, dtype=np.float32), 20)[:, None])
    assert len(np.unique(k_means(points, 5, 3, seed=0)[0])) == 5
    assert len(np.unique(k_means(points, 8, 3, seed=0)[0])) == 5, "duplicates cannot be told apart"
    far = torch.tensor([[0.0], [1.0], [1e6]])
    labels = kmeans.converge(far, torch.tensor([[0.0], [-9e6], [-8e6]])).numpy()
    assert len(np.unique(labels)) == 3


def test_as_many_clusters_as_points_and_equal_points():
    points = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    assert len(np.unique(k_means(points, 6, 20, seed=0)[0])) == 6
    assert (k_means(torch.ones(9, 3), 4, 5, seed=0)[0] == 0).all()


def test_principal_axes_keep_distances_and_leave_out_what_does_not_vary():
    points = torch.from_numpy(cloud(dims=4)) @ torch.randn(4, 30, generator=torch.Generator().manual_seed(0))
    reduced = principal(points)
    assert reduced.shape[1] <= 4
    assert torch.allclose(torch.cdist(points, points), torch.cdist(reduced, reduced), rtol=0.2, atol=1.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_points_that_are_not_finite_are_refused(bad):
    points = torch.zeros(10, 2)
    points[3, 1] = bad
    with pytest.raises(InputError, match="not finite"):
        principal(points)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_device_finds_clusters_as_good():
    points = cloud()
    labels = [k_means(torch.from_numpy(points).to(device), 9, 60, seed=0)[0] for device in ("cpu", "cuda")]
    one, other = (clustering(points, each, 9).inertia for each in labels)
    assert one == pytest.approx(other, rel=1e-3)


def test_clusters_are_numbered_in_the_order_of_their_first_points():
    assert kmeans.in_order(np.array([7, 7, 2, 9, 2, 7])).tolist() == [0, 0, 1, 2, 1, 0]
    points = torch.from_numpy(np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32))
    for labels in kmeans.k_means(points, 6, 20, seed=3, best=4):
        first = [int(np.flatnonzero(labels == cluster)[0]) for cluster in range(6)]
        assert first == sorted(first)
