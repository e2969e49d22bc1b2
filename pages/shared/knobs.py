"""Widgets for the settings in `dsc_core.config`, and how a set of values compares with the presets."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from dsc_core.config import FURTHER, KNOBS, Config
from dsc_core.knobs import GROUPS, Knob, plain_number
from dsc_core.presets import DEFAULT_PRESET, PRESETS

SLIDER_STEPS = 400  # a slider with more cannot be set with a mouse; such a knob gets a number field
ABOVE_GROUPS = ("clusters", "seed")  # shown beside the preset, not in their group
OF_THE_DATA = (*ABOVE_GROUPS, *FURTHER)  # not changed by another preset
NOT_IN_PRESETS = (*ABOVE_GROUPS, "device", "processes", "map_every")


def key_of(name: str) -> str:
    """The session's key of a knob's widget."""
    return f"knob_{name}"


def set_all(config: Config) -> None:
    """Set every widget to the value in `config`. Only before the widgets are drawn, or in a callback."""
    for name, value in config.to_dict().items():
        st.session_state[key_of(name)] = value


def set_initial_values(dataset, key: str) -> None:
    """Start with the default preset; whenever another data set is chosen, set what belongs to it.

    K becomes the number of its classes, and no transform is overruled. key: of the data set in the workspace.
    """
    if "preset" not in st.session_state:
        st.session_state["preset"] = DEFAULT_PRESET
        set_all(PRESETS[DEFAULT_PRESET].config)
    if st.session_state.get("knobs_for") != key:
        st.session_state["knobs_for"] = key
        preset = PRESETS[st.session_state["preset"]].config
        st.session_state[key_of("clusters")] = offered_clusters(dataset)
        for name in FURTHER:
            st.session_state[key_of(name)] = getattr(preset, name)


def offered_clusters(dataset) -> int:
    """The number of clusters that is offered first: that of the classes, where there are labels."""
    knob = KNOBS["clusters"]
    return int(min(max(dataset.classes or knob.default, knob.low), knob.high))


def widget(knob: Knob, *, disabled=False, key: str | None = None, start=None, **callback):
    """A toggle, select box, slider or number field for a knob; its value.

    start: the first value, None for the default. callback: `on_change` and its `args`.
    """
    key = key or key_of(knob.name)
    st.session_state.setdefault(key, knob.default if start is None else start)
    options = {
        "key": key,
        "help": help_text(knob),
        "disabled": disabled,
        "persist_state": "session",
        **callback,
    }
    label = title(knob)
    if isinstance(knob.default, bool):
        return st.toggle(label, **options)
    if knob.choices:
        return st.selectbox(label, knob.choices, **options)
    kind = type(knob.default)
    limits = {"min_value": kind(knob.low), "max_value": kind(knob.high), "step": kind(knob.step)}
    if knob.low is None or kind is int or (knob.high - knob.low) / knob.step > SLIDER_STEPS:
        return st.number_input(label, **limits, **options, **({} if kind is int else {"format": "%g"}))
    return st.slider(label, **limits, **options, format="%g")


def title(knob: Knob) -> str:
    """Title and symbol: "Reconstruction δ"."""
    return f"{knob.title} {knob.symbol}" if knob.symbol else knob.title


def short_title(knob: Knob) -> str:
    """The symbol if there is one, else the title: for marks on charts and badges."""
    return knob.symbol or knob.title


def help_text(knob: Knob) -> str:
    """The help in `dsc_core.config`, with range and unit."""
    if knob.low is None:
        return knob.help
    unit = f" {knob.unit}" if knob.unit else ""
    live = " Can be changed during training." if knob.live else ""
    return f"{knob.help} From {plain_number(knob.low)} to {plain_number(knob.high)}{unit}.{live}"


def groups(idle: frozenset[str] = frozenset()) -> None:
    """All knobs but ABOVE_GROUPS, one expander per group, the first one open; advanced knobs come last.

    idle: names of knobs that have no effect and are disabled.
    """
    for position, group in enumerate(GROUPS):
        members = [knob for knob in KNOBS.values() if knob.group == group and knob.name not in ABOVE_GROUPS]
        with st.expander(group, expanded=position == 0, key=f"group_{position}"):
            _grid([knob for knob in members if not knob.advanced], idle)
            advanced = [knob for knob in members if knob.advanced]
            if advanced:
                st.caption("Advanced")
                _grid(advanced, idle)


def _grid(members: list[Knob], idle: frozenset[str]) -> None:
    with st.grid(3, min_column_width=230, gap="medium", vertical_alignment="bottom"):
        for knob in members:
            widget(knob, disabled=knob.name in idle)


def config() -> Config:
    """The Config that the widgets show; InputError where a value is out of range."""
    values = {name: st.session_state.get(key_of(name), knob.default) for name, knob in KNOBS.items()}
    return Config().replace(**values)


def preset_of(config: Config) -> str | None:
    """The name of the preset that `config` equals, NOT_IN_PRESETS aside; None if there is none."""
    name, changed = nearest_preset(config)
    return None if changed else name


@lru_cache(maxsize=2048)  # the table of runs asks for each of its rows
def nearest_preset(config: Config) -> tuple[str, tuple[str, ...]]:
    """The preset with the fewest differences from `config`, and the titles of the settings that differ."""
    values, changed = config.to_dict(), {}
    for name, preset in PRESETS.items():
        reference = preset.config.to_dict()
        changed[name] = [
            knob.title
            for knob in KNOBS.values()
            if knob.name not in NOT_IN_PRESETS and values[knob.name] != reference[knob.name]
        ]
    nearest = min(changed, key=lambda name: len(changed[name]))
    return nearest, tuple(changed[nearest])


def settings_rows(config: Config, idle: frozenset[str] = frozenset()) -> list[dict]:
    """The settings as rows of a table. idle: names of knobs that have no effect."""
    values = config.to_dict()
    return [
        {
            "group": knob.group,
            "setting": knob.title,
            "symbol": knob.symbol,
            "value": "no effect" if name in idle else _format_value(values[name]),
            "unit": knob.unit,
            "description": knob.help,
        }
        for name, knob in KNOBS.items()
    ]


def _format_value(value) -> str:
    return str(value) if isinstance(value, bool | str) else plain_number(value)
