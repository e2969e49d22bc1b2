"""Export "curves": the losses over the epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.config import KNOBS
from dsc_core.errors import InputError
from dsc_core.events import Event
from dsc_core.plots import static
from dsc_core.plots.palette import PALETTE
from dsc_core.runs.artifacts.exports.kind import Context, Export
from dsc_core.runs.artifacts.exports.page import write_figures, write_picture
from dsc_core.runs.event_log import FILE
from dsc_core.runs.folder import read_events

Curve = tuple[np.ndarray, np.ndarray]


def write(context: Context) -> None:
    """One curve per term."""
    curves = loss_curves(context.run.folder)
    if not curves:
        raise InputError(f"The run '{context.run.name}' has no complete epoch, so there are no curves.")
    if context.suffix == ".html":
        write_figures(context, [_line(title, curve) for title, curve in curves.items()])
    else:
        write_picture(context, static.still_curves(curves))


def loss_curves(folder: Path) -> dict[str, Curve]:
    """{title of a term: (epochs (n,), means over each epoch (n,))} from the events of the run in `folder`."""
    points: dict[str, list[tuple[float, float]]] = {}
    for _, line in read_events(folder / FILE):
        event = Event.from_json(line)
        if event.kind == "epoch":
            for name, value in event.losses.items():
                points.setdefault(name, []).append((event.epoch, value))
    curves: dict[str, Curve] = {}
    for name, pairs in points.items():
        title = KNOBS[name].title if name in KNOBS else name.replace("_", " ")
        epochs, means = np.array(pairs, float).T
        curves[title] = epochs, means
    return curves


def _line(title: str, curve: Curve) -> Any:
    """The Plotly figure of one curve."""
    import plotly.graph_objects as go

    figure = go.Figure(go.Scatter(x=curve[0], y=curve[1], line={"color": PALETTE[0]}, mode="lines+markers"))
    margin = {"l": 0, "r": 8, "t": 34, "b": 0}
    figure.update_layout(title={"text": title, "font": {"size": 14}}, margin=margin)
    figure.update_xaxes(title="epoch", automargin=True)
    figure.update_yaxes(automargin=True, gridcolor="rgba(138,148,163,0.25)")
    return figure


EXPORTS = (
    Export("curves", "Loss curves", (".html", ".svg", ".png"), "Means over each epoch.", write, order=11),
)
