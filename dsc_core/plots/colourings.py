"""What the colours of a map mean: a colouring by groups or by numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from dsc_core.analysis.metrics import natural_key
from dsc_core.plots.palette import PALETTE

CORRECT, WRONG, UNMATCHED = PALETTE[4], PALETTE[5], PALETTE[9]
MOST_GROUPS = 30  # groups of a column; its other values share one
FEWEST_NUMBERS = 7  # different numbers that are shown on a scale; fewer are groups
OTHER = "other values"


@dataclass(frozen=True)
class Colouring:
    """How to colour n points.

    values: (n,), the group of each point, or a number if `names` is None. names: group -> legend text, in the order of
    the legend. colours: group -> colour, for groups that do not take theirs from the palette. bounds: the ends of the
    scale of numbers. title: what the numbers are.
    """

    values: np.ndarray
    names: Mapping[Any, str] | None = None
    colours: Mapping[Any, str] = field(default_factory=dict)
    bounds: tuple[float, float] = (0.0, 1.0)
    title: str = ""


def by_column(values: np.ndarray, title: str) -> Colouring:
    """A colouring by a column (n,): numbers on a scale from the 1st to the 99th percentile, other values as groups."""
    values = np.asarray(values)
    if values.dtype.kind in "fiub" and len(np.unique(values)) >= FEWEST_NUMBERS:
        finite = values[np.isfinite(values)].astype(float)
        low, high = np.percentile(finite, (1, 99))
        bounds = (float(low), float(high if high > low else low + 1))
        return Colouring(values.astype(float), bounds=bounds, title=title)
    groups = np.array([f"{value:.4g}" if values.dtype.kind == "f" else str(value) for value in values])
    distinct = sorted(set(groups.tolist()), key=natural_key)
    names = {name: f"{title} {name}" for name in distinct[:MOST_GROUPS]}
    if len(distinct) > MOST_GROUPS:
        groups = np.where(np.isin(groups, list(names)), groups, OTHER)
        names[OTHER] = OTHER
    return Colouring(groups, names, title=title)


def by_agreement(labels: np.ndarray, matched: np.ndarray | pd.Series) -> Colouring:
    """A colouring by whether the label of a sample is the one that its cluster is matched with.

    labels: (n,). matched: (n,), missing for clusters without a label, which are a group of their own.
    """
    has_class = pd.Series(matched).notna().to_numpy()
    # One by one: an array of integers of which some are missing would become floats, and "1" become "1.0".
    equal = np.array([str(label) == str(match) for label, match in zip(labels, matched, strict=True)], bool)
    values = np.where(has_class & equal, "correct", np.where(has_class, "wrong", "unmatched"))
    names = {"correct": "correct", "wrong": "wrong", "unmatched": "cluster without a label"}
    present = {group: text for group, text in names.items() if (values == group).any()}
    return Colouring(values, present, {"correct": CORRECT, "wrong": WRONG, "unmatched": UNMATCHED})
