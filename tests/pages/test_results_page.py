"""Results page: scores are called what they are, and what is shown is what the run found."""

import json

import pytest

from dsc_core.errors import RunError
from dsc_core.runs import Store
from dsc_core.runs.annotations import edits
from dsc_core.runs.artifacts.results import load_results
from dsc_core.runs.files import write_json, write_whole
from tests.pages.trained import trained

RESULTS = "pages/views/results.py"


@pytest.mark.parametrize(("kind", "labelled"), [("image", True), ("image", False), ("table", False)])
def test_a_finished_run_is_shown_with_the_scores_it_can_have(app, kind, labelled):
    app.query_params["run"] = run_id = trained(kind, labelled)
    app.run()
    app.switch_page(RESULTS).run()
    assert not app.exception
    assert not app.error
    titles = {metric.label for metric in app.metric}
    assert ({"ACC", "NMI", "ARI"} <= titles) == labelled
    assert ("Silhouette, latent" in titles) != labelled
    assert any("no accuracy" in caption.value for caption in app.caption) != labelled
    assert ("Confusion matrix" in {heading.value for heading in app.subheader}) == labelled
    found = load_results(Store().get(run_id)).labels["cluster"]
    assert app.selectbox(key="cluster").options == [str(cluster) for cluster in sorted(found.unique())]
    assert not any("<b>" in text.value for text in app.markdown)


def test_every_colouring_and_both_kinds_of_cell_can_be_drawn(app):
    app.query_params["run"] = trained("image", True)
    app.run()
    app.switch_page(RESULTS).run()
    for way in ("Label", "Agreement with label", "Confidence", "Cluster"):
        app.selectbox(key="colour").set_value(way).run()
        assert not app.exception
        assert not app.error
    for way in ("Shares", "Counts"):
        next(control for control in app.segmented_control if control.key == "cells").set_value(way).run()
        assert not app.exception


def test_the_train_page_of_a_finished_run_shows_its_curves_and_leads_on(app):
    app.query_params["run"] = trained("image", True)
    app.run()
    app.switch_page("pages/views/train.py").run()
    assert not app.exception
    assert {metric.label: metric.value for metric in app.metric}["Stage"] == "Done"
    assert [button.key for button in app.button if button.key] == ["to_results", "branch", "another"]
    app.button(key="another").click().run()
    assert not app.exception
    assert app.number_input(key="knob_clusters").value == 3
    assert app.number_input(key="knob_batch").value == 8
    assert "run" not in app.query_params


def test_a_fresh_tab_leads_to_the_newest_results(app):
    run_id = trained("image", True)
    app.run()
    app.switch_page(RESULTS).run()
    app.button(key="newest").click().run()
    assert not app.exception
    assert "ACC" in {metric.label for metric in app.metric}
    assert app.query_params["run"] in (run_id, [run_id])


def test_a_run_that_the_address_names_is_forgotten_only_where_it_is_not_there(app, monkeypatch):
    app.query_params["run"] = run_id = trained("image", True)
    app.run()
    real = Store.get

    def in_trouble(self, name):
        raise RunError("The workspace's index cannot be read.")

    monkeypatch.setattr(Store, "get", in_trouble)
    app.switch_page(RESULTS).run()
    assert [problem.value for problem in app.error] == ["The workspace's index cannot be read."]
    assert app.query_params["run"] in (run_id, [run_id])
    monkeypatch.setattr(Store, "get", real)
    app.run()
    assert not app.error
    assert "ACC" in {metric.label for metric in app.metric}
    app.query_params["run"] = "elsewhere"
    app.run()
    assert any("not in the workspace" in warning.value for warning in app.warning)
    assert "run" not in app.query_params


def clusters_of(app):
    """The table of clusters."""
    return next(table.value for table in app.dataframe if "latent silhouette" in table.value)


def test_results_and_edits_that_change_on_disk_show_at_the_next_run_of_the_script(app):
    run = Store().get(trained("image", True))
    app.query_params["run"] = run.id
    app.run()
    app.switch_page(RESULTS).run()
    table = clusters_of(app)
    before = load_results(run).labels
    log = edits.of_run(run, before)
    log.name(0, "named elsewhere")  # as in another tab, or by another program
    app.run()
    assert "named elsewhere" in clusters_of(app)["cluster"].tolist()
    log.undo()
    log.merge(0, 1)
    app.run()
    merged = clusters_of(app)
    assert len(merged) == len(table) - 1
    log.undo()

    moved = before.assign(cluster=(before["cluster"] + 1) % 3)
    moved.loc[0, "cluster"] = (moved.loc[0, "cluster"] + 1) % 3
    write_whole(run.folder / "labels.parquet", moved.to_parquet(index=False))
    summary = json.loads((run.folder / "summary.json").read_text())
    write_json(run.folder / "summary.json", summary | {"acc": 0.123})
    app.run()
    assert not app.exception
    now = clusters_of(app)
    assert now["size"].tolist() == moved["cluster"].value_counts().sort_index().tolist()
    assert next(metric for metric in app.metric if metric.label == "ACC").value == "0.123"
