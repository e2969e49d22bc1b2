"""The exports of a run: one line each, with a button per format; a file is made when its button is pressed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

import streamlit as st

from dsc_core.runs.artifacts import export
from dsc_core.runs.folder import slug
from pages.shared import formatting, state
from pages.shared.results import parts, run_view


def draw(run, results) -> None:
    """The section of a finished run, as a fragment."""
    parts.draw("exports", _exports, run, results)


def _exports(run, results) -> None:
    st.subheader(
        "Exports",
        anchor=False,
        help="A file is created when you press its button. For very large files, use the command line, which writes "
        "them without holding them in memory.",
    )
    with st.container(border=True):
        edited = _edited_option(run, results)
        with st.grid(2, min_column_width=330, gap="medium"):
            for kind in export.kinds_of(run):
                _line(run, kind, _why_unavailable(kind, results), edited and kind.edited)


def _edited_option(run, results) -> bool:
    """Whether to export the edited clusters; only offered where there are edits."""
    if not run_view.view(run, results).edited.changed:
        return False
    titles = dict.fromkeys(kind.title.lower() for kind in export.kinds_of(run) if kind.edited)
    return st.toggle(
        "Use edited clusters",
        value=True,
        key=f"export_edited_{run.id}",
        persist_state="session",
        help=f"Applies to {', '.join(titles)}. Tables hold both the run's and the edited clusters; all others use the "
        "edited ones.",
    )


def _line(run, kind, missing: str | None, edited: bool) -> None:
    """One export: what it is, or why it cannot be made, and a button per format."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{kind.title}**  \n:small[{missing or kind.about}]", width="stretch")
        for suffix in kind.suffixes:
            st.download_button(
                "Parquet" if suffix == ".parquet" else suffix[1:].upper(),
                data=writer(run.id, kind, suffix, edited),
                file_name=f"{slug(run.name)}-{kind.name}{'-edited' * edited}{suffix}",
                disabled=missing is not None,
                mime=kind.mime(suffix),
                on_click="ignore",
                key=f"export_{kind.name}{suffix.replace('.', '_')}",
            )


def writer(run_id: str, kind, suffix: str, edited: bool = False) -> Callable[[], bytes]:
    """A callable that makes the file; it is on disk until it is complete."""

    def write() -> bytes:
        with tempfile.TemporaryFile() as file:
            export.write(state.store().get(run_id), kind, suffix, file, edited=edited)
            file.seek(0)
            return file.read()

    return write


def _why_unavailable(kind, results) -> str | None:
    """Why an export cannot be made, None if it can."""
    problem = kind.problem(results)
    return formatting.plain(problem) if problem else None
