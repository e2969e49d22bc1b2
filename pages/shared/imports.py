"""The import that runs: in a thread of its own, so that its page can tell how far it is, and cancel it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dsc_core.data import Cancelled, import_data
from pages.shared import widgets
from pages.shared.work import Work

POLL_SECONDS = 0.15


class Import(Work):
    """One import. Ends with a `key` or a `problem`, or neither where it was cancelled."""

    WHAT = "import"
    FAULT = "The data could not be read, by a fault of this program; its log tells more."
    GIVEN_UP = (Cancelled,)

    def __init__(self, source, folder: Path, options: dict):
        super().__init__("Reading")
        self.source, self.folder, self.options = source, folder, options
        self.key: str | None = None
        self.cancelled = False

    def work(self) -> None:
        """Import."""
        self.key = import_data(self.source, self.folder, self._tell, **self.options)

    def _tell(self, stage: str, done: int, total: int) -> None:
        if self.cancelled:
            raise Cancelled
        self.step = stage, done, total

    @property
    def name_shown(self) -> str:
        """What is imported: the file's name, or the sample's."""
        return widgets.plain(Path(self.source).name)

    @property
    def words(self) -> str:
        """This stage in words, with megabytes where there is no share to tell."""
        stage, done, total = self.step
        if total or not done:
            return stage
        return f"Fetching from OpenML, {done / 1e6:.1f} MB so far"


def start(source, folder: Path, options: dict) -> None:
    """Begin to import `source` into the workspace `folder`; an earlier import that still runs is given up."""
    cancel()
    job = st.session_state["import"] = Import(source, folder, options)
    job.start()


def cancel() -> None:
    """Give the running import up: the page forgets it at once, its thread at its next step."""
    job = st.session_state.pop("import", None)
    if job is not None:
        job.cancelled = True


def settled() -> Import | None:
    """Wait for the running import, if there is one, with its progress and a way out on screen; then return it.

    The wait is the script's own: a click on Cancel, or on another page, interrupts it, and the import runs on.
    """
    job = st.session_state.get("import")
    if job is None:
        return None
    with st.container(border=True, key="importing"):
        st.markdown(f"**{job.name_shown}**")
        bar = st.progress(job.share, text=job.words)
        st.button("Cancel", icon=":material/close:", key="cancel_import", on_click=cancel)
        while job.is_alive():
            bar.progress(job.share, text=job.words)
            job.join(POLL_SECONDS)
    st.session_state.pop("import", None)
    return job
