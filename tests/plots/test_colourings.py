"""Colourings: groups or a scale, from a column or from the agreement with classes."""

import numpy as np
import pandas as pd

from dsc_core.plots import colourings


def test_a_column_is_coloured_by_its_values_and_surplus_ones_share_a_group():
    numbers = colourings.by_column(np.r_[np.linspace(0, 1, 99), 1e9], "height")
    assert numbers.names is None
    assert numbers.bounds[1] < 1e9
    few = colourings.by_column(np.array([0.0, 1.0, 1.0]), "flag")
    assert list(few.names.values()) == ["flag 0", "flag 1"]
    many = colourings.by_column(np.array([f"v{i}" for i in range(200)]), "word")
    assert len(many.names) == colourings.MOST_GROUPS + 1
    assert set(many.values) == set(many.names)


def test_agreement_compares_the_class_with_the_matched_class():
    labels = np.array([1, 2, 2, 3])
    matched = pd.Series([1, 1, 2, None], dtype="Int64")
    colouring = colourings.by_agreement(labels, matched)
    assert colouring.values.tolist() == ["correct", "wrong", "correct", "unmatched"]
    assert set(colouring.names) == {"correct", "wrong", "unmatched"}
    assert "unmatched" not in colourings.by_agreement(labels[:3], matched[:3]).names
