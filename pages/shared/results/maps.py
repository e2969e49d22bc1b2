"""Two linked maps: what is selected on one is highlighted on the other."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import numpy as np
import streamlit as st

from dsc_core.analysis import selection
from dsc_core.analysis.metrics import natural_key
from dsc_core.errors import RunError
from dsc_core.plots import colourings, linked_maps, palette
from dsc_core.plots.maps import MAP_LIMIT
from pages.shared import widgets
from pages.shared.results import run_view, sample_pictures, selected

CONFIG = {"scrollZoom": True, "displaylogo": False}
CLUSTER, LABEL, AGREEMENT, CONFIDENCE, UNEDITED = (
    "Cluster",
    "Label",
    "Agreement with label",
    "Confidence",
    "Unedited cluster",
)
COLUMN = "Column "  # with the column's title


def draw(view: run_view.View) -> None:
    """Both maps, with their colouring and a search by id."""
    colour_by = _head(view)
    _restore_highlight(view, colour_by)
    if len(view.frame) > MAP_LIMIT:
        st.caption(
            f"The maps draw {MAP_LIMIT:,} of {len(view.frame):,} samples, the same share of each cluster. "
            "The contours show the density of all samples. A lasso or box selects all samples inside it, drawn or not."
        )
    selection = selected.current(view.run)
    with st.grid(2, min_column_width=360):
        for space in run_view.SPACES:
            with st.container(border=True):
                st.markdown(
                    f"**{run_view.SPACES[space]}**"
                )  # not in the figure, where the toolbar would cover it
                st.plotly_chart(
                    _figure(view, space, colour_by, getattr(selection, space)),
                    key=f"map_{space}",
                    config=CONFIG,
                    on_select=partial(_on_select, view, space, colour_by),
                    selection_mode=("points", "box", "lasso"),
                    alt=f"Map of the {space} space, coloured by {colour_by.lower()}",
                )


def _head(view: run_view.View) -> str:
    """Headline, search and colouring; returns the colouring."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(
            "Maps",
            anchor=False,
            width="content",
            help="Both spaces in the plane, by UMAP's objective. "
            "A selection on one map is shown on the other, in the matrix and in the samples.",
        )
        st.space("stretch")
        st.text_input(
            "Find by id",
            key="find_id",
            on_change=_find,
            args=(view,),
            placeholder="Part of an id",
            width=180,
            icon=":material/search:",
        )
        return st.selectbox("Colour by", colour_choices(view), key="colour", bind="query-params", width=210)


def colour_choices(view: run_view.View) -> list[str]:
    """What the maps can be coloured by."""
    names = [CLUSTER]
    if "label" in view.frame:
        names += [LABEL, AGREEMENT]
    names.append(CONFIDENCE)
    if view.regrouped:
        names.append(UNEDITED)
    with suppress(RunError):  # a run whose data set is gone still has its maps
        if view.results.dataset.kind == "table":
            names += [COLUMN + title for title in view.results.dataset.column_titles]
    return names


def _find(view: run_view.View) -> None:
    """Select the samples whose ids contain the text."""
    text = st.session_state.get("find_id", "").strip()
    if text:
        with widgets.errors_as_toasts():
            rows = selection.search(view.frame["id"], text)
            selected.choose(view.run, rows, "search", f"ids that contain {text}")


def _restore_highlight(view: run_view.View, colour_by: str) -> None:
    """Highlight the selection on its own map too, where that map is mounted again without its lasso."""
    current, drawn = selected.current(view.run), (*view.key, colour_by)
    redrawn = st.session_state.get("maps_drawn") != drawn
    st.session_state["maps_drawn"] = drawn
    if current.source in run_view.SPACES and (redrawn or not _has_selection(current.source)):
        selected.highlight(view.run, current.source)


def _has_selection(space: str) -> bool:
    """Whether the browser holds a selection on the map of `space`."""
    event = (st.session_state.get(f"map_{space}") or {}).get("selection") or {}
    return any(event.get(part) for part in ("points", "lasso", "box"))


def _on_select(view: run_view.View, space: str, colour_by: str) -> None:
    """Take over a selection on the map of `space`; a click on one point also opens the sample."""
    event = dict((st.session_state.get(f"map_{space}") or {}).get("selection") or {})
    rows = linked_maps.selected_rows(event, base_map(view.key, space, colour_by, view), view.points(space))
    if not len(rows):
        # A map that was mounted again, with the selection highlighted in its figure, reports an empty selection, which
        # the user did not make. Only a map that still has its lasso can lose it by the user's hand.
        now = selected.current(view.run)
        if now.source == space and getattr(now, space) is None:
            selected.clear(view.run)
        return
    how = "lasso" if event.get("lasso") else "box" if event.get("box") else "click"
    selected.choose(view.run, rows, space, f"{how} on the {space} map")
    if how == "click" and len(rows) == 1:  # a map cannot show an image on hover
        sample_pictures.open_sample(int(rows[0]))


# Figures --------------------------------------------------------------------------------------------------


def _figure(view: run_view.View, space: str, colour_by: str, rows: np.ndarray | None):
    """The figure of a map with the samples at `rows` highlighted, None for all."""
    base = base_map(view.key, space, colour_by, view)
    return base.figure if rows is None else linked_maps.highlight(base, rows, view.points(space))


@st.cache_resource(show_spinner=False, max_entries=8)
def base_map(key: tuple, space: str, colour_by: str, _view: run_view.View) -> linked_maps.Map:
    """A map without highlights; identical for the same run, so that the browser keeps its zoom."""
    frame = _view.frame
    titles = [_view.edited.title(cluster) for cluster in range(int(_view.clusters.max(initial=0)) + 1)]
    return linked_maps.draw(
        _view.points(space),
        colouring(_view, colour_by),
        frame["id"].to_numpy(),
        np.array(titles)[_view.clusters],
        frame["confidence"].to_numpy(),
    )


def colouring(view: run_view.View, colour_by: str) -> colourings.Colouring:
    """The colour of each sample."""
    frame = view.frame
    if colour_by == CONFIDENCE:
        return colourings.Colouring(frame["confidence"].to_numpy(), title="confidence")
    if colour_by == LABEL:
        labels = frame["label"].to_numpy()
        names = {label: str(label) for label in sorted(set(labels.tolist()), key=natural_key)}
        return colourings.Colouring(labels, names)
    if colour_by == AGREEMENT:
        return colourings.by_agreement(frame["label"], frame["matched_label"])
    if colour_by.startswith(COLUMN):
        title = colour_by.removeprefix(COLUMN)
        return colourings.by_column(_column(view, title), title)
    unedited = colour_by == UNEDITED
    clusters = view.results.labels["cluster"].to_numpy() if unedited else view.clusters
    title = str if unedited else view.edited.title
    names = {int(cluster): title(cluster) for cluster in np.unique(clusters)}
    return colourings.Colouring(clusters, names, {cluster: palette.colour(cluster) for cluster in names})


def _column(view: run_view.View, title: str) -> np.ndarray:
    """A column of the table as the network gets it, (n,)."""
    index = view.results.dataset.column_titles.index(title)
    return view.results.dataset.values()[:, index]
