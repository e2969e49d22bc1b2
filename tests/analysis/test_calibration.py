"""Calibration, on cases whose answer is known."""

import numpy as np
import pytest

from dsc_core.analysis import calibration


def test_the_error_is_small_if_calibrated_and_otherwise_the_gap_to_the_accuracy():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, 20_000)
    correct = rng.random(20_000) < confidence
    calibrated = calibration.calibrate(correct, confidence)
    assert calibrated.error < 0.02
    assert abs(calibrated.overconfidence) < 0.02
    overconfident = calibration.calibrate(correct, np.ones(20_000))
    assert overconfident.error == pytest.approx(1 - correct.mean())
    assert overconfident.overconfidence == pytest.approx(overconfident.error)
    underconfident = calibration.calibrate(np.ones(100), np.full(100, 0.6))
    assert underconfident.error == pytest.approx(0.4)
    assert underconfident.overconfidence == pytest.approx(-0.4)


def test_the_bins_hold_every_sample_once_and_the_order_does_not_matter():
    rng = np.random.default_rng(1)
    confidence, correct = np.r_[0.0, 1.0, 0.1, rng.random(97)], rng.random(100) < 0.5
    result = calibration.calibrate(correct, confidence)
    order = rng.permutation(100)
    other = calibration.calibrate(correct[order], confidence[order])
    assert result.counts.sum() == 100
    assert result.error == pytest.approx(other.error)
    assert 0 <= result.error <= 1
    full = result.counts > 0
    assert ((result.confidence >= result.edges[:-1] - 1e-9) & (result.confidence <= result.edges[1:] + 1e-9))[
        full
    ].all()
    assert np.isnan(calibration.calibrate(np.ones(3), np.full(3, 0.95)).accuracy[0])


def test_the_area_of_risk_is_small_where_errors_come_last():
    correct = np.r_[np.ones(80), np.zeros(20)].astype(bool)
    falling = np.linspace(1, 0, 100)
    best, worst = calibration.area_of_risk(correct, falling), calibration.area_of_risk(correct, -falling)
    assert best == pytest.approx(np.mean(np.maximum(np.arange(1, 101) - 80, 0) / np.arange(1, 101)))
    assert best < 0.03 < 0.2 < worst
    assert calibration.area_of_risk(correct, np.ones(100)) == pytest.approx(0.2), "ties come in any order"
    order = np.random.default_rng(0).permutation(100)
    assert calibration.area_of_risk(correct[order], falling[order]) == pytest.approx(best)
    assert calibration.area_of_risk(np.ones(5), np.zeros(5)) == 0
