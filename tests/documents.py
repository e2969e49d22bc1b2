"""`python -m tests.documents` writes the generated parts of the documents and the pictures in assets/.

A generated part stands between two marks, `<!-- NAME: … -->` and `<!-- /NAME -->`; PARTS says how each is made.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import click
import numpy as np

from dsc_core import objective
from dsc_core.cli.main import dsc
from dsc_core.cli.options import READING
from dsc_core.config import KNOBS, Config
from dsc_core.data.catalog import CATALOG
from dsc_core.data.limits import Limits, setting
from dsc_core.knobs import GROUPS
from dsc_core.objective import TERMS
from dsc_core.plots.picture import Picture
from dsc_core.plots.static import still_heat_map
from dsc_core.presets import DEFAULT_PRESET, PRESETS
from dsc_core.runs.artifacts.export import KINDS
from tests.benchmarks import class_costs, confidence, ladder, methods, quality, warnings
from tests.benchmarks.speed import __main__ as speed
from tests.benchmarks.speed import kept
from tests.benchmarks.tables import TABLES, grid, groups, mark, markdown, overview_table, times
from tests.test_architecture import FLOORS

ROOT = Path(__file__).parents[1]
ASSETS = ROOT / "assets"
NAMES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
DOCUMENTS = [*(ROOT / name for name in NAMES), *sorted((ROOT / "docs").glob("*.md"))]
PART = re.compile(r"(<!-- ([\w-]+): made by [^\n]*-->\n).*?(<!-- /\2 -->)", re.DOTALL)


@cache
def results() -> list[dict]:
    """The current results of the quality harness."""
    return quality.collected()


def escaped(text: object) -> str:
    """Text for a cell of a Markdown table, which a bar would end."""
    return str(text).replace("|", "\\|")


IN_DEFAULT = f"in `{DEFAULT_PRESET}`"  # the head of a column of values


# Settings ----------------------------------------------------------------------------------------------------


def settings() -> str:
    """Every setting, group by group."""
    parts, usual = [], PRESETS[DEFAULT_PRESET].config.to_dict()
    for group in GROUPS:
        rows = [
            [
                f"`{knob.name}`",
                knob.symbol,
                escaped(usual[knob.name]),
                escaped(knob.accepts),
                escaped(knob.help),
            ]
            for knob in KNOBS.values()
            if knob.group == group
        ]
        for row in rows:
            row[-1] += " *Live.*" if KNOBS[row[0].strip("`")].live else ""
        parts.append(f"### {group}\n\n" + markdown(["setting", "symbol", IN_DEFAULT, "values", ""], rows))
    return "\n\n".join(parts)


def presets() -> str:
    """What each preset is for, and where it differs from the one that changes nothing."""
    default, rows = Config().to_dict(), []
    for name, preset in PRESETS.items():
        changes = [
            f"`{key}={value}`" for key, value in preset.config.to_dict().items() if value != default[key]
        ]
        rows.append([f"`{name}`", escaped(preset.help), ", ".join(changes) or "–"])
    return markdown(["preset", "", "settings other than in `no-copies`"], rows)


def formulas() -> str:
    """L in full, from the head of objective.py."""
    text = inspect.cleandoc(objective.__doc__)
    start, end = text.index("Stage 1 trains"), text.index("Source:")
    return f"```text\n{text[start:end].rstrip()}\n```"


def terms() -> str:
    """The terms of the objective, from their registry."""
    stages = {objective.AUTOENCODER: "1", objective.JOINT: "2", objective.BOTH: "1 and 2"}
    usual = PRESETS[DEFAULT_PRESET].config.to_dict()
    rows = [
        [
            f"`{term.name}`",
            term.symbol,
            stages[term.stage],
            f"{usual[term.name]:g}",
            escaped(first_sentence(term)),
        ]
        for term in TERMS.values()
    ]
    return markdown(["term and setting", "weight", "stage", IN_DEFAULT, "function"], rows)


def first_sentence(term: objective.Term) -> str:
    """The name of a term's function and the first sentence of its docstring, without the shapes."""
    paragraph = (term.function.__doc__ or "").strip().split("\n\n")[0]
    return f"`{term.function.__name__}`: " + paragraph.split(". ")[0].rstrip(".")


# Other tables ------------------------------------------------------------------------------------------------


def preset_times() -> str:
    """What each preset is for, and how long it takes on the two built-in samples."""
    by_pair, rows = groups(results()), []
    for name, preset in PRESETS.items():
        members = [by_pair.get((data, name), []) for data in ("digits", "mnist-test")]
        rows.append(
            [
                f"`{name}`",
                escaped(preset.help),
                *(times(some) + mark(some) if some else "–" for some in members),
            ]
        )
    return markdown(["preset", "", "digits, 1,797 of 8×8", "mnist-test, 10,000 of 28×28"], rows)


def exports() -> str:
    """Everything that can be exported from a run."""
    kinds = {"image": "images", "table": "tables"}
    rows = [
        [
            f"`{kind.name}`",
            ", ".join(kind.suffixes),
            "any" if len(kind.data) == len(kinds) else kinds[kind.data[0]],
            escaped(kind.about),
        ]
        for kind in KINDS
    ]
    return markdown(["`--what`", "formats", "data", ""], rows)


def limits() -> str:
    """The limits on what comes from outside, and the environment variables that raise them."""
    rows = [
        [escaped(limit.metadata["of"]), f"{limit.default:,}", f"`{setting(limit.name)}`"]
        for limit in Limits.__dataclass_fields__.values()
    ]
    return markdown(["at most", "default", "environment variable"], rows)


def data_sets() -> str:
    """The data sets that are known by name, and where each comes from."""
    rows = [
        [f"`{name}`", entry.description, f"`{entry.public}.npz`, or OpenML" if entry.public else "built in"]
        for name, entry in CATALOG.items()
    ]
    return markdown(["name", "", "source"], rows)


def floors() -> str:
    """The import order, from the top: a room may import the rooms below it."""
    lines = ["app.py   pages", *("   ".join(sorted(rooms)) for rooms in reversed(FLOORS))]
    width = max(map(len, lines))
    picture = f"\n{'↓':^{width}}\n".join(f"{line:^{width}}" for line in lines)
    return "\n".join(["```text", *(line.rstrip() for line in picture.splitlines()), "```"])


# The command line --------------------------------------------------------------------------------------------


def commands() -> str:
    """Every command with its options; the options for reading data come once, in the first table."""
    reading = {*READING, "pixel_order"}
    data = [option for option in dsc.commands["train"].params if option.name in reading]
    parts = ["### Options for reading DATA", options_table(dsc.commands["train"], data)]
    for name, command in sorted(dsc.commands.items()):
        context = click.Context(command, info_name=f"python -m dsc_core {name}")
        arguments = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
        usage, text = " ".join([context.info_name, *arguments]), " ".join((command.help or "").split())
        own = [option for option in command.params if option.name not in reading]
        about = textwrap.fill(f"`{usage}`: {text}", 120, break_long_words=False, break_on_hyphens=False)
        parts += [f"### {name}", about, options_table(command, own)]
    return "\n\n".join(filter(None, parts))


def options_table(command: click.Command, parameters: Iterable[click.Parameter]) -> str:
    """The options among the parameters of a command, --json last."""
    options = [option for option in parameters if isinstance(option, click.Option)]
    options.sort(key=lambda option: option.name == "as_json")
    records = [option.get_help_record(click.Context(command)) for option in options]
    rows = [[f"`{escaped(names)}`", escaped(" ".join(text.split()))] for names, text in filter(None, records)]
    return markdown(["option", ""], rows)


# Speed -------------------------------------------------------------------------------------------------------


def measured_speed(part: str) -> str:
    """The table of a part of the benchmark of speed, and its picture where it has one."""
    table, picture = speed.document(part, kept.collected(part)), kept.RESULTS / part / f"{part}.svg"
    link = f"![{part}](../{picture.relative_to(ROOT)})\n\n" if picture.exists() else ""
    return f"{link}{table}"


# Heat maps ---------------------------------------------------------------------------------------------------


def heat_maps() -> dict[str, str]:
    """SVG by file name: ACC and NMI side by side, for each data set whose grid has been measured."""
    maps = {}
    for data in methods.DATA:
        acc, nmi = (grid(results(), data, score) for score in ("acc", "nmi"))
        if not np.isnan(acc).all():
            maps[f"grid-{data}.svg"] = (
                heat_map(acc, f"{data}, ACC").beside(heat_map(nmi, f"{data}, NMI")).svg()
            )
    return maps


def heat_map(values: np.ndarray, title: str) -> Picture:
    """One score by noise level and weight of mutual information."""
    rows, columns = ([f"{value:g}" for value in values] for values in (methods.GRID_NOISE, methods.GRID_MI))
    axes = ("noise level s", "weight of both mutual informations")
    return still_heat_map(values, rows, columns, axes, title)


def pictures() -> dict[str, str]:
    """SVG by file name of all pictures in assets/ that are made from results."""
    made = {
        "ladder.svg": ladder.picture(ladder.collected()),
        "class-costs.svg": class_costs.picture(class_costs.collected()),
    }
    return heat_maps() | {name: picture.svg() for name, picture in made.items()}


# Writing -----------------------------------------------------------------------------------------------------

PARTS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "presets": presets,
    "objective": formulas,
    "terms": terms,
    "exports": exports,
    "limits": limits,
    "data-sets": data_sets,
    "commands": commands,
    "floors": floors,
    "class-costs": lambda: class_costs.table(class_costs.collected()),
    "ladder": lambda: ladder.table(ladder.collected()),
    "overview": lambda: overview_table(results()),
    "preset-times": preset_times,
    **{name: lambda make=make: make(results()) for name, make in TABLES.items()},
    "confidence": confidence.table,
    "warnings": warnings.table,
    **{f"speed-{part}": lambda part=part: measured_speed(part) for part in speed.PARTS},
}


def generated(text: str) -> str:
    """A document with each of its generated parts made anew."""

    def part(match: re.Match) -> str:
        return f"{match[1]}\n{PARTS[match[2]]()}\n\n{match[3]}"

    return PART.sub(part, text)


def marks(documents: Iterable[Path]) -> list[str]:
    """The names of the generated parts in the documents."""
    return [match[2] for path in documents for match in PART.finditer(path.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    for name, svg in pictures().items():
        (ASSETS / name).write_text(svg, encoding="utf-8")
    for path in DOCUMENTS:
        path.write_text(generated(path.read_text(encoding="utf-8")), encoding="utf-8")
