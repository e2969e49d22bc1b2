"""The sections of the Results page that ask something of a run: how many, what to trust, label a few."""

import numpy as np
import pytest
import streamlit as st

from dsc_core.runs import related_runs
from dsc_core.runs.annotations import names
from dsc_core.runs.artifacts import choose_k_sweep
from dsc_core.runs.artifacts.results import load_results
from pages.shared import formatting, jobs
from pages.shared.results import label_few
from tests.pages.conftest import ROOT
from tests.pages.trained import FEW, trained

RESULTS = "pages/views/results.py"


@pytest.fixture(params=[("image", True), ("table", False)])
def run_id(request, workspace):
    return trained(*request.param)


@pytest.fixture
def images(workspace):
    return trained("image", True)


def at(app, run_id, section):
    """The Results page with one section open, its job done."""
    app.query_params["run"] = run_id
    app.run()
    app.switch_page(RESULTS).run()
    app.session_state[section] = True
    return worked(app)


def worked(app):
    """The page once no job runs any more."""
    app.run()
    for job in list(jobs._all().values()):
        job.join(60)
    app.run()
    assert not app.exception
    return app


def keys(app):
    return [button.key for button in app.button]


def test_closed_sections_ask_nothing(app, run_id):
    app.query_params["run"] = run_id
    app.run()
    app.switch_page(RESULTS).run()
    assert not app.exception
    assert not jobs._all()
    assert not {"how_many_go", "more_seeds", "few_forget"} & set(keys(app))


# How many clusters -----------------------------------------------------------------------------------------


def test_answers_are_computed_on_request_and_are_there_at_the_next_look(app, run_id, store):
    at(app, run_id, "how_many")
    assert "use_k" not in keys(app)
    app.button(key="how_many_go").click()
    worked(app)
    assert any(text.value.startswith("Favoured number of clusters: **") for text in app.markdown)
    assert "how_many_go" not in keys(app), "all of the range is known"
    assert choose_k_sweep.read_sweep(store.get(run_id)).rows
    jobs._all().clear()
    app.run()
    assert "use_k" in keys(app)
    assert not jobs._all(), "a second look computes nothing"


def test_use_this_k_makes_a_run_that_keeps_the_latent(app, images, store, monkeypatch):
    monkeypatch.setattr("dsc_core.runs.queue.enqueue", lambda *_: None)
    choose_k_sweep.compute_sweep(store.get(images), 2, 5)
    at(app, images, "how_many")
    app.number_input(key=f"use_clusters_{images}").set_value(4).run()
    app.button(key="use_k").click().run()
    assert not app.exception
    (child,) = [run for run in store.list() if run.id != images]
    assert (child.clusters, child.parent["run"]) == (4, images)
    assert app.query_params["run"] in (child.id, [child.id])


def test_damaged_answers_and_a_missing_latent_are_sentences(app, images, store):
    run = store.get(images)
    (run.folder / choose_k_sweep.FILE).write_text("{")
    at(app, images, "how_many")
    (told,) = app.error
    assert told.value == formatting.plain(
        f"The saved answers of the run '{run.name}' are damaged: compute them again."
    )
    app.button(key="how_many_go").click()
    worked(app)
    assert not app.error
    (run.folder / choose_k_sweep.FILE).unlink()
    (run.folder / "embeddings" / "latent.npy").unlink()
    st.cache_resource.clear()  # as after a restart of the server
    app.session_state["how_many"] = True
    worked(app)
    assert len(app.error) == 2, "in this section, and beside the clusters, which need the codes too"
    assert all("latent" in error.value for error in app.error)


def test_a_stopped_job_leaves_what_it_found(app, images, store, monkeypatch):
    real = choose_k_sweep.compute_sweep

    def slow(run, low, high, tell):
        def stopping(*step):
            if step[0].endswith("into 4"):
                jobs.stop(f"how_many_{run.id}")
            tell(*step)

        return real(run, low, high, stopping)

    monkeypatch.setattr(choose_k_sweep, "compute_sweep", slow)
    at(app, images, "how_many")
    app.button(key="how_many_go").click()
    worked(app)
    assert not app.error
    assert any("Stopped before 4 to 5" in caption.value for caption in app.caption)
    assert app.button(key="how_many_go").label == "Compute 2 more"


# What can I trust ------------------------------------------------------------------------------------------


def test_warnings_calibration_where_there_are_labels_and_no_other_run(app, run_id, store):
    at(app, run_id, "trust")
    labelled = store.get(run_id).dataset["classes"] is not None
    assert ("Expected calibration error" in {metric.label for metric in app.metric}) == labelled
    assert any("no other finished runs" in caption.value for caption in app.caption)
    assert "more_seeds" in keys(app)


def test_samples_are_compared_with_other_seeds_and_with_what_is_chosen(app, images, store):
    from dsc_core.runs import execute

    run = store.get(images)
    dataset = load_results(run).dataset
    other = store.create(dataset, run.config.replace(seed=1))
    execute(store, other)
    at(app, images, "trust")
    assert app.multiselect(key=f"trust_runs_{images}").value == [other]
    assert any("are in the same cluster" in text.value for text in app.markdown)
    app.multiselect(key=f"trust_runs_{images}").set_value([]).run()
    assert not app.exception
    assert not any("are in the same cluster" in text.value for text in app.markdown)
    app.multiselect(key=f"trust_runs_{images}").set_value([other]).run()
    (store.folder(other) / "labels.parquet").write_bytes(b"PAR1")
    app.run()
    assert not app.exception
    assert len(app.error) == 1


def test_more_seeds_are_queued_with_the_same_settings(app, images, store, monkeypatch):
    queued = []
    monkeypatch.setattr("dsc_core.runs.queue.enqueue", lambda _, one: queued.append(one))
    at(app, images, "trust")
    app.button(key="more_seeds").click().run()
    assert not app.exception
    runs = [store.get(one) for one in queued]
    assert [run.config.seed for run in runs] == [1, 2]
    assert all(related_runs.same_but_seed(store.get(images), run) for run in runs)


def test_a_missing_data_set_is_one_sentence_in_each_section(app, images, store):
    run = store.get(images)
    at(app, images, "trust")
    (store.home / "data" / run.dataset["key"] / "dataset.json").write_text("{")
    import streamlit as st

    st.cache_resource.clear()
    at(app, images, "label_few")
    assert not app.exception
    assert app.error
    assert all(error.value.endswith("\\.") for error in app.error)


# Label a few -----------------------------------------------------------------------------------------------


def field(app, kind, number, run_id):
    return app.text_input(key=f"few_{kind}_{number}_{run_id}")


def test_names_spread_are_kept_and_survive_a_refresh(app, run_id, store):
    at(app, run_id, "label_few")
    named = lambda: {m.label: m.value for m in app.metric}["Named samples"]  # noqa: E731
    assert named() == "0.0%"
    for cluster in range(3):
        field(app, "clusters", cluster, run_id).set_value(f"<b>kind</b> {cluster}").run()
        assert not app.exception
    assert float(named().rstrip("%")) > 60
    found = load_results(store.get(run_id))
    assert names.read_names(found).clusters == {k: f"<b>kind</b> {k}" for k in range(3)}

    import streamlit as st
    from streamlit.testing.v1 import AppTest

    st.cache_resource.clear()
    fresh = at(AppTest.from_file(str(ROOT / "app.py"), default_timeout=60), run_id, "label_few")
    assert field(fresh, "clusters", 1, run_id).value == "<b>kind</b> 1"
    fresh.button(key="few_forget").click().run()
    assert field(fresh, "clusters", 1, run_id).value == ""
    assert names.read_names(found) == names.Names()


def test_a_sample_is_added_by_number_named_and_unnamed(app, images, store):
    at(app, images, "label_few")
    app.text_input(key=f"few_number_{images}").set_value("5").run()
    field(app, "samples", 5, images).set_value("odd").run()
    assert any(caption.value == "Named by hand" for caption in app.caption)
    found = load_results(store.get(images))
    assert names.read_names(found).samples == {5: "odd"}
    field(app, "samples", 5, images).set_value("").run()
    assert names.read_names(found).samples == {}
    app.text_input(key=f"few_number_{images}").set_value(str(FEW)).run()
    assert any("numbers range from 0" in toast.value for toast in app.toast)
    assert not app.exception


def test_a_name_that_cannot_be_is_told_and_the_old_one_comes_back(app, images, store):
    at(app, images, "label_few")
    field(app, "clusters", 0, images).set_value("ant").run()
    field(app, "clusters", 0, images).set_value("a\x07nt").run()
    assert any("on one line" in toast.value for toast in app.toast)
    assert field(app, "clusters", 0, images).value == "ant"


def test_damaged_names_are_one_sentence_and_can_be_set_aside(app, images, store):
    path = store.folder(images) / names.FILE
    path.write_text('{"clusters": 3')
    at(app, images, "label_few")
    assert len(app.error) == 1
    assert "named\\.json" in app.error[0].value
    app.button(key="few_anew").click().run()
    assert not app.exception
    assert not app.error
    assert path.with_name("damaged-named.json").read_text() == '{"clusters": 3'


def test_the_labels_can_be_the_labels_of_the_data(images, store, tmp_path):
    from dsc_core.analysis import label_spreading
    from dsc_core.data import open_dataset

    found = load_results(store.get(images))
    spreader = label_few.prepare_spreader(found, lambda *_: None)
    named = names.Names({0: "ant", 1: "bee", 2: "cat"})
    result = label_spreading.spread(spreader, named.clusters, named.samples)
    (tmp_path / "labels.npy").write_bytes(label_few.labels_npy(result, 0.0))
    labels = np.load(tmp_path / "labels.npy", allow_pickle=False)
    assert set(labels.tolist()) <= {"ant", "bee", "cat", ""}
    np.savez(tmp_path / "again.npz", x=np.asarray(found.dataset.samples)[:, 0], y=labels)
    assert open_dataset(tmp_path / "again.npz").labels.tolist() == labels.tolist()
    rows = label_few.named_csv(found, named, result, 0.0).decode().splitlines()
    assert rows[0] == "id,label,certainty,source"
    assert [row.rsplit(",", 3)[1] for row in rows[1:]] == labels.tolist()
