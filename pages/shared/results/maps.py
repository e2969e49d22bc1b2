"""Two linked maps: what is selected on one is bright on the other."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import numpy as np
import streamlit as st

from dsc_core.analysis import selection
from dsc_core.analysis.metrics import natural
from dsc_core.errors import RunError
from dsc_core.plots import interactive, linked_maps
from pages.shared import widgets
from pages.shared.results import chosen, large
from pages.shared.results.opening import SPACES, View

CONFIG = {"scrollZoom": True, "displaylogo": False}


def draw(view: View) -> None:
    """Both maps, with what colours them and a search by id."""
    way = _head(view)
    _keep_highlights(view, way)
    if len(view.frame) > interactive.MAP_LIMIT:
        st.caption(
            f"{interactive.MAP_LIMIT:,} of the {len(view.frame):,} samples are drawn, of every cluster its "
            "share (seed 0); the lines show how densely all of them lie. A lasso or a box selects all "
            "samples inside it, drawn or not."
        )
    kept = chosen.current(view.run)
    with st.grid(2, min_column_width=360):
        for space in SPACES:
            with st.container(border=True):
                drawn = base_map(view.key, space, way, view)
                st.plotly_chart(
                    figure_of(view, space, way, drawn, getattr(kept, space)),
                    key=f"map_{space}",
                    config=CONFIG,
                    on_select=partial(_selected, view, space, way),
                    selection_mode=("points", "box", "lasso"),
                    alt=f"Map of the {space} space, coloured by {way.lower()}",
                )


def _head(view: View) -> str:
    """The headline, the colouring and the search; the colouring that was chosen."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(
            "Maps",
            anchor=False,
            width="content",
            help="UMAP of both spaces. Select on one map: the other, the matrix and the samples follow.",
        )
        st.space("stretch")
        st.text_input(
            "Find an id",
            key="find_id",
            on_change=_find,
            args=(view,),
            placeholder="a part of it",
            width=180,
            icon=":material/search:",
        )
        way = st.selectbox("Colour by", ways(view), key="colour", bind="query-params", width=210)
    return way


def ways(view: View) -> list[str]:
    """What the maps can be coloured by."""
    found = ["Cluster"]
    if "label" in view.frame:
        found += ["Label", "Right or wrong"]
    found.append("Confidence")
    if view.edited.changed:
        found.append("Cluster of the run")
    with suppress(RunError):  # without its data set a run still has its maps
        if view.found.dataset.kind == "table":
            found += [f"Column {title}" for title in view.found.dataset.column_titles]
    return found


def _find(view: View) -> None:
    text = st.session_state.get("find_id", "")
    if not text.strip():
        return
    with widgets.telling():
        chosen.choose(
            view.run, selection.search(view.frame["id"], text), "search", f"ids with {text.strip()}"
        )


def _keep_highlights(view: View, way: str) -> None:
    """Where a map is drawn anew, for its colours or for being left and found again, its lasso is gone."""
    kept, drawn = chosen.current(view.run), (*view.key, way)
    anew = st.session_state.get("maps_drawn") != drawn
    st.session_state["maps_drawn"] = drawn
    if kept.source in SPACES and (anew or not _alive(kept.source)):
        chosen.show_on(view.run, kept.source)


def _alive(space: str) -> bool:
    event = st.session_state.get(f"map_{space}") or {}
    told = event.get("selection") or {}
    return any(told.get(part) for part in ("points", "lasso", "box"))


def _selected(view: View, space: str, way: str) -> None:
    """What the browser tells of a selection on the map of `space`."""
    event = dict((st.session_state.get(f"map_{space}") or {}).get("selection") or {})
    rows = linked_maps.chosen_by(event, base_map(view.key, space, way, view), view.points(space))
    if not len(rows):
        # A map that was mounted anew tells of an empty selection, which is not the user's.
        if chosen.current(view.run).source == space:
            chosen.clear(view.run)
        return
    how = "lasso" if event.get("lasso") else "box" if event.get("box") else "touched"
    chosen.choose(view.run, rows, space, f"{how} on the {space} map")
    if how == "touched" and len(rows) == 1:  # a map cannot show a picture on hover
        large.look(int(rows[0]))


# Figures --------------------------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False, max_entries=8)
def base_map(key: tuple, space: str, way: str, _view: View) -> linked_maps.Map:
    """A map with nothing highlighted; the same for the same run, so that the browser's view is left alone."""
    frame = _view.frame
    titles = np.array(
        [_view.edited.title(cluster) for cluster in range(int(_view.clusters.max(initial=0)) + 1)]
    )
    return linked_maps.draw(
        _view.points(space),
        colouring(_view, way),
        frame["id"].to_numpy(),
        titles[_view.clusters],
        frame["confidence"].to_numpy(),
        title=SPACES[space],
    )


def figure_of(view: View, space: str, way: str, drawn: linked_maps.Map, rows):
    """The figure of a map, with the samples at `rows` bright; None leaves all as they are."""
    return drawn.figure if rows is None else linked_maps.highlighted(drawn, rows, view.points(space))


def colouring(view: View, way: str) -> linked_maps.Colouring:
    """What `way` colours each sample by."""
    frame = view.frame
    if way == "Confidence":
        return linked_maps.Colouring(frame["confidence"].to_numpy(), word="confidence")
    if way == "Label":
        labels = frame["label"].to_numpy()
        return linked_maps.Colouring(
            labels, {label: str(label) for label in sorted(set(labels.tolist()), key=natural)}
        )
    if way == "Right or wrong":
        return linked_maps.of_agreement(frame["label"], frame["matched_label"])
    if way.startswith("Column "):
        title = way.removeprefix("Column ")
        return linked_maps.of_column(raw_column(view, title), title)
    clusters = view.found.labels["cluster"].to_numpy() if way == "Cluster of the run" else view.clusters
    title = str if way == "Cluster of the run" else view.edited.title
    names = {int(cluster): title(cluster) for cluster in np.unique(clusters)}
    return linked_maps.Colouring(clusters, names, {cluster: interactive.colour(cluster) for cluster in names})


def raw_column(view: View, title: str) -> np.ndarray:
    """A column of the data's table, as the network sees it (standardised, or one of a category's columns)."""
    place = view.found.dataset.column_titles.index(title)
    return view.found.dataset.values()[:, place]
