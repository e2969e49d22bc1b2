"""Export "maps": the latent and the spectral map, interactive or as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from dsc_core.analysis.metrics import natural_key
from dsc_core.plots import palette, static
from dsc_core.plots.maps import MAP_LIMIT, group_map
from dsc_core.runs.annotations.edits import Edited
from dsc_core.runs.artifacts.exports.kind import Context, Export
from dsc_core.runs.artifacts.exports.page import write_figures, write_picture
from dsc_core.runs.artifacts.results import Results
from dsc_core.sampling import sample_rows

SPACES = (("latent", "Latent space z"), ("spectral", "Spectral space Y"))


def write(context: Context) -> None:
    """Both maps side by side."""
    results, edited = context.edited_results, context.edited
    if context.suffix == ".html":
        rows = sample_rows(len(results.labels), MAP_LIMIT, 0)
        write_figures(context, map_figures(results, "cluster", rows, edited))
        return
    names, colours = group_names(results, "cluster", edited)
    clusters = results.labels["cluster"].to_numpy()
    left, right = (
        static.still_map(_points(results, space), clusters, names, title, colours) for space, title in SPACES
    )
    write_picture(context, left.beside(right))


def map_figures(results: Results, by: str, rows: np.ndarray, edited: Edited) -> list[Any]:
    """The Plotly figures of both maps, with the samples at `rows` (m,), coloured by "cluster" or "label"."""
    frame = results.labels.iloc[rows]
    hover = [
        f"{identity}\ncluster {edited.title(cluster)}, confidence {confidence:.2f}"
        for identity, cluster, confidence in zip(
            frame["id"], frame["cluster"], frame["confidence"], strict=True
        )
    ]
    names, colours = group_names(results, by, edited)
    return [
        group_map(
            _points(results, space)[rows], frame[by].to_numpy(), names, hover, title=title, colours=colours
        )
        for space, title in SPACES
    ]


def group_names(results: Results, by: str, edited: Edited) -> tuple[dict[Any, str], dict[Any, str] | None]:
    """{group: name} of the clusters or labels in natural order, and {cluster: colour}, None for labels."""
    groups = sorted(results.labels[by].unique().tolist(), key=natural_key)
    if by != "cluster":
        return {group: str(group) for group in groups}, None
    names = {group: edited.title(group) for group in groups}
    return names, {group: palette.colour(group) for group in groups}


def _points(results: Results, space: str) -> np.ndarray:
    return results.latent_map if space == "latent" else results.spectral_map


EXPORTS = (
    Export(
        "maps",
        "Maps",
        (".html", ".svg", ".png"),
        "Latent and spectral map; the HTML file can be moved and zoomed.",
        write,
        order=9,
        edited=True,
        default_for=(".svg", ".png"),
    ),
)
