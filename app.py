"""The frame: page config, navigation, the run picker. `streamlit run app.py` opens it."""

from contextlib import asynccontextmanager

import streamlit as st

from pages.shared import frame


def draw() -> None:
    """What every session runs at every look."""
    st.set_page_config(
        page_title="Deep Spectral Clustering",
        page_icon="assets/logo.svg",
        layout="wide",
        initial_sidebar_state="collapsed",
    )

    # Page files lie one level down. Streamlit's old discovery of flat files in pages/ answers the first request to a
    # new server: without a file there it calls the address not found. So each page has a flat one that only runs this.
    page = st.navigation(
        [
            st.Page(
                "pages/views/data.py",
                title="Data",
                icon=":material/dataset:",
                url_path="data",
                default=True,
                help="Choose a sample or bring your own images or table, and look at them.",
            ),
            st.Page(
                "pages/views/train.py",
                title="Train",
                icon=":material/play_circle:",
                url_path="train",
                help="Set the noise and the mutual-information weights, start, and watch the losses.",
            ),
            st.Page(
                "pages/views/results.py",
                title="Results",
                icon=":material/scatter_plot:",
                url_path="results",
                help="Scores, maps, the confusion matrix and samples of each cluster; download the labels.",
            ),
            st.Page(
                "pages/views/assign.py",
                title="Assign",
                icon=":material/move_to_inbox:",
                url_path="assign",
                help="New images or rows through a trained run: clusters, confidence, what looks like nothing seen.",
            ),
            st.Page(
                "pages/views/runs.py",
                title="Runs",
                icon=":material/list_alt:",
                url_path="runs",
                help="All runs: the queue, names, notes and stars, disk use, and the trash.",
            ),
        ],
        position="top",
    )

    frame.draw(page)
    page.run()


@asynccontextmanager
async def serving(_):
    """What is done once a server: runs that waited while none was there go on before anybody opens a page."""
    frame.take_up_queue()
    yield


if __name__ == "__main__":
    draw()
else:  # the server loads this file as a module before it runs it as a script
    app = st.App(__file__, lifespan=serving)
