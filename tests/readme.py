"""`python -m tests.readme` writes the README's table of settings from `config.KNOBS`."""

from pathlib import Path

from dsc_core.config import GROUPS, KNOBS, takes

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- knobs:", "<!-- /knobs -->"


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


def with_table(text: str) -> str:
    """The README with the table put between its two marks."""
    head, rest = text.split(BEGIN, 1)
    mark, rest = rest.split("-->", 1)
    tail = rest.split(END, 1)[1]
    return f"{head}{BEGIN}{mark}-->\n{knob_table()}\n{END}{tail}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
