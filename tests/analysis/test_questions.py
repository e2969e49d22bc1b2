"""Questions about a clustering: which come first, and what answers to them do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dsc_core.analysis.metrics import accuracy
from dsc_core.analysis.question_cells import gains
from dsc_core.analysis.questions import DIFFERENT, MIXED_SECOND, SAME, UNSURE, Questions
from dsc_core.method.answers import Knowledge
from dsc_core.method.graph import whole_graph

COUNT, CLASSES = 600, 6


@pytest.fixture(scope="module")
def data():
    """Six classes in three pairs that overlap: graph, map, labels, and clusters that cut across two of them."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(CLASSES), COUNT // CLASSES)
    centres = np.array([[0, 0], [3, 0], [0, 9], [3, 9], [9, 0], [9, 9]], float)
    points = (centres[labels] + rng.normal(0, 0.8, (COUNT, 2))).astype(np.float32)
    clusters = np.array([0, 0, 1, 1, 2, 3])[labels]
    clusters[labels == 4] = 2 + 2 * (points[labels == 4, 0] > 9)
    return whole_graph(torch.from_numpy(points), 10), points, labels, clusters


def _asker(data, **more):
    graph, points, _, clusters = data
    return Questions(graph, points, clusters, int(clusters.max()) + 1, **more)


def _said(labels, question):
    sides = [np.bincount(labels[list(each)]) for each in (question.first, question.second)]
    return SAME if sides[0].argmax() == sides[1].argmax() else DIFFERENT


def _teach(asker, labels, answers):
    for _ in range(answers):
        question = asker.next()
        if question is None:
            break
        asker.answer(question, _said(labels, question))
    return asker


def test_answers_put_clusters_right(data):
    _, _, labels, clusters = data
    taught = _teach(_asker(data), labels, 40).labels
    assert accuracy(labels, clusters) < 0.7
    assert accuracy(labels, taught) > 0.93
    assert len(np.unique(taught)) == CLASSES, "the number of clusters follows splits and merges"


def test_before_any_answer_the_clusters_are_those_of_the_run(data):
    assert accuracy(data[3], _asker(data).labels) > 0.97


def test_the_same_answers_give_the_same_questions(data):
    asked = []
    for _ in range(2):
        asker, row = _asker(data), []
        for _ in range(12):
            question = asker.next()
            row.append((question.first, question.second))
            asker.answer(question, _said(data[2], question))
        asked.append(row)
    assert asked[0] == asked[1]


def test_a_question_is_not_asked_twice(data):
    asker, seen = _asker(data), set()
    for number in range(30):
        question = asker.next()
        if question is None:
            break
        pair = frozenset((question.first, question.second))
        assert pair not in seen or question.confirms is not None
        seen.add(pair)
        asker.answer(question, UNSURE if number % 3 == 0 else _said(data[2], question))


def test_a_surprising_answer_counts_only_when_it_is_confirmed(data):
    asker = _asker(data)
    while not asker.is_surprising(question := asker.next(), said := _wrong(data[2], question)):
        asker.answer(question, _said(data[2], question))
    before = asker.labels
    asker.answer(question, said)
    assert (asker.labels == before).all()
    again = asker.next()
    assert again.confirms is question
    asker.answer(again, _said(data[2], again))
    assert asker.labels.shape == before.shape
    assert frozenset((question.first, question.second)) in asker.aside


def _wrong(labels, question):
    return DIFFERENT if _said(labels, question) == SAME else SAME


def test_a_mixed_sheet_is_not_shown_again(data):
    asker = _asker(data)
    question = asker.next()
    asker.answer(question, MIXED_SECOND)
    for _ in range(10):
        later = asker.next()
        assert question.second not in (later.first, later.second)
        asker.answer(later, _said(data[2], later))


def test_questions_go_on_from_what_is_known(data):
    labels = data[2]
    asker = _teach(_asker(data), labels, 25)
    later = _asker(data, known=Knowledge.of(asker.known.answers), members=asker.members, mixed=asker.mixed)
    assert accuracy(labels, later.labels) > accuracy(labels, asker.labels) - 0.03
    _teach(later, labels, 15)
    assert accuracy(labels, later.labels) > 0.93


def test_gains_are_those_of_computing_both_outcomes():
    rng = np.random.default_rng(0)
    field = rng.dirichlet(np.ones(3), 5)
    spread, sizes = rng.random((5, 2)), rng.random(5)
    rows, target = np.array([1, 4]), np.array([0, 2])
    found = gains(field, sizes, spread, rows, target)
    for place, (row, cluster) in enumerate(zip(rows, target, strict=True)):
        other = np.where(np.arange(3) == cluster, 0, field[row])
        outcomes = [(field[row, cluster], np.eye(3)[cluster]), (1 - field[row, cluster], other / other.sum())]
        after = [
            chance * sizes @ (field + np.outer(spread[:, place], outcome - field[row])).max(1)
            for chance, outcome in outcomes
        ]
        assert found[place] == pytest.approx(sum(after) - sizes @ field.max(1))
