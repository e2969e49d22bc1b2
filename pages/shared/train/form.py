"""The form for a new run: preset, settings and the Start button."""

from __future__ import annotations

import streamlit as st

from dsc_core.config import KNOBS, idle
from dsc_core.errors import InputError
from dsc_core.method.networks.sizes import describe_network
from dsc_core.presets import PRESETS
from dsc_core.runs.store import MAX_NAME
from dsc_core.training.epochs import departures, with_least_steps
from pages.shared import formatting, knobs, run_actions, state, untrained
from pages.shared.train import time_here

NO_ENCODER = (
    "Without an encoder there is no stage 1 and no decoder. Settings of the autoencoder, of mutual information and of "
    "random copies have no effect and are disabled below."
)
NO_IMAGES = (
    "Random copies can only be made of images: their settings have no effect on tables and are disabled."
)


def draw(dataset) -> None:
    """The form for a new run on `dataset`."""
    knobs.set_initial_values(dataset, state.current("data"))
    if st.session_state.get("name_for") != state.current("data"):  # a name belongs to one run
        st.session_state["name_for"], st.session_state["run_name"] = state.current("data"), ""
    with st.container(border=True):
        classes = f", {dataset.classes} classes" if dataset.classes else ", no labels"
        shape = " × ".join(map(str, dataset.shape))
        st.markdown(f"**{formatting.plain(dataset.name)}** · {len(dataset):,} samples of {shape}{classes}")
        _main_settings()
        encoder, stem = (
            st.session_state.get(knobs.key_of(name), KNOBS[name].default) for name in ("encoder", "stem")
        )
        idle_knobs = idle(encoder, dataset.shape)
        preset = PRESETS[st.session_state["preset"]]
        st.caption(formatting.plain(f"{preset.help} {describe_network(dataset.shape, encoder, stem)}"))
        _announce_epochs(dataset)
        if len(dataset.shape) == 1:
            st.caption(NO_ENCODER if encoder == "none" else NO_IMAGES)
        time_here.draw(dataset)
        untrained.on_train(dataset, state.current("data"))
        name = run_actions.check_name(st.session_state.get("run_name", ""))
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = st.button("Start training", type="primary", icon=":material/play_arrow:", key="start")
            _list_changes(idle_knobs)
        errors = st.empty()
    knobs.groups(idle_knobs)
    if pressed:
        with errors:
            _start(dataset, name)


def _main_settings() -> None:
    """Preset, clusters, seed and the run's name."""
    with st.grid(4, min_column_width=170, gap="medium"):
        st.selectbox(
            "Preset",
            list(PRESETS),
            key="preset",
            on_change=_apply_preset,
            persist_state="session",
            help="Sets all settings below. You can still change each of them.",
        )
        for name in knobs.ABOVE_GROUPS:
            knobs.widget(KNOBS[name])
        st.text_input(
            "Name", key="run_name", placeholder="Optional", max_chars=MAX_NAME, persist_state="session"
        )


def _apply_preset() -> None:
    """Set all settings to the chosen preset, except those that belong to the data, and the seed."""
    keep = {name: st.session_state[knobs.key_of(name)] for name in knobs.OF_THE_DATA}
    knobs.set_all(PRESETS[st.session_state["preset"]].config.replace(**keep))


def _announce_epochs(dataset) -> None:
    """Say how many epochs will be trained where these are more than the settings ask for."""
    try:
        asked = knobs.config()
    except InputError:  # said when the run is started
        return
    raised = departures(asked, with_least_steps(asked, len(dataset)), len(dataset))
    if raised:
        st.caption(formatting.plain(raised))


def _list_changes(idle_knobs: frozenset[str]) -> None:
    """List the settings that differ from the preset, so that none is forgotten."""
    preset = PRESETS[st.session_state["preset"]].config.to_dict()
    values = {name: st.session_state.get(knobs.key_of(name), preset[name]) for name in KNOBS}
    ignored = idle_knobs.union(knobs.ABOVE_GROUPS)
    changed = [KNOBS[name].title for name in KNOBS if name not in ignored and values[name] != preset[name]]
    if changed:
        st.caption(f"Changed from the preset: {', '.join(changed)}.")


def _start(dataset, name: str | None) -> None:
    """Create and queue the run; it starts at once if no other run is in its way."""

    def create() -> str:
        run_id = state.store().create(dataset, knobs.config(), name=name, key=state.current("data"))
        st.session_state["name_for"] = None  # the name is taken now
        return run_id

    run_actions.create_and_queue(create)
