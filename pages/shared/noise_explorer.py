"""The noise explorer: samples, a noise level, their clean and noisy decodings, and where the noisy codes land."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from dsc_core.config import KNOBS
from dsc_core.data.table_units import comparison_table
from dsc_core.errors import InputError, RunError
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.plots.noise_map import NOISE_MAP_LIMIT, noise_map
from dsc_core.runs.annotations.edited import Edited
from dsc_core.runs.artifacts.arrays import read_map
from dsc_core.sampling import sample_rows
from pages.shared import formatting, knobs, state, widgets

TILE = 96  # pixels of a decoding's longer side


@dataclass(frozen=True)
class OpenedModel:
    """A run's model, data and latent map, (n, 2) or None until it is computed; `rows` of the map are drawn."""

    fitted: object
    dataset: object
    latent_map: np.ndarray | None
    rows: np.ndarray


def available(run) -> bool:
    """Whether the run has saved a model."""
    return (run.folder / "model" / "model.json").is_file()


def draw(run, edited: Edited | None = None) -> None:
    """The explorer of a run with a model, as a fragment. edited: the run's clusters as edited, None without results."""
    st.fragment(_draw)(run.id, *_stamps(run), edited)


def model_of(run) -> OpenedModel:
    """The run's model and data, shared with the explorer. RunError where there is none, or it is damaged."""
    if not available(run):
        raise RunError("This run has no saved model: train it again.")
    return open_model(run.id, *_stamps(run))


def _stamps(run) -> tuple[int, int]:
    """The times of model and latent map; the map's is 0 where it belongs to an earlier model."""
    model = _modified(run.folder / "model" / "model.json")
    mapped = _modified(run.folder / "embeddings" / "latent_map.npy")
    return model, mapped if mapped >= model else 0


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


@st.cache_resource(max_entries=4, show_spinner="Loading the model")
def open_model(run_id: str, model: int, mapped: int) -> OpenedModel:
    """The model, data and latent map of a run; cached by the times of its files."""
    from dsc_core.data import load_dataset
    from dsc_core.model import Fitted  # imported late: PyTorch takes seconds to load

    run = state.store().get(run_id)
    # On the CPU: single samples gain nothing from CUDA, whose memory training may need.
    fitted = Fitted.load(run.folder / "model", device="cpu")
    dataset = load_dataset(str(run.dataset.get("key", "")), run.home)
    if len(dataset) != len(fitted.latent):
        raise RunError("The model was trained on another data set: train it again.")
    latent_map = np.array(read_map(run, "latent")) if mapped else None
    rows = sample_rows(len(dataset), NOISE_MAP_LIMIT, 0)
    return OpenedModel(fitted, dataset, latent_map, rows)


def _draw(run_id: str, model: int, mapped: int, edited: Edited | None) -> None:
    from dsc_core.analysis import noise

    try:
        opened = open_model(run_id, model, mapped)
        samples, level, seed = _controls(run_id, opened)
        fitted = opened.fitted
        result = noise.explore(fitted.latent[samples], level, seed, fitted.decode, fitted.decode_noisy)
    except (InputError, RunError) as problem:
        st.error(formatting.plain(problem), icon=":material/error:")
        return
    if opened.fitted.config.noise == "sampling":
        st.caption(
            "This run was trained with the encoder's sampling as noise. The explorer shows ψ(z) instead."
        )
    originals = opened.dataset.values(samples)
    clusters = edited or Edited(fitted.labels)
    left, right = st.columns([3, 2], gap="large")
    with left:
        for position, sample in enumerate(samples):
            missed = noise.squared_error(
                originals[position : position + 1], result.clean[position : position + 1]
            )[0]
            _sample_heading(opened, clusters, sample, missed, result.relative_errors[position])
            _decodings(opened, result, originals[position], position, sample)
    with right:
        try:
            _landing(opened, clusters, noise.place_noisy_codes, result, samples)
        except RunError as problem:  # the codes of other samples are no finite numbers
            st.error(formatting.plain(problem), icon=":material/error:")


def _controls(run_id: str, opened: OpenedModel) -> tuple[list[int], float, int]:
    """The samples, the noise level and the seed of the draws. InputError where the samples cannot be parsed."""
    from dsc_core.analysis.noise import MOST_SAMPLES, parse_samples

    count, samples, seed = len(opened.dataset), f"explored_{run_id}", f"explorer_seed_{run_id}"
    st.session_state.setdefault(samples, str(sample_rows(count, 1, 0)[0]))
    st.session_state.setdefault(seed, 0)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Samples",
            key=samples,
            width=180,
            persist_state="session",
            help=f"Up to {MOST_SAMPLES} row numbers between 0 and {count - 1:,}, for example 17, 230.",
        )
        for key, label, number in (
            ("random_one", "1 random", 1),
            ("random_four", f"{MOST_SAMPLES} random", MOST_SAMPLES),
        ):
            arguments = (samples, count, number)
            st.button(label, icon=":material/shuffle:", key=key, on_click=_pick_random, args=arguments)
        with st.container(width=260):
            start = opened.fitted.config.noise_level
            level = knobs.widget(KNOBS["noise_level"], key=f"explorer_level_{run_id}", start=start)
        st.button(
            "Draw new noise",
            icon=":material/casino:",
            key="draw_again",
            on_click=_next_seed,
            args=(seed,),
            help="Draw other random numbers ε at the same noise level.",
        )
    return parse_samples(text, count), level, st.session_state[seed]


def _pick_random(key: str, count: int, number: int) -> None:
    picked = np.random.default_rng().permutation(count)[:number]
    st.session_state[key] = ", ".join(str(sample) for sample in sorted(picked))


def _next_seed(key: str) -> None:
    st.session_state[key] += 1


def _sample_heading(
    opened: OpenedModel, clusters: Edited, sample: int, missed: float, errors: np.ndarray
) -> None:
    """The sample's name and cluster, and how far the clean and the noisy decodings are off."""
    identity = str(opened.dataset.ids[sample])
    name = formatting.plain(f"Sample {sample}" + (f" · {identity}" if identity != str(sample) else ""))
    if opened.fitted.config.encoder == "none":
        text = "without a decoder, ψ(z) itself is shown; ‖ψ(z) − z‖² = "
    else:
        text = f"reconstruction ‖x − x̂‖² = {format_error(missed)}, relative reconstruction ‖x̂ψ − x̂‖² = "
    st.markdown(
        f"**{name}** · cluster {formatting.plain(clusters.title(clusters.labels[sample]))}  \n"
        f":small[{text}{format_error(errors.mean())} (mean of {len(errors)} draws)]"
    )


def _decodings(opened: OpenedModel, result, original: np.ndarray, position: int, sample: int) -> None:
    """The original, the clean and the noisy decodings, as images or as columns of a table."""
    titles = [
        "original",
        "clean",
        *(f"noisy, {format_error(error)}" for error in result.relative_errors[position]),
    ]
    values = [original, result.clean[position], *result.noisy[position]]
    if opened.dataset.kind == "image":
        with st.grid(len(titles), min_column_width=78, gap="xsmall"):
            for title, value in zip(titles, values, strict=True):
                image = image_sheet(value[None], 1, tile=TILE)
                st.image(image, width="stretch", caption=title, alt=f"Sample {sample}, {title}")
    else:
        titles = [f"{title} #{i - 1}" if i > 1 else title for i, title in enumerate(titles)]
        table = comparison_table(dict(zip(titles, values, strict=True)), opened.dataset.preprocessing)
        st.dataframe(table, hide_index=True, height=240, key=f"explored_table_{position}")


def format_error(error: float) -> str:
    """An error in three digits; rounding errors are 0."""
    return f"{error:.3g}" if error > 1e-6 else "0"


def _landing(opened: OpenedModel, clusters: Edited, landings, result, samples: list[int]) -> None:
    """The latent map with the noisy codes on it."""
    if opened.latent_map is None:
        st.caption("The map of noisy codes appears once the latent map has been computed.")
        return
    positions = landings(result, opened.fitted.latent, opened.latent_map)
    marks = [
        {"name": f"Sample {sample}", "own": opened.latent_map[sample], "draws": positions[index]}
        for index, sample in enumerate(samples)
    ]
    option = noise_map(
        opened.latent_map[opened.rows],
        clusters.labels[opened.rows],
        marks,
        dark=st.context.theme.type == "dark",
    )
    st.markdown(
        f"**Where {positions.shape[1]} draws of ψ(z) land**",
        help="The latent map, coloured by cluster. Open symbol: the sample itself. Filled symbols: noisy codes, placed "
        "next to their nearest neighbours in the latent space.",
    )
    widgets.echart(option, height=340, key="landing", alt="Noisy codes on the latent map")
