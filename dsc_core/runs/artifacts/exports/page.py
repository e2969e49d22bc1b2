"""HTML pages that stand alone, with plotly.js and styles inside; no export by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from dsc_core.plots import palette
from dsc_core.runs.artifacts.exports.kind import Context

if TYPE_CHECKING:
    from dsc_core.plots.picture import Picture

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


def head(title: str) -> str:
    """The beginning of a page."""
    from plotly.offline import get_plotlyjs

    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body>\n"
    )


def section(title: str, parts: Iterable[str]) -> Iterator[str]:
    """A heading and the parts below it."""
    yield f"<h2>{escape(title)}</h2>\n"
    for part in parts:
        yield f"{part}\n"


def interactive(figure: Any) -> str:
    """A Plotly figure as a part of a page, in the colours of the page."""
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


def write_figures(context: Context, figures: Iterable[Any]) -> None:
    """Plotly figures on a page that stands alone."""
    cards = "".join(f"<div class='card'>{interactive(figure)}</div>" for figure in figures)
    context.out.write(head(context.run.name).encode())
    context.out.write(f"<div class='grid maps'>{cards}</div></body></html>\n".encode())


def write_picture(context: Context, picture: Picture) -> None:
    """A still picture, as PNG or SVG."""
    context.out.write(picture.png() if context.suffix == ".png" else picture.svg().encode())
