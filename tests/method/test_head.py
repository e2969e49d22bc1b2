"""Teaching the head."""

import numpy as np
import torch

from dsc_core.config import Config
from dsc_core.method import head
from dsc_core.method.cut import Cut
from dsc_core.training import setup


def test_teaching_with_equal_shares_learns_a_cluster_of_two():
    rng = np.random.default_rng(0)
    latent = torch.from_numpy(rng.standard_normal((2000, 8)).astype(np.float32))
    labels = (latent[:, 0] > 0).long().numpy()
    labels[:2] = 2
    latent[:2, 1] = 5.0
    settings = Config(clusters=3, spectral_width=64)
    nets = setup.Networks((8,), settings.replace(encoder="none"))
    readout = Cut(labels, rng.standard_normal((2000, 6)), np.ones(6))
    head.teach_head(nets, latent, readout, settings, even=True)
    assigned = head.assign_softly(nets, latent)[1].argmax(1).numpy()
    assert (assigned[:2] == 2).all()
    assert (assigned == labels).mean() > 0.95


def test_the_usual_steps_learn_ten_clusters_and_their_coordinates():
    rng = np.random.default_rng(0)
    centres, labels = rng.standard_normal((10, 16)) * 1.5, rng.integers(0, 10, 3000)
    latent = torch.from_numpy((centres[labels] + rng.standard_normal((3000, 16)) / 2).astype(np.float32))
    coordinates = rng.standard_normal((10, 20))[labels]
    settings = Config(clusters=10)
    torch.manual_seed(0)
    nets = setup.Networks((16,), settings.replace(encoder="none"))
    head.teach_head(nets, latent, Cut(labels, coordinates, np.ones(20)), settings)
    raw, soft = head.assign_softly(nets, latent)
    assert (soft.argmax(1).numpy() == labels).mean() > 0.995
    assert np.square(raw.numpy() - coordinates).mean() < 0.05
