"""The fixed maps: k-means on Y, also where Y is rotated and damped along a graph, and the labels of an epoch."""

import numpy as np
import pytest
import torch

from dsc_core.config import Config
from dsc_core.method import graph
from dsc_core.model import Fitted
from dsc_core.training.maps import damped_rotation
from tests.method.test_graph import blobs
from tests.training.small import SCALING, SMALL, images, run

FROM_Y = SMALL | {"graph": "batch", "batch_norm": False, "clusters": 4, "latent_dims": 8, "device": "cpu"}


def cosines(one, other):
    """|cos| of each column of one with the same column of the other."""
    unit = [each / np.linalg.norm(each, axis=0) for each in (one, other)]
    return np.abs((unit[0] * unit[1]).sum(0))


def test_a_rotated_basis_is_turned_back_to_the_eigenvectors_and_damped_by_their_eigenvalues():
    # Of one component, so that no eigenvalue is double and every eigenvector is determined.
    affinity = graph.whole_graph(torch.from_numpy(blobs(distance=0.5)[0]), 12)
    values, vectors = graph.diffusion_map(affinity, 6, seed=0)
    turned = vectors @ np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    plain = turned @ damped_rotation(turned, affinity, 0.0)
    assert cosines(plain, vectors) == pytest.approx(np.ones(6), abs=1e-3)
    damped = turned @ damped_rotation(turned, affinity, 3.0)
    ratio = np.linalg.norm(damped, axis=0) / np.linalg.norm(plain, axis=0)
    assert ratio == pytest.approx(np.clip(values, 0, 1) ** 3, rel=1e-2)


def test_coordinates_that_span_too_few_dimensions_are_finite():
    affinity = graph.whole_graph(torch.from_numpy(blobs()[0]), 8)
    flat = np.repeat(np.random.default_rng(0).standard_normal((affinity.shape[0], 2)), 3, 1)
    assert np.isfinite(flat @ damped_rotation(flat, affinity, 8.0)).all()


@pytest.mark.parametrize("readout", ["kmeans", "damped"])
def test_samples_old_and_new_are_assigned_alike_and_a_saved_model_too(readout, tmp_path):
    samples = images(240)
    fitted, _ = run(samples, Config(**FROM_Y, readout=readout))
    assert fitted.spectral.shape == (240, 4 if readout == "kmeans" else 8)
    assert fitted.unit_rows == (readout == "damped") == (fitted.affinity is not None)
    if fitted.unit_rows:
        assert np.linalg.norm(fitted.spectral, axis=1) == pytest.approx(np.ones(240), abs=1e-4)
    fitted.save(tmp_path)
    for model in (fitted, Fitted.load(tmp_path, "cpu")):
        assert np.array_equal(model.assign(samples, SCALING).labels, fitted.labels)
        assert np.allclose(model.assign(samples[7:8], SCALING).spectral, fitted.spectral[7], atol=1e-3)


def test_the_early_end_watches_the_labels_that_will_be_given():
    seen = []
    config = Config(**FROM_Y, readout="kmeans")
    fitted, _ = run(images(240), config, observe=lambda labels: seen.append(labels) or {})
    assert len(seen) == config.joint_epochs
    assert np.array_equal(seen[-1], fitted.labels), "also their numbers"


def test_stage_2_ends_when_those_labels_stand_still():
    config = Config(**FROM_Y | {"joint_epochs": 9}, readout="kmeans", learning_rate=1e-6, tolerance=0.5)
    _, events = run(images(240), config)
    assert max(event.epoch for event in events) == config.epochs + 2
