"""Another number of clusters without training: a slider through the tree of the run's clusters, and what a cut shows.

A cut is a set of nodes of the tree, kept in the session. It becomes the clusters of the page only by "Use these
clusters", which is an edit like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from dsc_core.analysis import metrics
from dsc_core.errors import InputError
from dsc_core.plots import choose_k_curves, film_map, maps
from dsc_core.plots.cluster_tree import tree_chart
from dsc_core.plots.confusion_matrix import confusion_chart
from dsc_core.sampling import sample_by_group
from pages.shared import formatting, jobs, widgets
from pages.shared.results import cut_list, parts, run_view

AGREES, COSTS = "subsets agree", "cost jump"


@dataclass(frozen=True)
class Cut:
    """A cut of a run's tree. numbers: {node: cluster number}; clusters: (n,), the number of each sample."""

    nodes: frozenset
    numbers: dict[int, int]
    clusters: np.ndarray
    titles: dict[int, str]


def job_of(run_id: str) -> str:
    """The key of the job that computes the tree."""
    return f"cluster_tree_{run_id}"


def draw(run, results) -> None:
    """The slider and what follows it, once the tree is computed; it is computed when the section opens."""
    job = jobs.get(job_of(run.id))
    if tree_of(run, results) is None and job is None:
        job = start(run, results)
    if jobs.show_progress(job_of(run.id)):
        return
    if tree_of(run, results) is None:
        if job is not None and job.problem:
            st.error(formatting.plain(job.problem), icon=":material/error:")
        arguments = {"on_click": start, "args": (run, results)}
        st.button(
            "Compute the tree", icon=":material/account_tree:", key="tree_go", type="primary", **arguments
        )
        return
    parts.draw("cluster_slider", _panel, run, results)


def start(run, results):
    """Start to compute the tree; the job."""
    from dsc_core.runs.artifacts.cluster_tree import find_tree

    labels = results.labels["cluster"].to_numpy()
    jobs.forget(job_of(run.id))
    return jobs.start(job_of(run.id), lambda report: find_tree(run, labels, report))


def tree_of(run, results):
    """The run's tree with its marks; None if it is not computed."""
    from dsc_core.runs.artifacts.cluster_tree import FILE
    from dsc_core.runs.files import state_of

    found = _read(run.id, results.version, state_of(run.folder / FILE), run, results)
    job = jobs.get(job_of(run.id))
    # A folder that cannot be written keeps no tree.
    return found or (job.result if job is not None and not job.is_alive() else None)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(run_id: str, version: tuple, state: tuple, _run, _results):
    from dsc_core.runs.artifacts.cluster_tree import read_tree

    return read_tree(_run, _results.labels["cluster"].to_numpy())


# The cut --------------------------------------------------------------------------------------------------


def _panel(run, results) -> None:
    """All that follows the slider, as a fragment."""
    found, view = tree_of(run, results), run_view.view(run, results)
    if found is None or found.tree.most < 2:
        st.info("The run's clusters cannot be cut in another way.", icon=":material/info:")
        return
    tree, marks = found
    _slider(run, tree)
    _marked_numbers(run, tree, marks)
    cut = current(view, tree)
    _actions(view, cut)
    _charts(run, tree, marks, cut)
    _maps(view, cut)
    _matrix(view, cut)
    cut_list.draw(view, tree, cut, choose)


def current(view: run_view.View, tree) -> Cut:
    """The chosen cut; that of the run's own clusters where none was chosen, or it is of another tree."""
    nodes = st.session_state.get(_key(view.run)) or tree.level(tree.own)
    try:
        clusters = tree.numbers(nodes, view.run.clusters)
    except (InputError, IndexError):
        nodes = tree.level(tree.own)
        clusters = tree.numbers(nodes, view.run.clusters)
    numbers = tree.numbered(nodes, view.run.clusters)
    titles = {number: view.edited.name(number) for number in sorted(numbers.values())}
    twice = [title for title in titles.values() if list(titles.values()).count(title) > 1]
    titles = {number: f"{title} ({number})" if title in twice else title for number, title in titles.items()}
    return Cut(frozenset(nodes), numbers, clusters, titles)


def _key(run) -> str:
    return f"cut_{run.id}"


def choose(run, nodes: frozenset) -> None:
    """Take a cut; the slider follows."""
    st.session_state[_key(run)] = nodes
    st.session_state[f"cut_number_{run.id}"] = len(nodes)


def _slider(run, tree) -> None:
    key = f"cut_number_{run.id}"
    st.session_state.setdefault(key, tree.own)
    st.session_state[key] = int(np.clip(st.session_state[key], 2, max(tree.most, 2)))
    about = f"The run has {tree.own}. Fewer are unions of its clusters, more are parts of them. Nothing is trained."
    if tree.most > 2:
        st.slider("Clusters", 2, tree.most, key=key, on_change=_moved, args=(run, tree), help=about)


def _moved(run, tree) -> None:
    choose(run, tree.level(st.session_state[f"cut_number_{run.id}"]))


def _marked_numbers(run, tree, marks) -> None:
    """A button for each number that the graph supports, and for that of the run."""
    reasons: dict[int, list[str]] = {}
    for word, numbers in ((AGREES, marks.agreed), (COSTS, marks.jumps)):
        for number in numbers:
            if number <= tree.most:
                reasons.setdefault(number, []).append(word)
    reasons.setdefault(tree.own, []).append("this run")
    if marks.best in reasons:
        reasons[marks.best].append("best supported")
    with st.container(horizontal=True, vertical_alignment="center", key="marked_numbers"):
        st.markdown("**Marks**", width="content", help=ABOUT_MARKS)
        for number, words in sorted(reasons.items()):
            st.button(
                f"{number}: {', '.join(words)}",
                key=f"mark_{number}",
                on_click=choose,
                args=(run, tree.level(number)),
                type="secondary" if marks.best == number else "tertiary",
            )
    if not len(marks.agreement):
        st.caption("There are too few samples to say which numbers of clusters the graph supports.")


ABOUT_MARKS = (
    "Numbers of clusters that the graph of the latent codes supports: where cuts of random subsets agree best, and "
    "below which merging suddenly costs at least twice as much (cost jump). The best supported one is that at which "
    "subsets agree best, or else that with the largest jump. They need no labels and do not measure accuracy."
)


# Using it -------------------------------------------------------------------------------------------------


def _actions(view: run_view.View, cut: Cut) -> None:
    """How many clusters and scores, and the buttons that make the cut the page's clusters, or the run's own."""
    sizes = [int((cut.clusters == number).sum()) for number in cut.titles]
    text = f"**{formatting.count(len(cut.numbers), 'cluster')}** of {min(sizes):,} to {max(sizes):,} samples"
    if "label" in view.frame:
        scores = metrics.scores(view.frame["label"].to_numpy(), cut.clusters)
        text += f" · ACC {scores['acc']:.3f} · NMI {scores['nmi']:.3f}"
    with st.container(horizontal=True, vertical_alignment="center", key="cut_actions"):
        st.markdown(text, width="content")
        st.space("stretch")
        st.button(
            "Back to the trained clusters",
            icon=":material/undo:",
            key="cut_back",
            on_click=_use,
            args=(view, view.edits.original, None),
            disabled=np.array_equal(view.clusters, view.edits.original),
        )
        st.button(
            "Use these clusters",
            icon=":material/check:",
            key="cut_use",
            type="primary",
            on_click=_use,
            args=(view, cut.clusters, cut.nodes),
            disabled=metrics.same_partition(view.clusters, cut.clusters),
            help="Makes them the edited clusters of the run, in place of earlier edits: on this page and as "
            "edited_cluster in exports. Undo brings the earlier ones back.",
        )


def _use(view: run_view.View, clusters: np.ndarray, nodes: frozenset | None) -> None:
    """Make a cut the edited clusters; nodes: of the cut, None for the run's own clusters."""
    done = False
    with widgets.errors_as_toasts():
        view.edits.cut(clusters)
        done = True
    if done:
        if nodes is None:
            st.session_state.pop(_key(view.run), None)
            st.session_state.pop(f"cut_number_{view.run.id}", None)
        parts.redraw()


# Charts ---------------------------------------------------------------------------------------------------


def _charts(run, tree, marks, cut: Cut) -> None:
    """The tree with the cut, and the two figures over the number of clusters."""
    with st.grid(2, min_column_width=360):
        with st.container(border=True):
            chart = tree_chart(tree, cut.numbers, cut.titles)
            about = f"Tree of the clusters, cut into {len(cut.numbers)}"
            widgets.echart(chart, height=300, key="cut_tree", alt=about)
        if len(marks.agreement):
            with st.container(border=True):
                chart = choose_k_curves.marks_chart(marks, len(cut.numbers), tree.own)
                about = f"Agreement and cost by number of clusters; best supported is {marks.best}"
                widgets.echart(chart, height=300, key="cut_marks", alt=about)


def _maps(view: run_view.View, cut: Cut) -> None:
    """Both maps in the colours of the cut."""
    rows = _shown(view.run.id, view.results.version, view)
    with st.grid(2, min_column_width=360):
        for space, title in run_view.SPACES.items():
            points = view.points(space)
            chart = film_map.film_map(
                points[rows], cut.clusters[rows], rows, cut.titles, maps.limits(points), title=title
            )
            with st.container(border=True):
                widgets.echart(
                    chart, height=420, key=f"cut_map_{space}", alt=f"{title}, by cluster of the cut"
                )
    if len(rows) < len(view.frame):
        st.caption(f"The maps draw {len(rows):,} of {len(view.frame):,} samples.")


MAP_POINTS = 4_000


@st.cache_data(max_entries=4, show_spinner=False)
def _shown(run_id: str, version: tuple, _view: run_view.View) -> np.ndarray:
    """The samples that the maps draw, the same share of each cluster of the run."""
    return sample_by_group(_view.results.labels["cluster"].to_numpy(), MAP_POINTS, 0)


def _matrix(view: run_view.View, cut: Cut) -> None:
    """Labels against the clusters of the cut; without labels, the run's own clusters."""
    labelled = "label" in view.frame
    rows = view.frame["label"].to_numpy() if labelled else view.results.labels["cluster"].to_numpy()
    matrix, classes, order = metrics.confusion(rows, cut.clusters)
    titles = [cut.titles[int(cluster)] for cluster in order]
    dark = st.context.theme.type == "dark"
    noun = "label" if labelled else "trained"
    chart = confusion_chart(matrix, classes, titles, dark=dark, row=noun)
    with st.container(border=True):
        st.vega_lite_chart(spec=chart, key="cut_matrix", alt="Matrix of the rows and the clusters of the cut")
