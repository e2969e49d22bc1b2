"""What follows from answers: groups, what differs, and contradictions with their chains."""

from __future__ import annotations

import numpy as np
import pytest

from dsc_core.method.answers import Answer, Knowledge, marks


def _same(first, second):
    return Answer(_key(first), _key(second), True)


def _different(first, second):
    return Answer(_key(first), _key(second), False)


def _key(one):
    return (one,) if isinstance(one, int) else one


def test_same_is_transitive_and_different_holds_between_groups():
    known = Knowledge.of([_same(0, 1), _same(1, 2), _different(2, 5), _same(5, 6)])
    assert known.agree((0,), (2,))
    assert known.differ((0,), (6,))
    assert not known.differ((0,), (9,)), "of a sample that no answer is about nothing is known"
    assert not known.contradictions


def test_a_contradiction_names_its_chain_and_changes_nothing():
    known = Knowledge.of([_same(0, 1), _same(8, 9), _same(1, 2)])
    found = known.add(_different(0, 2))
    assert found is not None
    assert (found.answer, found.chain) == (3, (0, 2))
    assert known.agree((0,), (2,)), "the later answer is not applied"
    assert len(known) == 4, "and not lost"


def test_same_against_a_difference_names_the_difference_and_both_sides():
    known = Knowledge.of([_same(0, 1), _same(2, 3), _different(1, 2)])
    found = known.add(_same(0, 3))
    assert found is not None
    assert found.chain == (0, 2, 1)
    assert known.differ((0,), (3,))


def test_two_names_are_apart():
    known = Knowledge.of([_same(0, "shoe"), _same(1, "bag"), _same(2, "shoe")])
    assert known.agree((0,), (2,))
    assert known.differ((0,), (1,))
    found = known.add(_same(0, 1))
    assert found is not None
    assert found.chain == (0, 1)
    assert known.name((2,)) == "shoe"


def test_a_sample_is_not_different_from_itself():
    found = Knowledge().add(_different(4, 4))
    assert found is not None
    assert found.chain == ()


@pytest.mark.parametrize("seed", range(5))
def test_answers_by_labels_never_contradict_and_only_join_what_is_the_same(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, 60)
    known = Knowledge()
    for first, second in rng.integers(0, 60, (400, 2)):
        assert known.add(Answer((first,), (second,), bool(labels[first] == labels[second]))) is None
    for keys in known.groups():
        assert len({int(labels[key[0]]) for key in keys}) == 1
    found = marks(known, 60)
    for group, others in enumerate(found.apart):
        here = labels[found.group == group][0]
        assert all(labels[found.group == other][0] != here for other in others)


@pytest.mark.parametrize("seed", range(5))
def test_every_chain_alone_contradicts_its_answer(seed):
    """The chain is enough to explain the contradiction: with its answers alone, the same answer contradicts too."""
    rng = np.random.default_rng(seed)
    known = Knowledge()
    for first, second, same in zip(*rng.integers(0, 25, (2, 150)), rng.random(150) < 0.5, strict=True):
        if first != second:
            known.add(Answer((int(first),), (int(second),), bool(same)))
    assert known.contradictions
    for each in known.contradictions:
        alone = Knowledge.of(known.answers[number] for number in each.chain)
        assert not alone.contradictions
        assert alone.add(known.answers[each.answer]) is not None


def test_a_sample_in_several_keys_belongs_to_the_smallest():
    known = Knowledge.of([_same((0, 1, 2, 3), (8, 9)), _different(2, (8, 9))])
    group = marks(known, 10, {(0, 1, 2, 3): np.arange(6)}).group
    assert group[0] == group[5] == group[8] == 0
    assert group[2] == 1
    assert group[7] == -1


def test_many_answers():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 3000)
    known = Knowledge.of(
        Answer((int(a),), (int(b),), bool(labels[a] == labels[b]))
        for a, b in rng.integers(0, 3000, (10_000, 2))
    )
    assert not known.contradictions
    assert len(marks(known, 3000)) == len(known.groups())
