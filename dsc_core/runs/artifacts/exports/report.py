"""Export "report": one HTML file with settings, scores, curves, maps, confusion matrix and samples of a run.

It opens without a network, a server or this program: plotly.js, pictures and styles are inside. Names from outside
(of runs, labels, samples, columns) are escaped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.config import KNOBS
from dsc_core.events import Event
from dsc_core.knobs import GROUPS, plain_number
from dsc_core.plots import static
from dsc_core.plots.maps import MAP_LIMIT
from dsc_core.runs.annotations.edits import edited_scores, sentence
from dsc_core.runs.artifacts.arrays import read_latent, read_spectral
from dsc_core.runs.artifacts.exports.cluster_sheets import cluster_sheets
from dsc_core.runs.artifacts.exports.curves import loss_curves
from dsc_core.runs.artifacts.exports.kind import Context, Export
from dsc_core.runs.artifacts.exports.maps import map_figures
from dsc_core.runs.artifacts.exports.page import head, interactive, section
from dsc_core.runs.artifacts.results import Results
from dsc_core.runs.event_log import FILE
from dsc_core.runs.folder import read_events
from dsc_core.runs.run import Run
from dsc_core.sampling import sample_rows

SCORES = {
    "acc": "ACC",
    "nmi": "NMI",
    "ari": "ARI",
    "silhouette_latent": "Silhouette, latent",
    "silhouette_spectral": "Silhouette, spectral",
    "eigengap": "Eigengap",
}


def write(context: Context) -> None:
    """Write the page piece by piece."""
    for piece in report(context):
        context.out.write(piece.encode())


def report(context: Context) -> Iterator[str]:
    """The page, piece by piece. With edits, maps, confusion matrix and samples show the edited clusters."""
    run = context.run
    yield head(run.name)
    yield f"<h1>{escape(run.name)}</h1><p class='muted'>{escape(_summary(context.results))}</p>"
    yield from section("Scores", _scores(context.results))
    if context.edited.changed:
        yield from _edits(context)
    yield from section("Maps", _maps(context))
    if (confusion := context.edited_results.confusion) is not None:
        yield from section("Confusion matrix", [_confusion_card(context, *confusion)])
    yield from section("Samples of each cluster", cluster_sheets(context))
    yield from section("Curves", _curves(run.folder))
    yield from section("Settings", _settings(run))
    yield "</body></html>\n"


def _summary(results: Results) -> str:
    """What was trained, when and on what, in one line."""
    run = results.run
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.ended or run.created))
    parts = [
        f"{run.samples:,} samples of {run.dataset.get('name', 'unknown data')}",
        f"{run.clusters} clusters",
        f"{run.status} {when}",
        str(results.summary.get("device") or run.device),
    ]
    if results.summary.get("seconds") is not None:
        parts.append(f"{results.summary['seconds']:,.0f} s")
    return " · ".join(part for part in parts if part)


def _scores(results: Results) -> Iterator[str]:
    """The scores in the summary, and what they mean."""
    yield _score_cards(results.scores)
    if "acc" in results.scores:
        yield "<p class='muted'>Labels were used to compute ACC, NMI and ARI, and for nothing else.</p>"
    else:
        yield "<p class='muted'>The data have no labels: none of these scores is accuracy.</p>"


def _score_cards(scores: dict[str, float], suffix: str = "") -> str:
    """Scores side by side; `suffix` follows each title."""
    each = "".join(
        f"<div class='card figure'>{escape(title)}{suffix}<strong>{scores[name]:.3f}</strong></div>"
        for name, title in SCORES.items()
        if name in scores
    )
    return f"<div class='row'>{each}</div>"


def _edits(context: Context) -> Iterator[str]:
    """The edits, and the scores of the edited clusters."""
    edited, run = context.edited, context.run
    count = len(edited.done)
    yield (
        f"<h3>Edited clusters</h3><p>{count} edit{'s'[: count != 1]} in force. The scores above are those of the run; "
        "the maps, the confusion matrix and the samples below show the edited clusters.</p>"
    )
    labels = context.edited_results.labels
    yield _score_cards(
        edited_scores(labels, read_latent(run), read_spectral(run), run.config.seed), ", edited"
    )
    lines = "".join(f"<li>{escape(sentence(edit))}</li>" for edit in edited.done)
    yield f"<details><summary>All edits, in order</summary><ol>{lines}</ol></details>\n"


def _maps(context: Context) -> Iterator[str]:
    """Both maps, interactive: by cluster and, if there are labels, by label."""
    results = context.edited_results
    rows = sample_rows(len(results.labels), MAP_LIMIT, 0)
    if len(rows) < len(results.labels):
        yield f"<p class='muted'>A random sample of {len(rows):,} of {len(results.labels):,} samples (seed 0).</p>"
    for by in ("cluster", "label") if "label" in results.labels else ("cluster",):
        figures = map_figures(results, by, rows, context.edited)
        pair = "".join(f"<div class='card'>{interactive(figure)}</div>" for figure in figures)
        yield f"<p>Coloured by {by}</p><div class='grid maps' data-maps='{by}'>{pair}</div>"


def _confusion_card(context: Context, matrix: np.ndarray, labels: list[Any], clusters: list[Any]) -> str:
    """The confusion matrix as a still picture."""
    titles = [context.edited.title(cluster) for cluster in clusters]
    picture = static.still_confusion(matrix, labels, titles, background=None, ink="currentColor")
    return f"<div class='card scroll'>{picture.svg()}</div>"


def _curves(folder: Path) -> Iterator[str]:
    """The losses over the epochs."""
    curves = loss_curves(folder)
    if not curves:
        yield "<p class='muted'>The run has no complete epoch.</p>"
        return
    yield "<p class='muted'>Means over each epoch, unweighted; total is the weighted sum.</p><div class='grid curves'>"
    for title, curve in curves.items():
        yield static.still_curves({title: curve}, background=None, ink="currentColor").svg()
    yield "</div>"


def _settings(run: Run) -> Iterator[str]:
    """All settings, group by group, and their changes during training."""
    values = run.config.to_dict()
    for group in GROUPS:
        lines = "".join(
            f"<tr><td>{escape(knob.title)}</td><td>{escape(knob.symbol)}</td><td>{escape(str(values[name]))}</td>"
            f"<td class='muted'>{escape(knob.help)}</td></tr>"
            for name, knob in KNOBS.items()
            if knob.group == group
        )
        table = f"<div class='scroll'><table>{lines}</table></div>"
        yield f"<details open><summary>{escape(group)}</summary>{table}</details>"
    if changes := _changes(run.folder):
        lines = "".join(f"<tr><td>step {step:,}</td><td>{escape(text)}</td></tr>" for step, text in changes)
        yield f"<p>Changed during training:</p><table>{lines}</table>"


def _changes(folder: Path) -> list[tuple[int, str]]:
    """(step, changes in words) of each event that changed settings."""
    events = [Event.from_json(line) for _, line in read_events(folder / FILE)]
    return [
        (
            event.step,
            ", ".join(
                f"{name} {plain_number(old)} → {plain_number(new)}"
                for name, (old, new) in event.changes.items()
            ),
        )
        for event in events
        if event.changes
    ]


EXPORTS = (
    Export(
        "report",
        "Report",
        (".html",),
        "Settings, scores, curves, maps and samples on one page for any browser.",
        write,
        order=2,
        edited=True,
        default_for=(".html",),
    ),
)
