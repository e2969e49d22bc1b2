"""Answers of a person in training: they change the graph and its cut, and none changes nothing."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from dsc_core.config import Config
from dsc_core.method.answers import Answer, Knowledge, marks
from tests.training.small import SMALL, images, run

CONFIG = Config(**SMALL)
TRUE = load_digits().target[:300]


def _marks(answers=120, seed=0):
    """Answers by the labels, about random pairs, as a person would give them."""
    pairs = np.random.default_rng(seed).integers(0, 300, (answers, 2))
    known = Knowledge.of(Answer((int(a),), (int(b),), bool(TRUE[a] == TRUE[b])) for a, b in pairs if a != b)
    return marks(known, 300)


@pytest.fixture(scope="module")
def taught():
    states = []
    fitted, _ = run(images(), CONFIG, marks=_marks(), checkpoint=states.append)
    return fitted, states


def test_no_answers_change_nothing():
    plain, _ = run(images(), CONFIG)
    none, _ = run(images(), CONFIG, marks=marks(Knowledge(), 300))
    assert np.array_equal(plain.labels, none.labels)
    assert np.array_equal(plain.latent, none.latent)
    assert abs(plain.affinity - none.affinity).max() == 0


def test_the_last_graph_has_no_edge_between_samples_that_differ(taught):
    found, graph = _marks(), taught[0].affinity.tocoo()
    groups = found.group[graph.row], found.group[graph.col]
    for here, there in zip(*groups, strict=True):
        assert here < 0 or there < 0 or there not in found.apart[here]
    for first, second in found.pairs:
        assert taught[0].affinity[first, second] >= graph.data.max() - 1e-6


def test_training_that_is_resumed_ends_the_same(taught):
    fitted, states = taught
    middle = next(state for state in states if state.stage == "joint")
    again, _ = run(images(), CONFIG, marks=_marks(), resume_from=middle)
    assert np.array_equal(again.labels, fitted.labels)
    assert np.array_equal(again.latent, fitted.latent)


def test_answers_about_a_part_of_the_samples_stay_with_them():
    whole, rows = _marks(), np.arange(0, 300, 2)
    part = whole.among(rows)
    assert np.array_equal(part.group, whole.group[rows])
    assert (rows[part.pairs] % 2 == 0).all()
    assert set(map(tuple, rows[part.pairs].tolist())) <= set(map(tuple, whole.pairs.tolist()))
