"""Train: a preset, the knobs, Start; then the run as it learns, whether this page is open or not."""

from __future__ import annotations

import time

import pandas as pd
import streamlit as st

from dsc_core.config import DEFAULT_PRESET, KNOBS, PRESETS, idle
from dsc_core.errors import InputError
from dsc_core.method.networks.sizes import in_words
from dsc_core.plots import interactive
from dsc_core.runs import queue
from dsc_core.runs.artifacts import event_table
from pages.shared import branching, explorer, film, state, steering, widgets
from pages.shared.history import history

DATA, RESULTS = "pages/views/data.py", "pages/views/results.py"
TERMS = (
    "total",
    "reconstruction",
    "relative",
    "global_mi",
    "local_mi",
    "prior",
    "spectral",
    "agreement",
    "self_training",
    "noisy_agreement",
    "augmented_agreement",
    "augmented_latent",
    "balance",
    "cluster_prior",
    "entropy",
)
MUTUAL = ("global_mi", "local_mi")  # both start at 2·ln 2
STAGE = {"autoencoder": "1 · Autoencoder", "joint": "2 · Joint", "labels": "3 · Labels"}
LOG_LINES = 200
# (age, pace): seconds since the run began or was last steered, and seconds between two looks up to that age. Drawing
# takes its time from training.
PACES = ((30, 2.0), (120, 5.0), (float("inf"), 10.0))


# Setting up -----------------------------------------------------------------------------------------------


def set_up(dataset) -> None:
    """The form of a new run on `dataset`."""
    first_values(dataset)
    with st.container(border=True):
        classes = f", {dataset.classes} classes" if dataset.classes else ", no labels"
        shape = " × ".join(map(str, dataset.shape))
        st.markdown(f"**{widgets.plain(dataset.name)}** · {len(dataset):,} samples of {shape}{classes}")
        with st.grid(4, min_column_width=170, gap="medium"):
            st.selectbox(
                "Preset",
                list(PRESETS),
                key="preset",
                on_change=use_preset,
                persist_state="session",
                help="A named set of all the settings below; change any of them afterwards.",
            )
            widgets.knob(KNOBS["clusters"])
            widgets.knob(KNOBS["seed"])
            st.text_input(
                "Name", key="run_name", placeholder="optional", max_chars=60, persist_state="session"
            )
        encoder = st.session_state.get(widgets.knob_key("encoder"), "network")
        still = idle(encoder, dataset.shape)
        st.caption(
            widgets.plain(f"{PRESETS[st.session_state['preset']].help} {in_words(dataset.shape, encoder)}")
        )
        if still:
            st.caption(without_effect(encoder))
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = st.button("Start training", type="primary", icon=":material/play_arrow:", key="start")
            changed_note(still)
        trouble = st.empty()
    widgets.knob_groups(still)
    if pressed:
        with trouble:
            start(dataset)


def without_effect(encoder: str) -> str:
    """Why some settings cannot be moved."""
    if encoder == "none":
        return (
            "Without an encoder there is no stage 1 and no decoding: settings of the autoencoder, of mutual"
            " information and of random copies have no effect, and cannot be moved below."
        )
    return "Random copies are made of images alone: for rows their settings have no effect, and cannot be moved below."


def first_values(dataset) -> None:
    """Knobs start at the default preset; K at the number of classes, each time another data set is chosen."""
    if "preset" not in st.session_state:
        st.session_state["preset"] = DEFAULT_PRESET
        widgets.set_knobs(PRESETS[DEFAULT_PRESET].config)
    if st.session_state.get("knobs_for") != state.current("data"):
        st.session_state["knobs_for"] = state.current("data")
        known = KNOBS["clusters"]
        classes = dataset.classes or known.default
        st.session_state[widgets.knob_key("clusters")] = int(min(max(classes, known.low), known.high))


def use_preset() -> None:
    """Turn the knobs to the chosen preset; clusters and seed belong to the data and to the user, and stay."""
    keep = {name: st.session_state[widgets.knob_key(name)] for name in widgets.APART}
    widgets.set_knobs(PRESETS[st.session_state["preset"]].config.replace(**keep))


def changed_note(still: frozenset[str]) -> None:
    """Says which settings differ from the preset, so that nobody trains with a forgotten one. still: see `idle`."""
    wanted = PRESETS[st.session_state["preset"]].config.to_dict()
    now = {name: st.session_state.get(widgets.knob_key(name), wanted[name]) for name in KNOBS}
    aside = still.union(widgets.APART)
    differs = [KNOBS[name].title for name in KNOBS if name not in aside and now[name] != wanted[name]]
    if differs:
        st.caption(f"Differs from the preset in: {', '.join(differs)}.")


def start(dataset) -> None:
    """Create the run, queue it, which starts it where there is room, and put its id into the address."""
    name = st.session_state.get("run_name", "").strip() or None
    steering.begin(
        lambda: state.store().create(dataset, widgets.knobs_config(), name=name, key=state.current("data"))
    )


# A run ----------------------------------------------------------------------------------------------------


def show(run) -> None:
    """The run: what it is doing, its curves, and the buttons that steer it, end it or lead on."""
    past, wishes = history(run), standing(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(widgets.plain(run.name), anchor=False, width="content")
        widgets.status_badge(run, paused="pause" in wishes)
        st.space("stretch")
        buttons(run, wishes)
    for said in (run.note, branching.origin(run)):
        if said:
            st.caption(widgets.plain(said))
    if run.status == "failed":
        told = " ".join([run.reason or "The run failed.", steering.outlook(run)])
        st.error(widgets.plain(told), icon=":material/error:")
    elif run.reason:
        st.caption(widgets.plain(run.reason))
    branching.panel(run)
    top = st.container()
    slot = steering.panel(run, past) if run.status == "running" else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.95,
            0.3,
            0.05,
            key="smoothing",
            width=220,
            persist_state="session",
            help="Share of the past in each point of a curve; 0 shows the values as they are.",
        )
        with st.popover("Curves", icon=":material/show_chart:"):
            shown = pick_terms(run, past)
        log = st.toggle("Log axis", key="log_axis", persist_state="session")
        held = st.toggle(
            "Hold the curves",
            key="paused",
            disabled=run.finished,
            help="Hold the curves still, to zoom or to read. Training goes on.",
        )
    polls = None if held else pace(run)
    st.fragment(live, run_every=polls)(run.id, top, slot, shown, smoothing, log, looks(run, wishes))
    film.show(run, pace(run))
    explore(run)
    settings(run)


def standing(run) -> frozenset[str]:
    """What a running run stands under: "pause", "stop"."""
    return state.store().wishes(run.id) if run.status == "running" else frozenset()


def looks(run, wishes: frozenset[str]) -> tuple:
    """What the page is drawn by: where it changes, the page is drawn anew."""
    return run.status, run.started, wishes, explorer.available(run), pace(run)


def buttons(run, wishes: frozenset[str]) -> None:
    """What can be done with the run now."""
    if run.status == "created":
        st.button(
            "Start",
            icon=":material/play_arrow:",
            key="begin",
            type="primary",
            on_click=steering.of_queue,
            args=(queue.enqueue, run.id),
        )
    if run.status == "queued":
        st.button(
            "Take out of the queue",
            icon=":material/remove:",
            key="withdraw",
            on_click=steering.of_queue,
            args=(queue.withdraw, run.id),
        )
    if run.status == "running":
        steering.buttons(run, wishes)
    steering.resume_button(run, type="primary" if run.status == "failed" else "secondary")
    if run.status in ("done", "stopped") and st.button(
        "See the results", type="primary", icon=":material/scatter_plot:", key="to_results"
    ):
        st.switch_page(RESULTS, query_params={"run": run.id})
    branching.button(run)
    st.button("New run", icon=":material/add:", key="another", on_click=another, args=(run,))


def another(run) -> None:
    """Back to the form, with this run's data set and settings as the start."""
    state.choose("run", None)
    key = run.dataset.get("key")
    if key:
        state.choose("data", key)
        st.session_state["knobs_for"] = key
    widgets.set_knobs(run.config)
    st.session_state["preset"] = widgets.preset_of(run.config) or st.session_state.get(
        "preset", DEFAULT_PRESET
    )
    st.session_state["run_name"] = ""


def pick_terms(run, past) -> list[str]:
    """Which curves to draw: at first the total and every term whose weight is not zero, or was not."""
    weights = {name: value or past.now[name] for name, value in run.config.to_dict().items()}
    if not weights["augmented_agreement"]:
        weights.pop("augmented_latent", None)  # no copies are made, so this weight has nothing to weigh
    still = steering.without_effect(run)
    used = [term for term in TERMS if term == "total" or (weights.get(term, 0) > 0 and term not in still)]
    chosen = st.pills(
        "Curves",
        used,
        selection_mode="multi",
        default=used,
        key=f"terms_{run.id}_{len(used)}",
        label_visibility="collapsed",
        format_func=lambda term: widgets.title(KNOBS[term]) if term in KNOBS else "Total, weighted",
    )
    return [term for term in used if term in chosen]


def term_title(term: str) -> str:
    """A term's name and its weight's symbol: "Reconstruction δ"."""
    if term not in KNOBS:
        return "Total, weighted"
    symbol = KNOBS[term].symbol
    return (
        KNOBS[term].title if "_" in symbol else f"{KNOBS[term].title} {symbol}"
    )  # a chart sets no subscripts


def pace(run) -> float | None:
    """Seconds until the next look, None where nothing more will come."""
    if run.finished:
        return None
    since = max(run.started or time.time(), st.session_state.get("steered", 0.0))
    return next(pace for age, pace in PACES if time.time() - since < age)


def live(run_id: str, top, slot, terms: list[str], smoothing: float, log: bool, drawn_as: tuple) -> None:
    """What moves: called again every few seconds while the run trains; the page is drawn anew at its end.

    The headline goes into `top` and the badge of the settings into `slot`, above the controls, which must
    stand outside of what is called again.
    """
    try:
        run = state.store().get(run_id)
    except InputError:  # deleted from elsewhere
        st.rerun()
    wishes = standing(run)
    if looks(run, wishes) != drawn_as:
        st.rerun()
    past = history(run)
    with top:
        headline(run, past, "pause" in wishes)
    if slot is not None:
        steering.differs(slot, run, past)
    if past.latest is None or run.status == "queued":
        st.caption(unborn(run))
    if past.latest is None:
        return
    warnings = [message for level, message in past.notes if level != "info"]
    if warnings and not run.finished:
        st.warning(widgets.plain(warnings[-1]), icon=":material/warning:")
    curves(run, past, terms, smoothing, log)
    clusters(past)
    if past.notes:
        with st.expander(f"Notes of the run ({len(past.notes)})", key="notes"):
            for level, message in past.notes[-50:]:
                sign = ":material/warning:" if level != "info" else ":material/info:"
                st.markdown(f"{sign} {widgets.plain(message)}")


def unborn(run) -> str:
    """Why there are no curves yet."""
    if run.finished:
        return "Nothing has been learnt in this run."
    if run.status == "created":
        return "This run has not been started."
    if run.status == "running":
        return "Training is starting: the first losses appear in a few seconds."
    waiting = [other.id for other in queue.waiting(state.store())]
    place = waiting.index(run.id) + 1 if run.id in waiting else 1
    return f"Number {place} of {len(waiting)} in the queue: it starts when a run before it has ended."


def headline(run, past, paused: bool) -> None:
    """Progress, and the five figures that one looks at first."""
    latest, over = past.latest, run.finished
    if not over:
        share = latest.epoch / latest.epochs if latest and latest.epochs else 0.0
        doing = "Paused; it goes on where it stands." if paused else past.doing
        st.progress(min(max(share, 0.0), 1.0), text=widgets.plain(doing) or None)
    stage = STAGE.get(latest.stage, latest.stage) if latest and not over else widgets.STATUS[run.status][2]
    if over:
        seconds = run.ended - run.started if run.ended and run.started else None
    else:
        seconds = latest and latest.remaining
    with st.grid(5, min_column_width=130):
        st.metric("Stage", stage)
        st.metric("Epoch", f"{latest.epoch} of {latest.epochs}" if latest else "–")
        st.metric(
            "Rows a second" if run.dataset.get("kind") == "table" else "Images a second",
            f"{past.speed:,.0f}" if past.speed else "–",
        )
        st.metric("Time taken" if over else "Time left", widgets.duration(seconds))
        st.metric("Device", run.device or "–")


def curves(run, past, terms: list[str], smoothing: float, log: bool) -> None:
    """One small chart a term, each on its own scale: they differ by powers of ten. A branch beside its origin."""
    marks, other = past.marks(), branching.beside(run)
    changed = "; ".join(f"{text} at step {step}" for step, text, shade in marks if shade)
    with st.grid(3, min_column_width=300):
        for place, term in enumerate(term for term in terms if term in past.curves):
            columns, lines = branching.columns(run, past, other, term, smoothing)
            level = (interactive.CHANCE_MI, "2·ln 2: nothing learnt") if term in MUTUAL else None
            option = interactive.curve(
                columns, "step", lines, log=log, title=term_title(term), level=level, marks=marks
            )
            with st.container(border=True):
                about = f"{term_title(term)} by step" + (f"; changed: {changed}" if changed else "")
                widgets.echart(option, height=190, key=f"curve_{place}_{term}", alt=about)


def clusters(past) -> None:
    """Sizes of the clusters, and scores where labels exist."""
    if not (past.sizes or past.scores):
        return
    with st.grid(2, min_column_width=320):
        if past.sizes:
            with st.container(border=True):
                st.markdown("**Cluster sizes**", help="Samples in each cluster at the last look.")
                names = [str(i) for i in range(len(past.sizes))]
                widgets.echart(
                    interactive.bars(names, past.sizes), height=230, key="sizes", alt="Samples a cluster"
                )
        if past.scores:
            with st.container(border=True):
                st.markdown("**Scores** :gray-badge[evaluation only]", help="Labels never reach training.")
                frame = pd.DataFrame(past.scores).rename(columns=str.upper).rename(columns={"EPOCH": "epoch"})
                lines = {
                    name: interactive.colour(i)
                    for i, name in enumerate(("ACC", "NMI", "ARI"))
                    if name in frame
                }
                option = interactive.curve(dict(frame), "epoch", lines, bounds=(0, 1))
                widgets.echart(
                    option, height=230, key="scores", alt="ACC and NMI by epoch, for evaluation only"
                )


def explore(run) -> None:
    """The noise explorer, as soon as there is a model; opened, and only then loaded, on request."""
    if not explorer.available(run):
        return
    place = st.expander("Noise explorer", icon=":material/blur_on:", key="explorer", on_change="rerun")
    if place.open:
        with place:
            explorer.draw(run)


def settings(run) -> None:
    """The settings of the run, and its log."""
    with st.expander("Settings used", icon=":material/tune:", key="settings_used"):
        name, differs = widgets.nearest_preset(run.config)
        st.caption(f"Preset {name}" + (f", but for: {', '.join(differs)}." if differs else "."))
        st.dataframe(
            pd.DataFrame(widgets.settings_rows(run.config, steering.without_effect(run))),
            hide_index=True,
            height=340,
        )
    events_buttons(run)
    log = st.expander("Log", icon=":material/description:", key="log", on_change="rerun")
    if log.open:
        with log:
            st.code(log_text(run), language=None, wrap_lines=True, height=320)


def events_buttons(run) -> None:
    """The events as a table to take along; made when asked for, with those told until then."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for kind, made in (("csv", event_table.events_csv), ("parquet", event_table.events_parquet)):
            st.download_button(
                f"Events as {'CSV' if kind == 'csv' else 'Parquet'}",
                events_content(run.id, made),
                f"{run.id}-events.{kind}",
                icon=":material/download:",
                key=f"events_{kind}",
                on_click="ignore",
                help="A row an event: losses, scores, changed settings and notes, by step.",
            )


def events_content(run_id: str, made):
    """What makes the file of the run's events."""
    return lambda: made(state.store().events(run_id))


def log_text(run) -> str:
    """The end of the run's log file, the newest line first: the box opens at its top."""
    try:
        lines = (state.store().folder(run.id) / "log.txt").read_text(errors="replace").splitlines()
    except OSError:
        return "No log was written."
    return "\n".join(lines[: -LOG_LINES - 1 : -1]) or "The log is empty."


run, dataset = state.run(), None
if run is None:
    dataset = state.dataset()
if run is not None:
    show(run)
elif dataset is not None:
    set_up(dataset)
else:
    widgets.empty(
        ":material/dataset:",
        "No data yet",
        "Training needs images or a table. Choose a sample or upload your own, and the settings appear here.",
    )
    with st.container(horizontal=True):
        if st.button("Choose data", type="primary", icon=":material/arrow_back:"):
            st.switch_page(DATA)
        widgets.newest_run("Watch", "running")
