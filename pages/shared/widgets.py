"""What several pages show: knobs made from `dsc_core.config`, the run picker, status badges, empty states."""

from __future__ import annotations

import time
from contextlib import contextmanager

import streamlit as st

from dsc_core.config import GROUPS, KNOBS, PRESETS, Config, Knob
from dsc_core.errors import InputError, RunError
from dsc_core.plots import interactive
from pages.shared import state

SLIDER_STEPS = 400  # a finer slider cannot be set with a mouse; those knobs are typed
APART = ("clusters", "seed")  # shown above the groups, beside the preset
STATUS = {
    "created": ("gray", ":material/draft:", "Not started"),
    "queued": ("violet", ":material/hourglass_empty:", "Queued"),
    "running": ("blue", ":material/play_circle:", "Training"),
    "done": ("green", ":material/check_circle:", "Done"),
    "stopped": ("orange", ":material/stop_circle:", "Stopped"),
    "failed": ("red", ":material/error:", "Failed"),
}
PAUSED = ("yellow", ":material/pause_circle:", "Paused")
MARKDOWN = str.maketrans({c: "\\" + c for c in "\\`*_{}[]()<>#+-.!|~:$&"})


def plain(text) -> str:
    """`text` for a place that reads Markdown, so that a file's name stays a name: no links, no HTML."""
    return " ".join(str(text).split()).translate(MARKDOWN)


# Knobs ----------------------------------------------------------------------------------------------------


def knob_key(name: str) -> str:
    """The session's key of a knob's widget."""
    return f"knob_{name}"


def set_knobs(config: Config) -> None:
    """Turn every knob to the value that `config` has. Only before the widgets are drawn, or in a callback."""
    for name, value in config.to_dict().items():
        st.session_state[knob_key(name)] = value


def knob(known: Knob, *, disabled=False, key: str | None = None, start=None, **more):
    """One widget for one knob: a switch, a list, a slider or a number, by what its field of `Config` says.

    start: its first value, the knob's default if None. more: on_change and its args.
    """
    key = key or knob_key(known.name)
    st.session_state.setdefault(key, known.default if start is None else start)
    about = {"key": key, "help": knob_help(known), "disabled": disabled, "persist_state": "session", **more}
    label = title(known)
    if isinstance(known.default, bool):
        return st.toggle(label, **about)
    if known.choices:
        return st.selectbox(label, known.choices, **about)
    kind = type(known.default)
    limits = {"min_value": kind(known.low), "max_value": kind(known.high), "step": kind(known.step)}
    if known.low is None or kind is int or (known.high - known.low) / known.step > SLIDER_STEPS:
        return st.number_input(label, **limits, **about, **({} if kind is int else {"format": "%g"}))
    return st.slider(label, **limits, **about, format="%g")


def title(known: Knob) -> str:
    """The knob's name and its symbol, set as in a formula."""
    symbol = known.symbol.replace("′", "'")
    return f"{known.title}  ${symbol}$" if symbol else known.title


def knob_help(known: Knob) -> str:
    """The help of `config.py`, with the range and the unit."""
    if known.low is None:
        return known.help
    unit = f" {known.unit}" if known.unit else ""
    when = " May be changed while a run trains." if known.live else ""
    return f"{known.help} From {known.low:g} to {known.high:g}{unit}.{when}"


def knob_groups(idle: frozenset[str] = frozenset()) -> None:
    """All knobs but those APART, a group an expander, the first one open; in each the advanced ones last.

    idle: names of those that have no effect here, which cannot be moved and say so.
    """
    for place, group in enumerate(GROUPS):
        members = [known for known in KNOBS.values() if known.group == group and known.name not in APART]
        with st.expander(group, expanded=place == 0, key=f"group_{place}"):
            _knob_grid([known for known in members if not known.advanced], idle)
            advanced = [known for known in members if known.advanced]
            if advanced:
                st.caption("Advanced")
                _knob_grid(advanced, idle)


def _knob_grid(members: list[Knob], idle: frozenset[str]) -> None:
    with st.grid(3, min_column_width=230, gap="medium", vertical_alignment="bottom"):
        for known in members:
            knob(known, disabled=known.name in idle)


def knobs_config() -> Config:
    """The Config that the widgets show; InputError where one is out of its range."""
    return Config().replace(
        **{name: st.session_state.get(knob_key(name), known.default) for name, known in KNOBS.items()}
    )


def preset_of(config: Config) -> str | None:
    """The preset that `config` is, clusters, seed, place of training and maps aside; None where it is none."""
    name, differs = nearest_preset(config)
    return None if differs else name


def nearest_preset(config: Config) -> tuple[str, list[str]]:
    """The preset that `config` is nearest to, and the titles of the settings that differ from it."""
    aside, values = {"clusters", "seed", "device", "processes", "map_every"}, config.to_dict()
    differs = {}
    for name, known in PRESETS.items():
        of_preset = known.config.to_dict()
        differs[name] = [KNOBS[k].title for k in KNOBS if k not in aside and values[k] != of_preset[k]]
    name = min(differs, key=lambda name: len(differs[name]))
    return name, differs[name]


def settings_rows(config: Config, idle: frozenset[str] = frozenset()) -> list[dict]:
    """Rows for a table of the settings: name, symbol, value, unit, what they are for. idle: as in `knob_groups`."""
    values = config.to_dict()
    return [
        {
            "group": known.group,
            "setting": known.title,
            "symbol": known.symbol,
            "value": _value(values[name]) if name not in idle else "no effect",
            "unit": known.unit,
            "meaning": known.help,
        }
        for name, known in KNOBS.items()
    ]


def _value(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


# Runs -----------------------------------------------------------------------------------------------------


def status_badge(run, paused: bool = False) -> None:
    """The run's status as a coloured badge with a word, never colour alone."""
    shade, icon, word = PAUSED if paused else STATUS[run.status]
    st.badge(word, icon=icon, color=shade)


def newest_run(word: str, *statuses: str) -> None:
    """A button that makes the newest run with one of `statuses` the current one; nothing where there is none."""
    run = next((run for run in state.store().list() if run.status in statuses), None)
    if run is None:
        return
    name = run.name if len(run.name) <= 40 else f"{run.name[:39]}…"
    icon = ":material/history:"
    st.button(f"{word} {plain(name)}", icon=icon, key="newest", on_click=state.choose, args=("run", run.id))


def ago(seconds: float | None, now: float | None = None) -> str:
    """A moment, in words: "12 min ago"."""
    if not seconds:
        return ""
    past = max((now or time.time()) - seconds, 0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if past >= size:
            return f"{past // size:.0f} {unit} ago"
    return "just now"


def duration(seconds: float | None) -> str:
    """A length of time as people say it: "8 s", "3 min 05 s", "2 h 10 min"."""
    if seconds is None:
        return "–"
    seconds = round(max(seconds, 0))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


@contextmanager
def telling():
    """A block whose one-sentence errors are shown in passing: for what a callback does."""
    try:
        yield
    except (InputError, RunError) as problem:
        st.toast(plain(problem), icon=":material/error:")


def size(count: int) -> str:
    """Bytes as people say them: "840 kB", "12.3 MB", "1.2 GB"."""
    for unit, length in (("GB", 1e9), ("MB", 1e6)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"


def echart(option: dict, **about) -> None:
    """`st.echarts_chart` with words that can be read on the page's ground."""
    st.echarts_chart(interactive.legible(option, st.context.theme.type == "dark"), **about)


def empty(icon: str, headline: str, text: str) -> None:
    """An empty state: what is missing and what to do next; the caller adds the link below it."""
    st.space("medium")
    st.subheader(f"{icon} {headline}", anchor=False)
    st.markdown(text)
