"""Random copies of images, and how they change the graph."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from dsc_core.config import Config
from dsc_core.method.augmentation import makes_copies
from dsc_core.method.feed import Feed, copies_of, encode
from dsc_core.method.graph import whole_graph
from dsc_core.method.neighbours import nearest
from dsc_core.method.networks.networks import Networks
from dsc_core.presets import preset

IMAGES = load_digits().images[:64, None].astype(np.float32)
UNMOVED = {"shift": 0.0, "rotation": 0.0, "scaling": 0.0}
ON = {"augmented_agreement": 1.0, "noise_level": 0.0, "spectral_width": 32}


@pytest.fixture
def feed():
    return Feed(IMAGES, (0.0, 1 / 16), torch.device("cpu"))


def nets_of(config: Config) -> Networks:
    torch.manual_seed(0)
    return Networks(IMAGES.shape[1:], config).eval()  # the batch's norm would move with the copies


def test_rows_of_a_table_have_no_copies():
    config = preset("standard")
    assert makes_copies(config, torch.zeros(4, 1, 8, 8))
    assert not makes_copies(config, torch.zeros(4, 8))
    assert not makes_copies(preset("no-copies"), torch.zeros(4, 1, 8, 8))


def test_copies_do_not_depend_on_the_order_of_access(feed):
    config = preset("standard")
    one, other = copies_of(feed, config)[:2]
    whole = one(np.arange(64))
    again = copies_of(feed, config)[0]
    assert torch.equal(again(np.array([40, 3])), whole[[40, 3]])
    assert not torch.equal(other(np.arange(64)), whole)
    assert not torch.equal(copies_of(feed, config.replace(seed=1))[0](np.arange(64)), whole)


def test_a_part_of_the_samples_has_the_copies_of_these_samples(feed):
    config = preset("standard", **UNMOVED)
    rows = np.array([5, 9, 60])
    part = feed.part(rows)
    assert torch.allclose(copies_of(part, config)[0](np.arange(3)), feed(rows), atol=1e-5)


def test_without_copies_the_graph_has_none(feed):
    assert copies_of(feed, preset("no-copies", augmented_graph=3)) == []
    assert len(copies_of(feed, preset("standard", augmented_graph=3))) == 3
    table = Feed(np.zeros((9, 4), np.float32), (0.0, 1.0), torch.device("cpu"))
    assert copies_of(table, preset("standard")) == []


def test_the_nearest_point_is_the_one_with_the_nearest_copy():
    """Compared with all distances."""
    rng = np.random.default_rng(0)
    copies = rng.standard_normal((3, 50, 4)).astype(np.float32)
    distances = np.linalg.norm(copies[0][:, None, None] - copies.transpose(1, 0, 2)[None], axis=3).min(2)
    np.fill_diagonal(distances, np.inf)
    index, lengths = nearest(torch.from_numpy(copies[0]), 6, copies=list(torch.from_numpy(copies[1:])))
    assert np.array_equal(index, np.argsort(distances, 1)[:, :6])
    assert np.allclose(lengths, np.sort(distances, 1)[:, :6], atol=1e-3)
    assert not np.array_equal(index, nearest(torch.from_numpy(copies[0]), 6)[0])


def test_copies_equal_to_their_originals_change_no_neighbours(feed):
    points = feed(np.arange(64)).flatten(1)
    plain, same = whole_graph(points, 5), whole_graph(points, 5, copies=[points, points])
    assert np.abs((plain - same).toarray()).max() < 1e-6


def test_encoding_can_be_cancelled(feed):
    class Cancelled(Exception):
        pass

    def check_cancelled():
        raise Cancelled

    with pytest.raises(Cancelled):
        encode(nets_of(Config(**ON)), feed, check_cancelled=check_cancelled)
