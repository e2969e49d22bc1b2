"""What can be taken home from a run, on the Results page: one line a thing, made when it is asked for."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec

import streamlit as st

from dsc_core.errors import InputError, RunError
from dsc_core.runs.artifacts import export
from dsc_core.runs.folder import slug
from pages.shared import state, widgets
from pages.shared.results.opening import view

MIME = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".zip": "application/zip",
}


def draw(run, found) -> None:
    """The section of a finished run whose results are `found`."""
    st.subheader(
        "Export",
        anchor=False,
        help="Each file is made when its button is pressed. A very large one is better written by "
        "`python -m dsc_core export`, which needs no memory for it.",
    )
    missing = {"data": without_data(found), "images": without_data(found), "onnx": without_onnx()}
    with st.container(border=True):
        edited = _as_edited(run, found)
        with st.grid(2, min_column_width=330, gap="medium"):
            for kind in export.kinds_of(run):
                line(run, kind, missing.get(kind.name), edited and kind.edited)


def _as_edited(run, found) -> bool:
    """Whether the clusters as edited are wanted; asked only where there are edits."""
    if not view(run, found).edited.changed:
        return False
    names = [kind.title.lower() for kind in export.kinds_of(run) if kind.edited]
    return st.toggle(
        "Clusters as edited",
        value=True,
        key=f"export_edited_{run.id}",
        persist_state="session",
        help=f"In {', '.join(dict.fromkeys(names))}. Tables have the run's clusters and the edited ones side by side; "
        "pictures, maps and the report go by the edited ones.",
    )


def line(run, kind, missing: str | None, edited: bool) -> None:
    """One thing: what it is, and a button a format; where it cannot be made, why."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{kind.title}**  \n:small[{missing or kind.about}]", width="stretch")
        for suffix in kind.suffixes:
            st.download_button(
                "Parquet" if suffix == ".parquet" else suffix[1:].upper(),
                data=made(run.id, kind, suffix, edited),
                file_name=f"{slug(run.name)}-{kind.name}{'-edited' * edited}{suffix}",
                disabled=missing is not None,
                mime=MIME.get(suffix, "application/octet-stream"),
                on_click="ignore",
                key=f"export_{kind.name}{suffix.replace('.', '_')}",
            )


def made(run_id: str, kind, suffix: str, edited: bool = False):
    """A callable that makes the file, on the disk until it is whole."""

    def make() -> bytes:
        with tempfile.TemporaryFile() as file:
            export.write(state.store().get(run_id), kind, suffix, file, edited=edited)
            file.seek(0)
            return file.read()

    return make


def without_data(found) -> str | None:
    """Why what needs the data set cannot be made, None where it is at hand."""
    try:
        found.dataset  # noqa: B018 - only whether it opens
    except (InputError, RunError) as problem:
        return widgets.plain(problem)
    return None


def without_onnx() -> str | None:
    """The same of the packages for ONNX, which are not among the requirements."""
    known = find_spec("onnx") and find_spec("onnxscript")
    return None if known else "Needs two more packages: `pip install onnx onnxscript`."
