"""How the values of data are distributed, and whether new data fit what a run was trained on.

A model answers for any values, often at full confidence. So new data are compared with the training data by their
values and not by their type, and what does not fit is said. Nothing is compared for runs that did not store the
distribution of their data.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dsc_core.data.notes import Note
from dsc_core.data.scaling import Scaling, finite_range, number, range_in_words
from dsc_core.sampling import sample_rows

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
SAMPLES, VALUES = 500, 2_000_000  # that are looked at
OTHER_RANGE = 4.0  # times the spread of training, or a fourth of it
OTHER_LEVEL = 0.25  # of the range of training, by which the quantiles differ on average
FAR, MOST_VALUES, LEAST_SPREAD, LEAST_ROWS = 8.0, 0.5, 0.02, 20  # standard deviations, share of rows, …
LISTED = 5  # columns


def describe_images(samples: np.ndarray) -> dict[str, Any] | None:
    """The distribution of images (n, C, H, W), raw values, from a sample of them; JSON-serializable.

    least, most: of all values. low, high: the medians of the images' smallest and largest values. None without a finite
    value.
    """
    rows = sample_rows(len(samples), _count(samples), 0)
    values = np.asarray(samples[rows]).reshape(len(rows), -1).astype(np.float64)
    values = values[np.isfinite(values).all(axis=1)]
    if not values.size:
        return None
    return {
        "least": float(values.min()),
        "most": float(values.max()),
        "low": float(np.median(values.min(axis=1))),
        "high": float(np.median(values.max(axis=1))),
        "mean": float(values.mean()),
        "quantiles": [float(value) for value in np.quantile(values, QUANTILES)],
    }


def _count(samples: np.ndarray) -> int:
    """How many of the samples are looked at."""
    return max(20, min(SAMPLES, VALUES // max(1, int(np.prod(samples.shape[1:])))))


def compare_images(samples: np.ndarray, scaling: Scaling, like: dict[str, Any]) -> list[Note]:
    """What is wrong with images (n, C, H, W), read on `scaling`, for a run trained on `like`: at most one note."""
    trained, new = like.get("distribution"), describe_images(samples)
    if trained is None or new is None:
        return []
    old_low, old_high = (_scaled(trained[name], like["scaling"]) for name in ("low", "high"))
    low, high = (_scaled(new[name], scaling) for name in ("low", "high"))
    span = old_high - old_low
    if span <= 0 or high <= low:
        return []
    if not 1 / OTHER_RANGE < (high - low) / span < OTHER_RANGE:
        about = f"mostly {_span(new)} where training had {_span(trained)}"
        return [Note("other_range", about=about)]
    old = _scaled(np.array(trained["quantiles"]), like["scaling"])
    quantiles = _scaled(np.array(new["quantiles"]), scaling)
    if (apart := float(np.abs(quantiles - old).mean())) <= OTHER_LEVEL * span:
        return []
    exchanged = float(np.abs((old_low + old_high - quantiles[::-1]) - old).mean())
    if exchanged < apart / 2:
        words = ("light", "dark") if quantiles.mean() > old.mean() else ("dark", "light")
        return [Note("inverted", about=f"{words[0]}, those of training mostly {words[1]}")]
    mean, old_mean = _scaled(new["mean"], scaling), _scaled(trained["mean"], like["scaling"])
    return [Note("other_brightness", about=f"a mean of {mean:.2f}, in training {old_mean:.2f}, of 0 to 1")]


def rescale_images(samples: np.ndarray, like: dict[str, Any]) -> tuple[Scaling, Note]:
    """The scale that brings the range of `samples` to that of the training data, and what to say about it."""
    low, high = finite_range(samples)
    trained = like.get("distribution")
    offset, factor = like["scaling"]
    if trained is None:
        old_low, old_high, words = 0.0, 1.0, range_in_words((offset, factor))
    else:
        old_low, old_high = (float(_scaled(trained[name], (offset, factor))) for name in ("least", "most"))
        words = f"{number(trained['least'])} to {number(trained['most'])}"
    scale = (old_high - old_low) / (high - low) if high > low else 1.0
    scale = scale if scale > 0 else 1.0
    return (low - old_low / scale, scale), Note(
        "rescaled", about=f"{number(low)} to {number(high)} became {words}"
    )


def compare_table(values: np.ndarray, titles: list[str]) -> list[Note]:
    """What is wrong with rows (n, F) standardised as the training data: a note of columns in other units.

    A column is in other units if most of its values are far from all of training, or hardly vary where those did.
    """
    finite = np.where(np.isfinite(values), values, np.nan)
    odd = []
    for index, title in enumerate(titles):
        column = finite[:, index]
        column = column[~np.isnan(column)]
        if not len(column):
            continue
        spread = float(column.std())
        if (np.abs(column) > FAR).mean() > MOST_VALUES:
            odd.append((title, "far from all values of training"))
        elif len(column) >= LEAST_ROWS and 0 < spread < LEAST_SPREAD:
            odd.append((title, f"vary {1 / spread:,.0f} times less than in training"))
    if not odd:
        return []
    shown = ", ".join(f"'{title[:40]}' ({why})" for title, why in odd[:LISTED])
    more = f" and {len(odd) - LISTED} more" if len(odd) > LISTED else ""
    return [Note("other_units", about=shown + more)]


def _scaled(value: Any, scaling: Any) -> Any:
    return (value - scaling[0]) * scaling[1]


def _span(distribution: dict[str, Any]) -> str:
    return f"{number(distribution['low'])} to {number(distribution['high'])}"
