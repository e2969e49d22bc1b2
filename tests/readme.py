"""`python -m tests.readme` writes the README's tables: the settings from `config.KNOBS`, the scores from the
results of the quality harness; and the heat maps of noise level by weight of mutual information in assets/."""

from pathlib import Path

import numpy as np

from dsc_core.config import GROUPS, KNOBS, takes
from dsc_core.plots.static import Picture, still_heat_map
from tests.benchmarks import methods
from tests.benchmarks.quality import collected
from tests.benchmarks.tables import grid, tables

README = Path(__file__).parent.parent / "README.md"
ASSETS = README.parent / "assets"


def knob_table() -> str:
    """The settings, group by group, as Markdown."""
    lines = []
    for group in GROUPS:
        lines += ["", f"**{group}**", "", "| setting | symbol | default | takes | |", "|---|---|---|---|---|"]
        for known in KNOBS.values():
            if known.group == group:
                live = " *Moves while training.*" if known.live else ""
                help = known.help.replace("|", "\\|")  # p(y|z) would end the cell
                lines.append(
                    f"| `{known.name}` | {known.symbol} | {known.default} | {takes(known)} | {help}{live} |"
                )
    return "\n".join(lines) + "\n"


def score_tables() -> str:
    """The tables of the quality harness, of all results that are current."""
    return f"\n{tables(collected())}\n"


def heat_maps() -> dict[str, str]:
    """SVG by file name: ACC and NMI side by side, of each data set whose grid has been measured."""
    results, found = collected(), {}
    for data in methods.DATA:
        pair = {score: grid(results, data, score) for score in ("acc", "nmi")}
        if not np.isnan(pair["acc"]).all():
            acc, nmi = (_heat_map(values, f"{data}, {score.upper()}") for score, values in pair.items())
            found[f"grid-{data}.svg"] = acc.beside(nmi).svg()
    return found


def _heat_map(values: np.ndarray, title: str) -> Picture:
    rows, columns = ([f"{value:g}" for value in values] for values in (methods.GRID_NOISE, methods.GRID_MI))
    return still_heat_map(
        values, rows, columns, ("noise level s", "weight of both mutual informations"), title
    )


TABLES = {"knobs": knob_table, "quality": score_tables}


def with_tables(text: str) -> str:
    """The README with each table put between its two marks, `<!-- NAME: … -->` and `<!-- /NAME -->`."""
    for name, made in TABLES.items():
        head, rest = text.split(f"<!-- {name}:", 1)
        mark, rest = rest.split("-->", 1)
        tail = rest.split(f"<!-- /{name} -->", 1)[1]
        text = f"{head}<!-- {name}:{mark}-->\n{made()}\n<!-- /{name} -->{tail}"
    return text


if __name__ == "__main__":
    for name, svg in heat_maps().items():
        (ASSETS / name).write_text(svg, encoding="utf-8")
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
