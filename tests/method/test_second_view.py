"""The second view of images, and how its graph is joined to that of the codes."""

import numpy as np
import pytest
import scipy.sparse as sparse
import torch

from dsc_core.config import Config
from dsc_core.method import views
from dsc_core.method.feed import Feed
from dsc_core.method.second_view import SecondView, joined
from dsc_core.presets import preset

CPU = torch.device("cpu")


def graph(*edges, count=4):
    """A symmetric graph of (i, j, weight)."""
    rows, columns, weights = zip(*edges, strict=True)
    one_way = sparse.csr_matrix((np.float32(weights), (rows, columns)), shape=(count, count))
    return sparse.csr_matrix(one_way + one_way.T)


def images(count=60, side=8):
    """Two kinds of images: stripes across and along."""
    rng = np.random.default_rng(0)
    stripes = np.tile((np.arange(side) % 4 < 2).astype(np.float32), (side, 1))
    made = np.stack([stripes if i % 2 else stripes.T for i in range(count)])
    return (made + 0.2 * rng.standard_normal(made.shape)).astype(np.float32)[:, None]


def test_edges_in_both_graphs_count_more_than_their_sum():
    first, second = graph((0, 1, 0.5), (1, 2, 1.0)), graph((0, 1, 0.5), (2, 3, 1.0))
    both = joined(first, second, 4.0).toarray()
    assert both[0, 1] == both[1, 0] == pytest.approx(0.5 + 0.5 + 4 * 0.25)
    assert both[1, 2] == both[2, 3] == 1.0
    assert (joined(first, second, 0.0) != first + second).nnz == 0
    assert joined(first, second, 4.0).dtype == np.float32


def test_which_data_have_a_second_view():
    config = Config()
    assert views.has_second(config, (1, 28, 28), 100_000)
    assert not views.has_second(config, (1, 28, 28), 100_001)
    assert views.has_second(config.replace(second_view="scattering"), (3, 28, 28), 10**6)
    assert not views.has_second(config.replace(second_view="none"), (1, 28, 28), 100)
    assert not views.has_second(config, (20,), 100)
    assert not views.has_second(config, (1, 3, 28), 100), "too small for the transform"
    assert not views.has_second(preset("paper"), (1, 28, 28), 100), "a graph per batch has none"


def test_a_second_view_that_is_left_out_is_said_and_no_other():
    said = views.left_out(Config(), (1, 28, 28), 200_000)
    assert "100,000" in said
    assert "200,000" in said
    assert views.left_out(Config(), (1, 28, 28), 1000) == ""
    assert views.left_out(Config(), (20,), 200_000) == ""
    assert views.left_out(Config(second_view="none"), (1, 28, 28), 200_000) == ""


def test_it_is_built_once_by_the_seed_and_links_images_of_one_kind():
    feed, entered = Feed(images(), (0.0, 1.0), CPU), []
    view = SecondView(feed, Config(neighbours=5))
    view.build(entered.append)
    view.build(entered.append)
    assert entered == ["scattering"]
    nothing = sparse.csr_matrix((60, 60), dtype=np.float32)
    found = view.joined(nothing)
    again = SecondView(feed, Config(neighbours=5)).joined(nothing)
    assert (found != again).nnz == 0
    rows, columns = found.nonzero()
    assert np.mean(rows % 2 == columns % 2) > 0.95


def test_tables_keep_the_graph_of_their_codes():
    feed = Feed(np.zeros((50, 6), np.float32), (0.0, 1.0), CPU)
    first, entered = graph((0, 1, 1.0), count=50), []
    view = SecondView(feed, Config())
    view.build(entered.append)
    assert view.joined(first) is first
    assert entered == []


def test_building_can_be_cancelled():
    def stop(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        SecondView(Feed(images(), (0.0, 1.0), CPU), Config()).build(progress=stop)
