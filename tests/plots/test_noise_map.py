"""The map of the noise explorer."""

import numpy as np

from dsc_core.plots import palette
from dsc_core.plots.noise_map import noise_map


def test_noisy_codes_lie_where_they_were_placed_and_the_map_keeps_its_colours():
    rng = np.random.default_rng(0)
    points, groups = rng.normal(size=(60, 2)), rng.integers(0, 3, 60) * 2  # clusters 1 and 3 are empty
    samples = [{"name": f"Sample {i}", "own": points[i], "draws": rng.normal(size=(20, 2))} for i in range(2)]
    option = noise_map(points, groups, samples)
    source = option["dataset"]["source"]
    assert np.allclose(np.c_[source["x"], source["y"]], points)
    assert dict(
        zip(option["visualMap"]["categories"], option["visualMap"]["inRange"]["color"], strict=True)
    ) == {cluster: palette.colour(cluster) for cluster in (0, 2, 4)}
    background, *series = option["series"]
    assert option["visualMap"]["seriesIndex"] == 0
    assert background["silent"]
    for i, (draws, own) in enumerate(zip(series[::2], series[1::2], strict=True)):
        assert np.allclose(draws["data"], samples[i]["draws"], atol=1e-4)
        assert np.allclose(own["data"], [points[i]], atol=1e-4)
        assert draws["name"] == own["name"] == f"Sample {i}"
    assert series[0]["symbol"] != series[2]["symbol"], "distinguishable without colour"
