"""The estimator keeps scikit-learn's conventions, and answers bad input in one sentence."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from dsc_core import DeepSpectralClustering
from dsc_core.errors import InputError

FAST = {"epochs": 1, "joint_epochs": 1, "least_steps": 0, "spectral_width": 64}


@pytest.fixture(scope="module")
def fitted():
    return DeepSpectralClustering(10, preset="quick", settings=FAST).fit(load_digits().images[:200])


def test_labels_are_the_predictions_and_shapes_hold(fitted):
    images = load_digits().images[:200]
    assert np.array_equal(fitted.predict(images), fitted.labels_)
    assert fitted.transform(images[:7]).shape == (7, fitted.spectral_.shape[1])
    assert np.allclose(fitted.predict_proba(images[:7]).sum(1), 1, atol=1e-5)
    assert fitted.events_[-1].kind == "done"


def test_it_clones_and_predicts_only_once_fitted(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.predict(load_digits().images[:3])


def test_labels_given_to_fit_change_nothing(fitted):
    again = clone(fitted).fit(load_digits().images[:200], load_digits().target[:200])
    assert np.array_equal(again.labels_, fitted.labels_)


def test_rows_are_standardised_the_same_way_when_new():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(0, 1, (40, 4)), rng.normal(9, 1, (40, 4))]) * [1, 1e3, 1e-3, 1] + 5
    model = DeepSpectralClustering(2, settings={**FAST, "epochs": 8}).fit(rows)
    assert (model.predict(rows) == model.labels_).all()
    assert len(set(model.labels_[:40])) == len(set(model.labels_[40:])) == 1
    with pytest.raises(InputError, match="3 columns"):
        model.predict(rows[:, :3])


@pytest.mark.parametrize(
    ("samples", "word"),
    [
        (np.array([["a", "b"]] * 20), "must hold numbers"),
        (np.zeros((0, 8, 8)), "no samples"),
        (np.zeros(30), "1-dimensional"),
        (np.zeros((40, 8, 8)), "."),  # constant
        (np.full((40, 8, 8), np.nan), "."),
        (np.random.default_rng(0).random((5, 8, 8)), "."),  # fewer than clusters
    ],
)
def test_bad_input_is_refused_in_one_sentence(samples, word):
    with pytest.raises(InputError, match=word) as refused:
        DeepSpectralClustering(10).fit(samples)
    assert "\n" not in str(refused.value)
