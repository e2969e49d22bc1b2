"""Another number of clusters without training, on the Results page."""

import numpy as np
import pytest

from dsc_core.runs.annotations import edits
from dsc_core.runs.artifacts import cluster_tree
from dsc_core.runs.artifacts.labels import labels_frame
from pages.shared import jobs
from tests.pages.test_questions import at, keys, worked
from tests.pages.trained import trained


@pytest.fixture(params=[("image", True), ("table", False)])
def run_id(request, workspace):
    return trained(*request.param)


def slider(app, run_id):
    return app.slider(key=f"cut_number_{run_id}")


def edited(store, run_id):
    run = store.get(run_id)
    return edits.of_run(run, labels_frame(run)).now()


def test_the_slider_starts_at_the_clusters_of_the_run(app, run_id, store):
    at(app, run_id, "how_many")
    assert slider(app, run_id).value == len(labels_frame(store.get(run_id))["cluster"].unique())
    assert app.button(key="cut_use").disabled
    assert app.button(key="cut_back").disabled


def test_a_second_look_computes_no_tree(app, run_id, store):
    at(app, run_id, "how_many")
    jobs._all().clear()
    app.run()
    assert not jobs._all()
    assert f"cut_number_{run_id}" in [one.key for one in app.slider]


def test_a_cut_becomes_the_edited_clusters_and_goes_again(app, run_id, store):
    at(app, run_id, "how_many")
    slider(app, run_id).set_value(4).run()
    assert not edited(store, run_id).changed, "the slider alone changes nothing"
    app.button(key="cut_use").click().run()
    assert not app.exception
    now = edited(store, run_id)
    assert len(now.present) == 4
    assert [edit["kind"] for edit in now.done] == ["cut"]
    app.button(key="cut_back").click().run()
    own = labels_frame(store.get(run_id))["cluster"].to_numpy()
    assert np.array_equal(edited(store, run_id).labels, own)
    app.button(key="undo").click().run()
    assert np.array_equal(edited(store, run_id).labels, now.labels)


def test_one_branch_is_split_and_closed_alone(app, run_id, store):
    at(app, run_id, "how_many")
    own = slider(app, run_id).value
    splits = [key for key in keys(app) if key.startswith("cut_split_")]
    assert len(splits) == own
    app.button(key=next(key for key in splits if not app.button(key=key).disabled)).click().run()
    assert slider(app, run_id).value == own + 1
    after = {key.rsplit("_", 1)[1] for key in keys(app) if key.startswith("cut_split_")}
    before = {key.rsplit("_", 1)[1] for key in splits}
    assert len(before & after) == own - 1, "the others stay as they were"
    new = next(iter(after - before))
    app.button(key=f"cut_merge_back_{new}").click().run()
    assert slider(app, run_id).value == own


def test_a_tree_that_was_stopped_is_computed_on_request(app, run_id, store, monkeypatch):
    def stopped(*_):
        raise jobs.Stopped

    with monkeypatch.context() as patch:
        patch.setattr(cluster_tree, "find_tree", stopped)
        at(app, run_id, "how_many")
        assert "tree_go" in keys(app)
    app.button(key="tree_go").click()
    worked(app)
    assert "cut_use" in keys(app)
