"""The end of training: labels for every sample of small and large data sets, and clusters that became empty."""

import numpy as np
import pytest
import torch

from dsc_core.config import Config
from dsc_core.method import head
from dsc_core.method.feed import BLOCK
from dsc_core.training import finish
from tests.training.small import SMALL, images, run, warnings


@pytest.mark.parametrize("readout", ["softmax", "diffusion", "kmeans"])
def test_the_graph_of_a_large_data_set_is_built_on_samples_drawn_by_the_seed(readout, monkeypatch, tmp_path):
    from dsc_core.method import graph

    sizes, seen, real = [], [], graph.whole_graph
    monkeypatch.setattr(
        graph, "whole_graph", lambda points, *more: sizes.append(len(points)) or real(points, *more)
    )
    samples = np.tile(images(600), (2, 1, 1, 1))
    config = Config(**{**SMALL, "epochs": 2, "joint_epochs": 1}, readout=readout, graph_samples=1000)
    fitted, events = run(samples, config, observe=lambda labels: seen.append(labels) or {})
    assert set(sizes) == {1000}
    assert fitted.labels.shape == fitted.confidence.shape == (1200,)
    assert len(np.unique(fitted.labels)) > 3
    # What was not drawn is labelled by the same map: a copy gets the label of what it is a copy of.
    assert np.array_equal(fitted.labels[:600], fitted.labels[600:])
    assert all(len(labels) == 1200 and (labels < 0).sum() == 200 for labels in seen)
    assert any("uses 1,000 of the 1,200 samples" in event.message for event in events)
    again, _ = run(samples, config, scratch=tmp_path)
    assert isinstance(again.latent, np.memmap)
    assert np.array_equal(again.spectral, fitted.spectral)
    assert np.array_equal(again.labels, fitted.labels)
    assert list(tmp_path.iterdir()) == []


class Watched:
    """Samples that count how many of them are read at once."""

    def __init__(self, samples):
        self.samples, self.shape, self.most = samples, samples.shape, 0

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        picked = self.samples[index]
        self.most = max(self.most, len(picked))
        return picked


@pytest.mark.parametrize("most", [1000, 10_000])
def test_samples_are_read_one_block_at_a_time(most):
    samples = Watched(images(1797))
    config = Config(**{**SMALL, "epochs": 1, "joint_epochs": 1, "batches": 2}, graph_samples=most)
    fitted, _ = run(samples, config)
    assert fitted.labels.shape == (1797,)
    assert 128 <= samples.most <= BLOCK < len(samples)


def test_up_to_the_limit_the_graph_has_all_samples(trained):
    fitted, events = run(
        images(1000), Config(**{**SMALL, "epochs": 1, "joint_epochs": 1}, graph_samples=1000)
    )
    other, _ = run(images(1000), Config(**{**SMALL, "epochs": 1, "joint_epochs": 1}))
    assert np.array_equal(fitted.spectral, other.spectral)
    assert not any("drawn by the seed" in event.message for event in events)


def silenced(monkeypatch, module, which):
    """Cluster 2 is forgotten whenever the head has been taught and `which(even)` says so."""
    teach = head.teach_head

    def forgetful(nets, latent, readout, config, steps=head.HEAD_STEPS, even=False):
        teach(nets, latent, readout, config, steps, even)
        if which(even):
            with torch.no_grad():
                nets.spectral.assignment.bias[2] -= 1000

    monkeypatch.setattr(module, "teach_head", forgetful)


def test_a_cluster_that_is_empty_at_the_end_is_taught_again(monkeypatch):
    silenced(monkeypatch, finish, lambda even: not even)
    fitted, events = run(images(), Config(**{**SMALL, "joint_epochs": 0}))
    assert warnings(events) == [
        "Too small to be learned with the others: cluster 2; the head was taught again with equal shares."
    ]
    assert np.bincount(fitted.labels, minlength=10).min() > 0


def test_a_cluster_that_stays_empty_is_reported(monkeypatch):
    silenced(monkeypatch, finish, lambda even: True)
    fitted, events = run(images(), Config(**{**SMALL, "joint_epochs": 0}))
    assert np.bincount(fitted.labels, minlength=10)[2] == 0
    assert warnings(events)[-1].startswith("No samples at the end in cluster 2;")
