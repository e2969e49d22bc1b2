"""The estimator follows scikit-learn's conventions, and refuses bad input in one sentence."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from dsc_core import DeepSpectralClustering
from dsc_core.errors import InputError

FAST = {"epochs": 1, "joint_epochs": 1, "least_steps": 0, "spectral_width": 64}
TINY = {**FAST, "spectral_width": 32, "latent_dims": 8, "map_every": 0}
ONE_CLUSTER = "sets n_clusters=1, which is refused: clustering needs at least two clusters"
BY_NAME = (
    "columns in another order are matched by their names, with a warning, where scikit-learn refuses them"
)
CLASSIFIERS_ONLY = "reads the tags of a classifier wherever there is predict_proba"
EXPECTED_FAILURES = {
    "check_estimator_sparse_array": CLASSIFIERS_ONLY,
    "check_estimator_sparse_matrix": CLASSIFIERS_ONLY,
    "check_dataframe_column_names_consistency": BY_NAME,
    "check_dont_overwrite_parameters": ONE_CLUSTER,
    "check_fit2d_1feature": ONE_CLUSTER,
    "check_fit2d_predict1d": ONE_CLUSTER,
    "check_methods_subset_invariance": ONE_CLUSTER,
}


@parametrize_with_checks(
    [DeepSpectralClustering(3, preset="quick", settings=TINY)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


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
    with pytest.raises(InputError, match="3 features"):
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


@pytest.fixture(scope="module")
def rows():
    """60 rows of 4 columns in two clusters."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (30, 4)), rng.normal(9, 1, (30, 4))])


def tiny(**parameters):
    return DeepSpectralClustering(2, preset="quick", settings=TINY, **parameters)


@pytest.fixture(scope="module")
def of_rows(rows):
    return tiny().fit(rows)


# What the four checks that set n_clusters=1 test, with two clusters.


def test_one_cluster_is_refused(rows):
    with pytest.raises(InputError, match="from 2 to"):
        DeepSpectralClustering(1).fit(rows)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "transform", "distances", "unseen"])
def test_the_answer_for_a_row_depends_on_that_row_alone(of_rows, rows, method):
    answer = getattr(of_rows, method)
    together, alone = answer(rows), np.concatenate([answer(row[None]) for row in rows])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(answer(rows[::-1])[::-1], together, atol=1e-4)


def test_a_single_row_must_be_reshaped(of_rows, rows):
    with pytest.raises(InputError, match="Reshape your data"):
        of_rows.predict(rows[0])


def test_one_column_is_enough(rows):
    model = tiny().fit(rows[:, :1])
    assert model.transform(rows[:, :1]).shape == model.spectral_.shape


def test_fit_changes_no_public_attribute_and_no_parameter(rows):
    model = tiny()
    before = model.get_params()
    model.fit(rows)
    assert model.get_params() == before
    assert all(name.endswith("_") or name.startswith("_") or name in before for name in vars(model))


# Random state and settings.


def test_the_seed_is_an_int_a_generator_or_new_each_time(rows):
    def seed(**parameters):
        return tiny(**parameters).fit(rows).fitted_.config.seed

    assert seed(random_state=7) == seed(random_state=np.int64(7)) == 7
    assert seed(random_state=np.random.RandomState(3)) == seed(random_state=np.random.RandomState(3))
    assert seed(random_state=None) != seed(random_state=None)
    with pytest.raises(InputError, match="seed"):
        tiny(random_state=-1).fit(rows)


def test_settings_override_the_parameters(rows):
    config = DeepSpectralClustering(5, settings={**TINY, "seed": 4, "clusters": 2}).fit(rows).fitted_.config
    assert (config.seed, config.clusters) == (4, 2)


# Input.


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "inf")])
def test_nan_and_inf_are_refused_with_their_row(of_rows, rows, value, word):
    bad = rows.copy()
    bad[17, 2] = value
    with pytest.raises(InputError, match=f"{word}.* in row 17, column 2"):
        tiny().fit(bad)
    for method in ("predict", "predict_proba", "transform", "distances", "unseen"):
        with pytest.raises(InputError, match=f"{word}.* in row 17, column 2"):
            getattr(of_rows, method)(bad)
    with pytest.raises(InputError, match="row 17, column 'c'"):
        tiny().fit(pd.DataFrame(bad, columns=list("abcd")))


def test_nan_in_an_image_is_refused_with_its_row(fitted):
    images = load_digits().images[:20].copy()
    images[3, 2, 2] = np.nan
    for call in (fitted.predict, fitted.unseen, clone(fitted).fit):
        with pytest.raises(InputError, match="1 NaN value in row 3:"):
            call(images)


def test_a_value_beyond_single_precision_is_refused_with_its_row(of_rows, rows):
    bad = rows.copy()
    bad[40] = 1e300
    with pytest.raises(InputError, match="Row 40 of X holds a value too large"):
        of_rows.predict(bad)


def test_data_frames_keep_their_column_names(rows):
    frame = pd.DataFrame(rows, columns=list("abcd"))
    model = tiny().fit(frame)
    assert list(model.feature_names_in_) == list("abcd")
    assert model.n_features_in_ == 4
    with pytest.warns(UserWarning, match="matched by their names"):
        assert np.array_equal(model.predict(frame[list("dcba")]), model.labels_)
    assert not hasattr(model.fit(rows), "feature_names_in_")


def test_data_frames_may_hold_bool_and_nullable_columns(rows):
    frame = pd.DataFrame({"number": rows[:, 0], "flag": rows[:, 1] > 4})
    frame["whole"] = pd.array(rows[:, 2].round().astype(int), dtype="Int64")
    assert np.array_equal(tiny().fit(frame).labels_, tiny().fit(frame.to_numpy(dtype=float)).labels_)
    frame.loc[9, "whole"] = pd.NA
    with pytest.raises(InputError, match="row 9, column 'whole'"):
        tiny().fit(frame)


def test_images_with_channels_last_are_those_with_channels_first():
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 10, 3), dtype=np.uint8)
    last, first = tiny().fit(images), tiny().fit(images.transpose(0, 3, 1, 2))
    assert last.fitted_.shape == first.fitted_.shape == (3, 8, 10)
    assert np.array_equal(last.labels_, first.labels_)
    assert np.array_equal(last.predict(images), last.labels_)


def test_refitting_on_images_forgets_the_columns(rows):
    model = tiny().fit(rows).fit(load_digits().images[:40])
    assert not hasattr(model, "n_features_in_")
    with pytest.raises(InputError, match="images"):
        model.predict(rows)
    with pytest.raises(InputError, match="rows"):
        model.fit(rows).predict(load_digits().images[:40])


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (scipy.sparse.csr_matrix((20, 10**6)), "limit of 5,000 columns"),
        (scipy.sparse.csr_matrix(np.eye(20) * 1j), "Complex"),
        (np.ones((20, 3), complex), "[Cc]omplex"),
        (np.ones((20, 8, 8), complex), "complex"),
        (np.ones((20, 0)), "0 feature"),
        (np.ones((0, 3)), "0 sample"),
        ([[1, 2], [3]] * 10, "."),
    ],
)
def test_other_data_are_refused_by_name(samples, words):
    with pytest.raises(InputError, match=words):
        tiny().fit(samples)


@pytest.mark.parametrize("form", ["csr", "coo", "dia"])
def test_a_sparse_matrix_is_the_dense_one(of_rows, rows, form):
    sparse = scipy.sparse.csr_matrix(rows).asformat(form)
    assert np.array_equal(of_rows.predict(sparse), of_rows.labels_)
    assert of_rows.transform(sparse).dtype == np.float64
    sparse = scipy.sparse.csr_array(np.where(np.arange(60)[:, None] == 17, np.inf, rows))
    with pytest.raises(
        InputError, match=r"4 infinite \(inf\) values in 1 rows, the first in row 17, column 0"
    ):
        of_rows.predict(sparse)


def test_all_bad_values_are_counted(of_rows, rows):
    bad = rows.copy()
    bad[57, 2], bad[58:, 0] = np.inf, np.nan
    words = r"2 NaN and 1 infinite \(inf\) values in 3 rows, the first in row 57, column 2"
    for call in (of_rows.predict, tiny().fit):
        with pytest.raises(InputError, match=words):
            call(bad)


def test_columns_are_named_where_they_are_no_numbers_or_not_those_of_training(rows):
    frame = pd.DataFrame(rows, columns=list("abcd"))
    for column in (pd.Timestamp("2020-01-01"), pd.Categorical(list("xy") * 30)):
        with pytest.raises(InputError, match=r"The column 'when' of X has the type"):
            tiny().fit(frame.assign(when=column))
    with pytest.raises(InputError, match=r"X has 2 columns named 'a'"):
        tiny().fit(frame.set_axis(list("aabc"), axis=1))
    model = tiny().fit(frame)
    with pytest.raises(InputError, match=r"X lacks 'd' and has 'e'") as refused:
        model.predict(frame.rename(columns={"d": "e"}))
    assert "\n" not in str(refused.value)


def test_transform_keeps_the_type_of_x(of_rows, rows):
    assert of_rows.transform(rows).dtype == np.float64
    assert of_rows.transform(rows.astype(np.float32)).dtype == np.float32


def test_tensors_are_taken_as_arrays(of_rows, rows):
    assert np.array_equal(of_rows.predict(torch.from_numpy(rows)), of_rows.labels_)
    assert of_rows.predict(torch.from_numpy(rows).bfloat16()).shape == (60,)


def test_the_output_can_be_a_data_frame(of_rows, rows):
    frame = clone(of_rows).set_output(transform="pandas").fit(rows).transform(rows)
    assert list(frame.columns[:2]) == ["deepspectralclustering0", "deepspectralclustering1"]
