"""Export "data": the data set with the clusters beside it, a table or the arrays of images."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from dsc_core.runs.artifacts.csv_table import csv_bytes
from dsc_core.runs.artifacts.exports.kind import Context, Export, parts
from dsc_core.runs.artifacts.exports.parquet import write_parquet

# The columns that are added to those of the data.
ADDED = ("label", "cluster", "confidence", "matched_label", "edited_cluster", "edited_name")


def write_table(context: Context) -> None:
    """The table in its own units, as CSV or Parquet."""
    if context.suffix == ".parquet":
        write_parquet(_pieces(context), context.out)
        return
    for i, piece in enumerate(_pieces(context)):
        context.out.write(csv_bytes(piece, header=i == 0, digits=7))


def _pieces(context: Context) -> Iterator[pd.DataFrame]:
    """The table piece by piece: id, its columns, and those of ADDED that the run has."""
    from dsc_core.data.table_units import to_original_units

    frame, dataset = context.frame, context.dataset
    added = [name for name in ADDED if name in frame]
    for part in parts(len(frame)):
        piece = to_original_units(dataset.samples[part], dataset.preprocessing)
        titles = [str(name) for name in piece.columns]
        names = ["id", *_distinct(titles, {"id", *added}), *added]
        columns = [frame["id"].iloc[part].astype(str), *(piece.iloc[:, i] for i in range(piece.shape[1]))]
        columns += [frame[name].iloc[part] for name in added]
        yield pd.concat([column.reset_index(drop=True) for column in columns], axis=1, keys=names)
        context.progress(part.stop, len(frame))


def _distinct(names: list[str], reserved: set[str]) -> list[str]:
    """The names, with a suffix where one repeats or is reserved."""
    taken, distinct = set(reserved), []
    for name in names:
        while name in taken:
            name += " (data)"
        taken.add(name)
        distinct.append(name)
    return distinct


def write_arrays(context: Context) -> None:
    """An .npz that NumPy reads: x, ids, cluster, confidence and, with labels, y and matched_label."""
    frame, dataset = context.frame, context.dataset
    arrays: dict[str, Any] = {
        "x": dataset.samples,
        "ids": _texts(frame["id"]),
        "cluster": frame["cluster"].to_numpy(),
        "confidence": frame["confidence"].to_numpy(),
    }
    if dataset.labels is not None:
        arrays |= {"y": dataset.labels, "matched_label": _texts(frame["matched_label"].astype(object))}
    if "edited_cluster" in frame:
        arrays["edited_cluster"] = frame["edited_cluster"].to_numpy()
        arrays["edited_name"] = _texts(frame["edited_name"])
    with zipfile.ZipFile(context.out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def _texts(column: pd.Series) -> np.ndarray:
    """A column as str, "" where a value is missing."""
    return np.array(["" if value is None or value != value else str(value) for value in column.tolist()])


EXPORTS = (
    Export(
        "data",
        "Data with labels",
        (".csv", ".parquet"),
        "The table with gaps filled, and the clusters.",
        write_table,
        order=3,
        data=("table",),
        edited=True,
        needs_dataset=True,
    ),
    Export(
        "data",
        "Data with labels",
        (".npz",),
        "The images as trained on, and the clusters.",
        write_arrays,
        order=4,
        data=("image",),
        edited=True,
        needs_dataset=True,
        default_for=(".npz",),
    ),
)
