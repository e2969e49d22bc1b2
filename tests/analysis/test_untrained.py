"""Clusters without training: seeded, stopped by what the report raises, from the transform or from the values."""

import numpy as np
import pytest

from dsc_core.analysis import metrics, untrained
from dsc_core.analysis.untrained import COLUMNS, PIXELS, SCATTERING


class Enough(Exception):
    """What a report raises to end the work."""


def stripes(count=90, side=8, seed=0):
    """Images of stripes in three directions, uint8 (count, 1, side, side), and which: scattering tells them apart."""
    rng, kinds = np.random.default_rng(seed), np.arange(count) % 3
    down, across = np.mgrid[:side, :side]
    waves = np.stack([down, across, down + across])[kinds] + rng.uniform(0, 4, (count, 1, 1))
    images = 127 + 90 * np.sin(1.5 * waves) + rng.normal(0, 8, (count, side, side))
    return np.clip(images, 0, 255).astype(np.uint8)[:, None], kinds


def rows(count=90, seed=0):
    """Rows of a table in three groups, (count, 5) float32, and which."""
    kinds = np.arange(count) % 3
    return np.random.default_rng(seed).normal(kinds[:, None], 0.15, (count, 5)).astype(np.float32), kinds


def found(samples, scaling=(0.0, 1.0), clusters=3, seed=0, report=lambda *_: None):
    config = untrained.settings(samples.shape[1:], clusters, seed)
    points = untrained.describe(samples, scaling, config, report)
    return untrained.find_clusters(untrained.build_graph(points, config, report), config, report)


@pytest.mark.parametrize(("data", "scaling"), [(stripes, (0.0, 1 / 255)), (rows, (0.0, 1.0))])
def test_clear_groups_are_found_the_same_each_time(data, scaling):
    samples, kinds = data()
    first, second = found(samples, scaling), found(samples, scaling)
    assert metrics.scores(kinds, first.clusters)["acc"] == 1.0
    assert np.array_equal(first.clusters, second.clusters)
    assert np.array_equal(first.map, second.map)
    assert first.map.shape == (len(samples), 2)
    assert ((first.agreement >= 0) & (first.agreement <= 1)).all()
    assert first.silhouette > 0.5
    assert 0 <= first.eigengap <= 1


def test_labels_do_not_depend_on_the_order_of_the_samples():
    samples, kinds = stripes()
    order = np.random.default_rng(1).permutation(len(samples))
    clusters = found(samples[order], (0.0, 1 / 255)).clusters
    assert metrics.scores(kinds[order], clusters)["acc"] == 1.0


@pytest.mark.parametrize("part", untrained.PARTS)
def test_what_the_report_raises_ends_the_work(part):
    def report(reached, done, total):
        if reached == part:
            raise Enough

    with pytest.raises(Enough):
        found(stripes()[0], (0.0, 1 / 255), report=report)


def test_every_part_reports_in_its_order():
    reached = []
    found(stripes()[0], (0.0, 1 / 255), report=lambda part, done, total: reached.append(part))
    assert list(dict.fromkeys(reached)) == list(untrained.PARTS)
    reached.clear()
    found(rows()[0], report=lambda part, done, total: reached.append(part))
    assert list(dict.fromkeys(reached)) == list(untrained.PARTS[1:]), "tables have no scattering"


@pytest.mark.parametrize(
    ("shape", "source"),
    [((3, 8, 8), SCATTERING), ((1, 4, 4), SCATTERING), ((1, 3, 9), PIXELS), ((7,), COLUMNS)],
)
def test_small_images_and_tables_are_taken_as_they_are(shape, source):
    assert untrained.source_of(shape) == source
    assert source in untrained.SOURCES
    samples = np.random.default_rng(0).random((30, *shape)).astype(np.float32)
    answer = found(samples, clusters=4)
    assert sorted(np.unique(answer.clusters)) == [0, 1, 2, 3]


@pytest.mark.parametrize("clusters", [2, 9, 11, 12])
def test_few_samples_are_clustered_up_to_one_in_each(clusters):
    samples = np.random.default_rng(0).random((12, 1, 8, 8)).astype(np.float32)
    answer = found(samples, clusters=clusters)
    assert len(np.unique(answer.clusters)) == clusters
    assert np.isfinite(answer.map).all()


def test_many_equal_samples_have_finite_results():
    answer = found(np.repeat(rows(4)[0], 40, axis=0), clusters=4)
    assert len(np.unique(answer.clusters)) == 4
    assert np.isfinite(answer.distances).all()
