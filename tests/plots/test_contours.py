"""Density contours."""

import numpy as np
import pytest

from dsc_core.plots.contours import density


def test_density_counts_every_point_once_and_peaks_where_they_lie():
    rng = np.random.default_rng(0)
    points = np.r_[rng.normal((5, -2), 0.2, (900, 2)), rng.normal((-5, 2), 2.0, (900, 2))]
    x, y, z = density(points)
    assert z.sum() == pytest.approx(1800, rel=0.02)
    row, column = np.unravel_index(z.argmax(), z.shape)
    assert (x[column], y[row]) == pytest.approx((5, -2), abs=0.5)
