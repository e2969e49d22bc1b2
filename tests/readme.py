"""`python -m tests.readme` writes the README's tables: the settings from `config.KNOBS`, the scores from the
results of the quality harness."""

from pathlib import Path

from dsc_core.config import GROUPS, KNOBS, takes
from tests.benchmarks.quality import collected
from tests.benchmarks.tables import tables

README = Path(__file__).parent.parent / "README.md"


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
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
