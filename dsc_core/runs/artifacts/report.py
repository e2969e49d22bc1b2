"""One HTML file that tells of a run: settings, device, scores, curves, maps, confusion matrix, samples.

It opens without a network, a server or this program: plotly.js, the pictures and the styles lie inside. Whatever a
person or a file named (runs, classes, samples, columns) is escaped.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from dsc_core.analysis.metrics import natural_key
from dsc_core.config import KNOBS
from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.knobs import GROUPS
from dsc_core.plots import palette, static
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.plots.maps import MAP_LIMIT, group_map
from dsc_core.runs.annotations.edits import Edited, applied, edited_scores, sentence
from dsc_core.runs.artifacts.results import Results
from dsc_core.runs.folder import read_events
from dsc_core.runs.loaded_run import LoadedRun
from dsc_core.sampling import sample_rows

SHOWN = 12  # samples a row of a cluster's sheet
ROWS = 4  # rows of a table shown of a cluster
CELLS = 12  # columns of a table shown
SCORES = {
    "acc": "ACC",
    "nmi": "NMI",
    "ari": "ARI",
    "silhouette_latent": "Silhouette, latent",
    "silhouette_spectral": "Silhouette, spectral",
    "eigengap": "Eigengap",
}
STYLE = """
:root { color-scheme: light dark; --ink: #1b2430; --ground: #fff; --soft: #f4f6f9; --rule: #dde3ea; --muted: #5b6675 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --ground: #11151c; --soft: #1a212c; --rule: #303947; --muted: #98a2b0 }
}
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 0 auto;
  max-width: 1120px; padding: 24px 16px 64px; overflow-wrap: anywhere }
h1 { font-size: 1.7rem; margin: 0 } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem } h3 { font-size: 1rem; margin: 0 }
p { margin: .3rem 0 } .muted { color: var(--muted) }
.row { display: flex; flex-wrap: wrap; gap: 12px }
.grid { display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fill, minmax(min(var(--least, 340px), 100%), 1fr)) }
.maps { --least: 420px } .curves { --least: 260px } .card { background: var(--soft); border: 1px solid var(--rule);
  border-radius: 8px; padding: 10px 14px; min-width: 0 }
.figure strong { display: block; font-size: 1.35rem; font-weight: 600 }
.scroll { overflow-x: auto } svg { display: block; max-width: 100%; height: auto } .scroll svg { max-width: none }
.js-plotly-plot text { fill: var(--ink) !important }
img { display: block; max-width: 100%; image-rendering: pixelated }
table { border-collapse: collapse; font-size: .88rem } td, th { text-align: left; padding: 3px 12px 3px 0;
  border-bottom: 1px solid var(--rule); vertical-align: top; white-space: nowrap }
td.muted { white-space: normal; min-width: 220px } details summary { cursor: pointer; margin: .4rem 0 }
"""


def report(found: Results, now: Edited | None = None) -> Iterator[str]:
    """The text of the file, piece by piece. Where the data set is not at hand, a word stands for the samples.

    now: the clusters as edited, which the maps, the matrix and the samples then go by; else they are the run's own.
    """
    run, now = found.run, now or Edited(found.labels["cluster"].to_numpy())
    own, found = found, applied(found, now)
    yield head(run.name)
    yield f"<h1>{escape(run.name)}</h1><p class='muted'>{escape(about(found))}</p>"
    yield from section("Scores", scores(own))
    if now.changed:
        yield from edited_part(found, now)
    yield from section("Maps", maps(found, now))
    if found.confusion is not None:
        matrix, classes, clusters = found.confusion
        clusters = [now.title(cluster) for cluster in clusters]
        drawn = static.still_confusion(matrix, classes, clusters, background=None, ink="currentColor")
        yield from section("Confusion matrix", [f"<div class='card scroll'>{drawn.svg()}</div>"])
    yield from section("Samples of each cluster", samples(found, now))
    yield from section("Curves", loss_curves(run.folder))
    yield from section("Settings", settings(run))
    yield "</body></html>\n"


def head(title: str) -> str:
    """The beginning of a page that stands alone, with plotly.js in it."""
    from plotly.offline import get_plotlyjs

    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body>\n"
    )


def section(title: str, parts) -> Iterator[str]:
    """A heading and what stands below it."""
    yield f"<h2>{escape(title)}</h2>\n"
    for part in parts:
        yield f"{part}\n"


def about(found: Results) -> str:
    """What was trained, when and on what, in one line."""
    run = found.run
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.ended or run.created))
    parts = [
        f"{run.samples:,} samples of {run.dataset.get('name', 'unknown data')}",
        f"{run.clusters} clusters",
        f"{run.status} {when}",
        str(found.summary.get("device") or run.device),
    ]
    if found.summary.get("seconds") is not None:
        parts.append(f"{found.summary['seconds']:,.0f} s")
    return " · ".join(part for part in parts if part)


def scores(found: Results) -> Iterator[str]:
    """The scores as they are in summary.json; without labels it is said that they are not accuracy."""
    yield cards(found.scores)
    if "acc" in found.scores:
        yield "<p class='muted'>Labels were used for ACC, NMI and ARI and for nothing else.</p>"
    else:
        yield "<p class='muted'>Without labels there is no accuracy: these figures are not one.</p>"


def edited_part(found: Results, now: Edited) -> Iterator[str]:
    """That the clusters were edited, how, and what became of the scores."""
    count = len(now.done)
    yield (
        f"<h3>As edited</h3><p>In force: {count} edit{'s'[: count != 1]} of its clusters, kept beside the run. "
        "The scores above are the run's own; the maps, the matrix and the samples below go by the edited clusters.</p>"
    )
    loaded = LoadedRun(found.run)
    known = edited_scores(found.labels, loaded.latent, loaded.spectral, found.run.config.seed)
    yield cards(known, ", edited")
    lines = "".join(f"<li>{escape(sentence(edit))}</li>" for edit in now.done)
    yield f"<details><summary>The edits, in their order</summary><ol>{lines}</ol></details>\n"


def cards(known: dict[str, float], word: str = "") -> str:
    """Figures side by side; `word` stands after each one's name."""
    each = "".join(
        f"<div class='card figure'>{escape(title)}{word}<strong>{known[name]:.3f}</strong></div>"
        for name, title in SCORES.items()
        if name in known
    )
    return f"<div class='row'>{each}</div>"


# Maps -------------------------------------------------------------------------------------------------------


def maps(found: Results, now: Edited) -> Iterator[str]:
    """Both maps, to be moved and zoomed: by cluster and, where the data have labels, by label."""
    rows = sample_rows(len(found.labels), MAP_LIMIT, 0)
    if len(rows) < len(found.labels):
        yield f"<p class='muted'>A random sample of {len(rows):,} of the {len(found.labels):,} samples (seed 0).</p>"
    for way in ("cluster", "label") if "label" in found.labels else ("cluster",):
        pair = "".join(
            f"<div class='card'>{interactive(figure)}</div>" for figure in map_figures(found, way, rows, now)
        )
        yield f"<p>Coloured by {way}</p><div class='grid maps' data-maps='{way}'>{pair}</div>"


def map_figures(found: Results, way: str, rows: np.ndarray, now: Edited) -> list:
    """The Plotly figures of the latent and of the spectral map, of the samples at `rows`."""
    some = found.labels.iloc[rows]
    hover = [
        f"{identity}\ncluster {now.title(cluster)}, confidence {sure:.2f}"
        for identity, cluster, sure in zip(some["id"], some["cluster"], some["confidence"], strict=True)
    ]
    names, colours = groups(found, way, now)
    return [
        group_map(points[rows], some[way].to_numpy(), names, hover, title=title, colours=colours)
        for points, title in ((found.latent_map, "Latent space z"), (found.spectral_map, "Spectral space Y"))
    ]


def groups(found: Results, way: str, now: Edited) -> tuple[dict, dict | None]:
    """{group: its name} of the clusters or labels in natural order, and the clusters' colours."""
    kinds = sorted(found.labels[way].unique().tolist(), key=natural_key)
    names = {kind: now.title(kind) if way == "cluster" else str(kind) for kind in kinds}
    return names, {kind: palette.colour(kind) for kind in kinds} if way == "cluster" else None


def interactive(figure) -> str:
    """A Plotly figure as a part of a page that holds plotly.js, on the page's own ground."""
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": palette.MUTED},
        autosize=True,
    )
    return figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        default_height="460px",
        config={"scrollZoom": True, "displaylogo": False, "responsive": True},
    )


# Samples ----------------------------------------------------------------------------------------------------


def samples(found: Results, now: Edited) -> Iterator[str]:
    """A sheet a cluster: its surest and its least sure samples."""
    try:
        dataset = found.dataset
        if len(dataset) != len(found.labels):
            raise RunError("The data set in this workspace is not the one that was trained on.")
    except (InputError, RunError) as problem:
        yield f"<p class='muted'>{escape(str(problem))}</p>"
        return
    yield "<div class='grid'>"
    empty = () if now.changed else range(found.run.clusters)
    for cluster in sorted({*empty, *found.labels["cluster"].unique().tolist()}):
        members = found.labels[found.labels["cluster"] == cluster]
        match = members["matched_label"].iloc[0] if "matched_label" in members and len(members) else None
        matched = (
            f", matched with class {escape(str(match))}" if match is not None and pd.notna(match) else ""
        )
        yield f"<div class='card'><h3>Cluster {escape(now.title(cluster))}</h3>"
        yield f"<p class='muted'>{len(members):,} samples{matched}</p>"
        order = members["confidence"].sort_values(ascending=False, kind="stable").index.to_numpy()
        surest = order[: min(SHOWN, -(-len(order) // 2))]
        for word, rows in (("Surest", surest), ("Least sure", order[: len(surest) - 1 : -1][:SHOWN])):
            if len(rows):
                yield f"<p class='muted'>{word}</p>{sheet(dataset, found, cluster, rows)}"
        yield "</div>"
    yield "</div>"


def sheet(dataset, found: Results, cluster: int, rows: np.ndarray) -> str:
    """Some samples of a cluster: a row of pictures, or of a table."""
    if dataset.kind == "image":
        picture = image_sheet(dataset.values(rows), SHOWN, tile=48, band=palette.colour(cluster))
        names = escape(", ".join(found.labels.loc[rows, "id"].astype(str)), quote=True)
        return f"<img alt='Samples {names}' src='{as_address(picture)}'>"
    from dsc_core.data.table_units import to_original_units

    rows = rows[:ROWS]
    frame = to_original_units(dataset.samples[rows], dataset.preprocessing).iloc[:, :CELLS]
    frame.insert(0, "id", found.labels.loc[rows, "id"].to_numpy(), allow_duplicates=True)
    titles = "".join(f"<th>{escape(str(name))}</th>" for name in frame.columns)
    lines = [
        "".join(f"<td>{escape(cell(value))}</td>" for value in row) for row in frame.itertuples(index=False)
    ]
    return f"<div class='scroll'><table><tr>{titles}</tr><tr>{'</tr><tr>'.join(lines)}</tr></table></div>"


def cell(value) -> str:
    """A value of a table as text."""
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def as_address(picture: np.ndarray) -> str:
    """An image (H, W, 4) as a data: address."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "png")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


# Curves and settings ----------------------------------------------------------------------------------------


def curves(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{loss: (epochs (n,), means over each epoch (n,))} out of a run's events."""
    found: dict[str, list[tuple[float, float]]] = {}
    for _, line in read_events(folder / "events.jsonl"):
        event = Event.from_json(line)
        if event.kind == "epoch":
            for name, value in event.losses.items():
                found.setdefault(name, []).append((event.epoch, value))
    titles = {name: KNOBS[name].title if name in KNOBS else name.replace("_", " ") for name in found}
    return {titles[name]: tuple(np.array(points, float).T) for name, points in found.items()}


def loss_curves(folder: Path) -> Iterator[str]:
    """The losses over the epochs."""
    known = curves(folder)
    if not known:
        yield "<p class='muted'>The run keeps no losses of whole epochs.</p>"
        return
    yield "<p class='muted'>Means over each epoch, unweighted; total is the weighted sum.</p><div class='grid curves'>"
    for name, points in known.items():
        yield static.still_curves({name: points}, background=None, ink="currentColor").svg()
    yield "</div>"


def settings(run) -> Iterator[str]:
    """All settings, group by group; what a person changed while the run trained stands in its events."""
    values = run.config.to_dict()
    for group in GROUPS:
        lines = "".join(
            f"<tr><td>{escape(known.title)}</td><td>{escape(known.symbol)}</td><td>{escape(str(values[name]))}</td>"
            f"<td class='muted'>{escape(known.help)}</td></tr>"
            for name, known in KNOBS.items()
            if known.group == group
        )
        table = f"<div class='scroll'><table>{lines}</table></div>"
        yield f"<details open><summary>{escape(group)}</summary>{table}</details>"
    moved = changes(run.folder)
    if moved:
        lines = "".join(f"<tr><td>step {step:,}</td><td>{escape(text)}</td></tr>" for step, text in moved)
        yield f"<p>Changed while it trained:</p><table>{lines}</table>"


def changes(folder: Path) -> list[tuple[int, str]]:
    """(step, what was changed) of a run's events."""
    events = [Event.from_json(line) for _, line in read_events(folder / "events.jsonl")]
    return [
        (event.step, ", ".join(f"{name} {old:g} → {new:g}" for name, (old, new) in event.changes.items()))
        for event in events
        if event.changes
    ]
