"""The reliability diagram."""

import numpy as np

from dsc_core.analysis import calibration
from dsc_core.plots.reliability import reliability_diagram


def test_empty_bins_show_nothing():
    result = calibration.calibrate(np.array([True, False, True]), np.array([0.95, 0.95, 0.15]))
    option = reliability_diagram(result.edges, result.confidence, result.accuracy, result.counts)
    accuracy, confidence = (series["data"] for series in option["series"])
    assert (accuracy[1], accuracy[9]) == (1.0, 0.5)
    assert (confidence[1], confidence[9]) == (0.15, 0.95)
    assert [value for value in accuracy if value is not None] == [1.0, 0.5]
    assert len(option["xAxis"]["data"]) == len(accuracy) == calibration.BINS
