"""Transforms of random copies: which the data admit, with pictures, and the settings that overrule the test."""

from __future__ import annotations

import numpy as np
import streamlit as st

from dsc_core.config import AUTO, KNOBS, ON
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.sampling import sample_rows
from pages.shared import formatting, jobs, knobs

ABOUT = (
    "Training can make small random copies of the images, shifted, rotated and scaled; the preset standard does. Some "
    "data allow more. A transform is **admitted** where transformed images still lie among the data: where their "
    "distance to the nearest other image is less than {limit} times what it is without the transform, as a median of "
    "the images. Labels are not used."
)
SETTING = (
    "*auto* makes the transform if it is admitted; *on* and *off* overrule that. Only mirroring is auto at first: "
    "the others have brought no gain where they were measured. These are the settings of the Train page, under Joint "
    "training, for the next run on these data."
)
NO_COPIES = "The settings on the Train page make no random copies now, so nothing here has an effect."
TOO_FEW = "Fewer than {} different images: too few to measure it."
PICTURES, TILE = 6, 56
COMPARING = "Comparing transformed images with the data"


def draw(dataset, key: str) -> None:
    """The section, closed at first; tables have none."""
    if dataset.kind != "image":
        return
    section = st.expander(
        "Transforms of random copies", icon=":material/flip:", key="transforms", on_change="rerun"
    )
    if section.open:
        with section:
            knobs.set_initial_values(dataset, key)
            _section(dataset, key)


def _section(dataset, key: str) -> None:
    """The test once it is done, until then its progress."""
    seed = int(st.session_state[knobs.key_of("seed")])
    name = f"transforms_{key}_{seed}"
    job = jobs.get(name) or jobs.start(name, lambda report: _measure(dataset, seed, report))
    if jobs.show_progress(name):
        return
    if job.problem:
        st.error(formatting.plain(job.problem), icon=":material/error:")
    if job.result is None:
        st.button(
            "Retry", key="transforms_again", icon=":material/refresh:", on_click=jobs.forget, args=(name,)
        )
        return
    from dsc_core.method import admission

    st.markdown(ABOUT.format(limit=admission.LIMIT))
    st.caption(SETTING)
    if not st.session_state[knobs.key_of("augmented_agreement")]:
        st.info(NO_COPIES, icon=":material/info:")
    for each in job.result:
        _row(dataset, key, each, admission)


def _measure(dataset, seed: int, report):
    """The test of every transform that fits the images; the task of the section's job."""
    from dsc_core.method.admission import measure

    return measure(
        dataset.samples, dataset.scaling, seed, progress=lambda done, total: report(COMPARING, done, total)
    )


def _row(dataset, key: str, found, admission) -> None:
    """One transform: the figure, the setting, and pictures before and after."""
    name = found.transform.name
    with st.container(border=True, key=f"transform_{name}"):
        left, right = st.columns([2, 3], vertical_alignment="center")
        with left:
            chosen = knobs.widget(KNOBS[name])
            with st.container(horizontal=True, vertical_alignment="center"):
                if found.admitted:
                    st.badge("Admitted", icon=":material/check:", color="green")
                else:
                    st.badge("Not admitted", icon=":material/block:", color="gray")
                if found.measured:
                    st.caption(f"ratio {found.in_words}, limit {admission.LIMIT}")
                else:
                    st.caption(TOO_FEW.format(admission.FEWEST))
            used = chosen == ON or (chosen == AUTO and found.admitted)
            st.caption(f"Copies are {'also' if used else 'not'} {found.transform.active}.")
        with right:
            st.image(_sheet(key, name, dataset), alt=f"Images as they are, and {found.transform.active}")


@st.cache_data(show_spinner=False, max_entries=30)
def _sheet(key: str, name: str, _dataset) -> np.ndarray:
    """A few images above, and the same images transformed as far as it goes below."""
    from dsc_core.method.transforms import TRANSFORMS, before_and_after

    images = _dataset.values(sample_rows(len(_dataset), PICTURES, seed=0))
    return image_sheet(before_and_after(images, TRANSFORMS[name]), len(images), tile=TILE)
