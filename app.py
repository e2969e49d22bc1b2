"""The frame: page config, navigation, the run picker. `streamlit run app.py` opens it."""

import sys
from contextlib import asynccontextmanager
from dataclasses import replace

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.pages_manager import PagesManager

from dsc_core.workspace import home
from pages.server.access import Access
from pages.server.announcement import announce
from pages.server.gate import Gate
from pages.shared import frame


def view(name: str, icon: str, summary: str, **more) -> st.Page:
    """The page in `pages/views/<name>.py`; its title, address and link follow from the name."""
    return st.Page(
        f"pages/views/{name}.py",
        title=name.capitalize(),
        icon=f":material/{icon}:",
        url_path=name,
        help=summary,
        **more,
    )


def draw() -> None:
    """Draw the frame and the current page; every session runs this on every rerun."""
    st.set_page_config(
        page_title="Deep Spectral Clustering",
        page_icon=frame.LOGO,
        layout="wide",
        initial_sidebar_state="collapsed",
    )
    page = st.navigation(
        [
            view("data", "dataset", "Choose a data set or bring your own images or table.", default=True),
            view("train", "play_circle", "Choose the settings, start training and watch the losses."),
            view("results", "scatter_plot", "Explore the clusters and download the labels."),
            view("assign", "move_to_inbox", "Assign new images or rows to the clusters of a trained run."),
            view("runs", "list_alt", "Manage runs, the queue, disk use and the trash."),
        ],
        position="top",
    )
    with frame.problems_as_sentences():
        frame.draw(page)
        page.run()


def access() -> Access:
    """Who may use the server; ends the program with a sentence if a setting of this is not valid."""
    try:
        read = Access.read(home())
    except ValueError as error:
        sys.exit(str(error))
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    hosts = st.get_option("server.allowedHosts") or []
    return replace(read, hosts=tuple(hosts), base=f"/{base}" if base else "")


@asynccontextmanager
async def serving(_):
    """Once per server: start runs that were queued while no server was running, and say where the app is."""
    frame.advance_queue()
    announce(ACCESS)
    yield


if __name__ == "__main__":
    draw()
else:  # the server imports this file as a module before it runs it as a script
    # A folder named `pages` makes Streamlit answer a new server's first request with its old page discovery, which
    # knows none of the pages above. st.navigation switches that off, but only after the first request.
    PagesManager.uses_pages_directory = False
    ACCESS = access()
    # Streamlit looks for this very call in the text of the file.
    app = st.App(__file__, lifespan=serving, middleware=[Middleware(Gate, access=ACCESS)])
