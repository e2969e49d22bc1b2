"""The samples of each cluster in the report; no export by itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from dsc_core.data import Dataset
from dsc_core.errors import InputError, RunError
from dsc_core.plots import palette
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.runs.annotations.edits import Edited
from dsc_core.runs.artifacts.exports.kind import Context

SHOWN = 12  # images per row of a cluster's sheet
ROWS = 4  # table rows shown of a cluster
COLUMNS = 12  # table columns shown


def cluster_sheets(context: Context) -> Iterator[str]:
    """A sheet per cluster: its most and its least confident samples."""
    try:
        dataset = context.dataset
    except (InputError, RunError) as error:
        yield f"<p class='muted'>{escape(str(error))}</p>"
        return
    labels, edited = context.edited_results.labels, context.edited
    empty = () if edited.changed else range(context.run.clusters)
    yield "<div class='grid'>"
    for cluster in sorted({*empty, *labels["cluster"].unique().tolist()}):
        members = labels[labels["cluster"] == cluster]
        yield from _sheet(dataset, members, cluster, edited)
    yield "</div>"


def _sheet(dataset: Dataset, members: pd.DataFrame, cluster: int, edited: Edited) -> Iterator[str]:
    """One cluster. members: its rows of the labels."""
    match = members["matched_label"].iloc[0] if "matched_label" in members and len(members) else None
    matched = f", matched with label {escape(str(match))}" if match is not None and pd.notna(match) else ""
    yield f"<div class='card'><h3>Cluster {escape(edited.title(cluster))}</h3>"
    yield f"<p class='muted'>{len(members):,} samples{matched}</p>"
    order = members["confidence"].sort_values(ascending=False, kind="stable").index.to_numpy()
    most = order[: min(SHOWN, -(-len(order) // 2))]
    for title, rows in (("Most confident", most), ("Least confident", order[: len(most) - 1 : -1][:SHOWN])):
        if len(rows):
            yield f"<p class='muted'>{title}</p>{_samples(dataset, cluster, rows)}"
    yield "</div>"


def _samples(dataset: Dataset, cluster: int, rows: np.ndarray) -> str:
    """Some samples of a cluster: a row of images, or rows of a table."""
    if dataset.kind == "image":
        picture = image_sheet(dataset.values(rows), SHOWN, tile=48, band=palette.colour(cluster))
        names = escape(", ".join(map(str, dataset.ids[rows])), quote=True)
        return f"<img alt='Samples {names}' src='{_data_url(picture)}'>"
    from dsc_core.data.table_units import to_original_units

    rows = rows[:ROWS]
    frame = to_original_units(dataset.samples[rows], dataset.preprocessing).iloc[:, :COLUMNS]
    frame.insert(0, "id", dataset.ids[rows], allow_duplicates=True)
    titles = "".join(f"<th>{escape(str(name))}</th>" for name in frame.columns)
    lines = [
        "".join(f"<td>{escape(_cell(value))}</td>" for value in row) for row in frame.itertuples(index=False)
    ]
    return f"<div class='scroll'><table><tr>{titles}</tr><tr>{'</tr><tr>'.join(lines)}</tr></table></div>"


def _cell(value: Any) -> str:
    """A value of a table as text."""
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def _data_url(picture: np.ndarray) -> str:
    """An image (H, W, 4) as a data: URL."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "png")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
