"""The noise explorer: samples, a noise level, their clean and noisy decodings, and where the noisy codes land."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from dsc_core.config import KNOBS
from dsc_core.data.preprocessing import side_by_side
from dsc_core.errors import InputError, RunError
from dsc_core.plots import interactive
from dsc_core.runs.artifacts import results as run_results
from pages.shared import state, widgets

TILE = 96  # pixels of a decoding's longer side


@dataclass(frozen=True)
class Opened:
    """A run's model, data and latent map, (n, 2) or None while it is not drawn; `rows` of it are shown."""

    fitted: object
    dataset: object
    latent_map: np.ndarray | None
    rows: np.ndarray


def available(run) -> bool:
    """Whether the run has kept a model."""
    return (run.folder / "model" / "model.json").is_file()


def draw(run) -> None:
    """The explorer of a run with a model; moving anything in it draws it alone anew."""
    st.fragment(_explorer)(run.id, *_stamps(run))


def model_of(run) -> Opened:
    """The run's model and data, the same that the explorer holds. RunError where it has none, or a damaged one."""
    if not available(run):
        raise RunError("This run has kept no model: train it again.")
    return opened(run.id, *_stamps(run))


def _stamps(run) -> tuple[int, int]:
    """The times tell an explorer of an earlier attempt's model from this one's; a map must be of this model."""
    stamp = _time(run.folder / "model" / "model.json")
    mapped = _time(run.folder / "embeddings" / "latent_map.npy")
    return stamp, mapped if mapped >= stamp else 0


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


@st.cache_resource(max_entries=4, show_spinner="Opening the model")
def opened(run_id: str, stamp: int, mapped: int) -> Opened:
    """What the explorer needs of a run, kept in memory from one move of the slider to the next."""
    from dsc_core.data import load_dataset
    from dsc_core.model import Fitted  # PyTorch takes seconds to load: not before it is wanted

    run = state.store().get(run_id)
    # On the CPU: a single sample gains nothing from CUDA, whose memory may be training's.
    fitted = Fitted.load(run.folder / "model", device="cpu")
    dataset = load_dataset(str(run.dataset.get("key", "")), run.home)
    if len(dataset) != len(fitted.latent):
        raise RunError("The model was trained on another data set: train it again.")
    path = run.folder / "embeddings" / "latent_map.npy"
    latent_map = np.array(run_results.read_array(path, 2)) if mapped else None
    return Opened(fitted, dataset, latent_map, interactive.drawn(len(dataset), interactive.LANDING_LIMIT))


def _explorer(run_id: str, stamp: int, mapped: int) -> None:
    from dsc_core.analysis import noise as explore

    try:
        kept = opened(run_id, stamp, mapped)
        numbers, level, seed = _controls(run_id, kept)
        found = explore.explore(kept.fitted, numbers, level, seed)
    except (InputError, RunError) as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
        return
    if kept.fitted.config.noise == "sampling":
        st.caption("This run was trained with the encoder's own sampling as its noise; ψ(z) is shown here.")
    originals = kept.dataset.values(numbers)
    left, right = st.columns([3, 2], gap="large")
    with left:
        for place, number in enumerate(numbers):
            _sample(kept, explore, found, originals, place, number)
    with right:
        _landing(kept, explore, found, numbers)


# Choosing -------------------------------------------------------------------------------------------------


def _controls(run_id: str, kept: Opened) -> tuple[list[int], float, int]:
    """The sample numbers, the noise level and the seed of the draws. InputError for what are no numbers."""
    from dsc_core.analysis.noise import MOST, parse_samples

    count, which, seed = len(kept.dataset), f"explored_{run_id}", f"explorer_seed_{run_id}"
    st.session_state.setdefault(which, str(interactive.seeded_choice(count, 1, 0)[0]))
    st.session_state.setdefault(seed, 0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Samples",
            key=which,
            width=180,
            persist_state="session",
            help=f"One to {MOST} numbers from 0 to {count - 1:,}, in the order of the data: 17, 230.",
        )
        for key, label, many in (("random_one", "Random", 1), ("random_four", f"{MOST} at random", MOST)):
            st.button(label, icon=":material/shuffle:", key=key, on_click=_any, args=(which, count, many))
        widgets_key = f"explorer_level_{run_id}"
        with st.container(width=260):
            level = widgets.knob(KNOBS["noise_level"], key=widgets_key, start=kept.fitted.config.noise_level)
        st.button(
            "Draw again",
            icon=":material/casino:",
            key="draw_again",
            on_click=_next,
            args=(seed,),
            help="Other random numbers ε for the same noise level.",
        )
    return parse_samples(text, count), level, st.session_state[seed]


def _any(which: str, count: int, many: int) -> None:
    chosen = np.random.default_rng().permutation(count)[:many]
    st.session_state[which] = ", ".join(str(number) for number in sorted(chosen))


def _next(seed: str) -> None:
    st.session_state[seed] += 1


# Showing --------------------------------------------------------------------------------------------------


def _sample(kept: Opened, explore, found, originals: np.ndarray, place: int, number: int) -> None:
    """One sample: the original, the clean and the noisy decodings, and how far they lie apart."""
    errors = found.relative[place]
    missed = explore.squared_error(originals[place : place + 1], found.clean[place : place + 1])[0]
    identity = str(kept.dataset.ids[number])
    name = widgets.plain(f"Sample {number}" + (f" · {identity}" if identity != str(number) else ""))
    if kept.fitted.config.encoder == "none":
        told = "no decoder here, so ψ(z) itself is shown; ‖ψ(z) − z‖² = "
    else:
        told = f"reconstruction ‖x − x̂‖² = {short(missed)}, relative reconstruction ‖x̂_ψ − x̂‖² = "
    st.markdown(
        f"**{name}** · cluster {int(kept.fitted.labels[number])}  \n"
        f":small[{told}{short(errors.mean())} (mean of {len(errors)} draws)]"
    )
    titles = ["original", "clean", *(f"noisy, {short(error)}" for error in errors)]
    pictures = [originals[place], found.clean[place], *found.noisy[place]]
    if kept.dataset.kind == "image":
        with st.grid(len(titles), min_column_width=78, gap="xsmall"):
            for title, picture in zip(titles, pictures, strict=True):
                st.image(
                    interactive.image_sheet(picture[None], 1, tile=TILE),
                    width="stretch",
                    caption=title,
                    alt=f"Sample {number}, {title}",
                )
    else:
        titles = [f"{title} #{i - 1}" if i > 1 else title for i, title in enumerate(titles)]
        table = side_by_side(dict(zip(titles, pictures, strict=True)), kept.dataset.preprocessing)
        st.dataframe(table, hide_index=True, height=240, key=f"explored_table_{place}")


def short(error: float) -> str:
    """An error in three digits; what is only rounding is 0."""
    return f"{error:.3g}" if error > 1e-6 else "0"


def _landing(kept: Opened, explore, found, numbers: list[int]) -> None:
    """The latent map with the draws on it."""
    if kept.latent_map is None:
        st.caption("Where the noisy codes land is shown once the latent map is drawn.")
        return
    landed = explore.landings(found, kept.fitted.latent, kept.latent_map)
    samples = [
        {"name": f"Sample {number}", "own": kept.latent_map[number], "draws": landed[place]}
        for place, number in enumerate(numbers)
    ]
    option = interactive.landing_map(
        kept.latent_map[kept.rows],
        kept.fitted.labels[kept.rows],
        samples,
        dark=st.context.theme.type == "dark",
    )
    st.markdown(
        f"**Where {landed.shape[1]} draws of ψ(z) land**",
        help="The latent map, coloured by cluster. Open: the sample itself. Filled: noisy codes, each placed "
        "beside its nearest neighbours in the latent space.",
    )
    widgets.echart(option, height=340, key="landing", alt="Noisy codes on the latent map")
