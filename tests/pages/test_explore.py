"""Exploring a result: one selection for all, edits beside the run, and addresses that open the same view."""

import json

import numpy as np
import pytest

from dsc_core.runs import Store, trash
from dsc_core.runs.annotations import edits
from dsc_core.runs.artifacts.results import load_results
from tests.pages.conftest import ROOT
from tests.pages.trained import FEW, trained

RESULTS = "pages/views/results.py"


def opened(app, run_id, **query):
    """The Results page of a run."""
    for name, value in {"run": run_id, **query}.items():
        app.query_params[name] = value
    app.run()
    app.switch_page(RESULTS).run()
    well(app)
    return app


def well(app):
    assert not app.exception
    assert not app.error


def selected(app) -> np.ndarray:
    """Which samples are selected, and said to be."""
    rows = app.session_state["selection"].rows
    said = [text.value for text in app.markdown if "selected**" in text.value]
    assert [text.split()[0] for text in said] == ([f"**{len(rows)}"] if len(rows) else [])
    return rows


def results(run_id):
    return load_results(Store().get(run_id))


@pytest.mark.parametrize("kind", ["image", "table"])
def test_an_id_is_found_and_lights_up_on_both_maps(app, kind):
    opened(app, trained(kind, True))
    app.text_input(key="find_id").set_value("<B>7<").run()
    well(app)
    assert selected(app).tolist() == [7]
    kept = app.session_state["selection"]
    assert kept.latent.tolist() == kept.spectral.tolist() == [7]
    app.button(key="clear_selection").click().run()
    assert not len(selected(app))
    assert app.session_state["selection"].latent is None


TOUCH = """
import streamlit as st
from dsc_core.runs import Store
from pages.shared.results import maps, run_view, selected

run = Store().get(RUN)
view = run_view.view(run, run_view.load(run))
st.session_state["maps_drawn"] = (*view.key, "Cluster")
st.session_state["map_latent"] = {"selection": {"points": [{"curve_number": 0, "point_index": 1}]}}
maps._on_select(view, "latent", "Cluster")
maps._restore_highlight(view, "Cluster")
st.session_state["touched"] = selected.current(run)
del st.session_state["map_latent"]  # as when the page was left, or the colours were changed
maps._restore_highlight(view, "Cluster")
st.session_state["found again"] = selected.current(run)
"""


def test_a_selection_on_a_map_is_written_to_the_other_maps_figure_until_its_own_is_drawn_anew():
    """The rule that keeps a lasso alive, at its root: the browser test shows the same on the screen."""
    from streamlit.testing.v1 import AppTest

    run_id = trained("image", True)
    clusters = results(run_id).labels["cluster"].to_numpy()
    row = np.flatnonzero(clusters == clusters.min())[1]
    test = AppTest.from_string(TOUCH.replace("RUN", repr(run_id)), default_timeout=60).run()
    assert not test.exception
    touched, again = test.session_state["touched"], test.session_state["found again"]
    assert touched.latent is None
    assert touched.spectral.tolist() == touched.rows.tolist() == [row]
    assert again.latent.tolist() == again.spectral.tolist() == [row]
    assert test.session_state["looked_at"] == row


def test_every_cell_of_the_matrix_selects_as_many_samples_as_it_counts(app):
    run_id = trained("image", True)
    matrix, classes, order = results(run_id).confusion
    opened(app, run_id)
    total = 0
    for i, row in enumerate(classes):
        for j, column in enumerate(order):
            app.selectbox(key="cell_row").set_value(row)
            app.selectbox(key="cell_column").set_value(column).run()
            if not (clear := app.button(key="clear_selection")).disabled:
                clear.click().run()
            app.button(key="cell_select").click().run()
            well(app)
            assert len(selected(app)) == matrix[i, j]
            total += matrix[i, j]
    assert total == FEW


def test_without_labels_the_clusters_of_two_runs_stand_against_one_another(app):
    first, second = trained("image", False), trained("image", False)
    opened(app, first)
    assert app.selectbox(key="against").options == [f"Run {Store().get(second).name}"]
    both = np.c_[results(first).labels["cluster"], results(second).labels["cluster"]]
    here, other = both[0]
    app.selectbox(key="cell_row").set_value(str(other))
    app.selectbox(key="cell_column").set_value(here).run()
    app.button(key="cell_select").click().run()
    well(app)
    assert selected(app).tolist() == np.flatnonzero((both == both[0]).all(1)).tolist()


@pytest.mark.parametrize("labelled", [True, False])
def test_a_merge_is_scored_undone_and_redone_and_the_run_stays(app, labelled):
    run_id = trained("image", labelled)
    before = results(run_id).labels
    opened(app, run_id)
    assert not [metric for metric in app.metric if "edited" in metric.label]
    known = app.selectbox(key="cluster").options
    into = int(known[1])
    assert app.selectbox(key="merge_into").value is None
    assert app.button(key="merge_now").disabled
    app.selectbox(key="merge_into").set_value(into).run()
    app.button(key="merge_now").click().run()
    well(app)
    assert app.selectbox(key="merge_into").value is None
    assert app.button(key="merge_now").disabled, "a second click merges nothing"
    assert app.selectbox(key="cluster").options == known[1:]
    edited = {metric.label: metric.value for metric in app.metric if "edited" in metric.label}
    assert edited["Clusters, edited"] == str(len(known) - 1)
    assert ("ACC, edited" in edited) == labelled
    assert "1 edit" in {expander.label for expander in app.expander}
    app.button(key="undo").click().run()
    assert app.selectbox(key="cluster").options == known
    assert not [metric for metric in app.metric if "edited" in metric.label]
    app.button(key="redo").click().run()
    assert app.selectbox(key="cluster").options == known[1:]
    assert results(run_id).labels.equals(before)


def test_selected_samples_are_moved_into_a_new_cluster_that_is_named(app):
    opened(app, trained("table", True))
    app.text_input(key="find_id").set_value("<b>1").run()  # 1, 10, 11, 12, 13
    rows = selected(app)
    assert len(rows) == 5
    assert app.selectbox(key="move_into").value is None
    app.selectbox(key="move_into").set_value("new").run()
    app.button(key="move_now").click().run()
    well(app)
    assert app.selectbox(key="move_into").value is None
    assert "3" not in app.selectbox(key="move_into").options, "all of them lie there"
    assert app.selectbox(key="cluster").options[-1] == "3"
    app.selectbox(key="cluster").set_value(3).run()
    name = next(field for field in app.text_input if field.label == "Name of this cluster")
    name.set_value("odd *ones*")  # in a form: sent with the click
    app.button(key="name_now").click().run()
    well(app)
    assert app.selectbox(key="cluster").options[-1] == "odd *ones*"
    app.button(key="clear_selection").click().run()
    app.button(key="select_cluster").click().run()
    assert selected(app).tolist() == rows.tolist()


def test_an_edit_that_makes_no_sense_is_said(app):
    opened(app, trained("image", True))
    app.number_input(key="split_parts").set_value(12).run()
    app.button(key="split_now").click().run()
    assert not app.exception
    assert any("too few for 12 parts" in toast.value for toast in app.toast)


@pytest.mark.parametrize("kind", ["image", "table"])
def test_samples_are_sorted_and_one_is_looked_at(app, kind):
    run_id = trained(kind, True)
    opened(app, run_id)
    for way in app.selectbox(key="sample_order").options:
        app.selectbox(key="sample_order").set_value(way).run()
        well(app)
    if kind == "table":
        return
    app.selectbox(key="sample_order").set_value("Lowest confidence first").run()
    sure = results(run_id).labels["confidence"].to_numpy()
    app.session_state["looked_at"] = int(sure.argmin())  # as a click on its picture does, in a browser
    app.run()
    well(app)
    assert len([caption for caption in app.caption if "Nearest neighbours in the" in caption.value]) == 2
    app.button(key="close_large").click().run()
    assert not [caption for caption in app.caption if "Nearest neighbours in the" in caption.value]


def test_a_table_tells_in_what_the_selection_differs_and_colours_by_its_columns(app):
    opened(app, trained("table", False))
    app.selectbox(key="colour").set_value("Column column 2").run()
    well(app)
    app.button(key="select_cluster").click().run()
    well(app)
    assert any("differs most from the other samples in" in caption.value for caption in app.caption)


def test_an_address_opens_the_saved_selection_and_a_wrong_one_is_said(app):
    run_id = trained("image", True)
    opened(app, run_id)
    app.text_input(key="find_id").set_value("<b>7<").run()
    app.text_input(key="selection_name").set_value("a seven")
    app.button(key="save_selection").click().run()
    well(app)
    assert app.query_params["selection"] in ("a seven", ["a seven"])

    from streamlit.testing.v1 import AppTest

    def again(name):
        other = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        return opened(other, run_id, selection=name, colour="Confidence")

    other = again("a seven")
    assert selected(other).tolist() == [7]
    assert other.selectbox(key="colour").value == "Confidence"
    wrong = again("nothing of the kind")
    assert any("no saved selection" in toast.value for toast in wrong.toast)


def test_damaged_edits_are_said_and_the_run_is_shown_as_it_ended(app):
    run_id = trained("image", True)
    (Store().get(run_id).folder / "edits.jsonl").write_text("nonsense\n")
    app.query_params["run"] = run_id
    app.run()
    app.switch_page(RESULTS).run()
    assert not app.exception
    assert ["cannot be read" in error.value for error in app.error] == [True]
    assert "ACC" in {metric.label for metric in app.metric}


def test_an_edit_brings_the_edited_version_of_the_exports(app):
    run_id = trained("image", True)
    opened(app, run_id)
    key = f"export_edited_{run_id}"
    assert key not in {one.key for one in app.toggle}
    app.selectbox(key="merge_into").set_value(int(app.selectbox(key="merge_into").options[0])).run()
    app.button(key="merge_now").click().run()
    well(app)
    assert app.toggle(key=key).value
    app.toggle(key=key).set_value(False).run()
    well(app)


def test_naming_a_cluster_of_a_run_that_was_deleted_elsewhere_says_so(app, store):
    run_id = trained("table", True)
    opened(app, run_id)
    field = next(one for one in app.text_input if one.label == "Name of this cluster")
    field.set_value("ones")
    trash.delete(store, run_id)
    app.button(key="name_now").click().run()
    assert not app.exception
    assert any("was deleted" in toast.value for toast in app.toast), [toast.value for toast in app.toast]


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "merge", "cluster": 0, "into": 10**12},
        {"kind": "move", "into": 10**9, "rows": [0], "new": True},
        {"kind": "split", "cluster": 0, "new": [10, 10**15], "rows": [[0], [3]]},
        {"kind": "name", "cluster": 0, "name": "\ud800"},
    ],
    ids=lambda edit: edit["kind"],
)
def test_edits_that_cannot_be_are_a_sentence_and_the_run_is_shown_without_them(app, store, edit):
    run_id = trained("table", True)
    log = edits.of_run(store.get(run_id), results(run_id).labels)
    log.path.write_text(json.dumps(edit | {"labels": log.stamp}) + "\n")
    app.query_params["run"] = run_id
    app.run()
    app.switch_page(RESULTS).run()
    assert not app.exception
    assert any("cannot be read" in box.value and "line 1" in box.value for box in app.error)
    assert app.selectbox(key="cluster").options == ["0", "1", "2"]
