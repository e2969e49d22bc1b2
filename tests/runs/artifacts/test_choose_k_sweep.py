"""What is asked of a finished run is kept in its folder, whole, for this very latent, and damage is a sentence."""

import json

import numpy as np
import pytest

from dsc_core.analysis import choose_k, label_spreading  # noqa: F401 - before `fakes` stands in for the rooms that it imports
from dsc_core.errors import InputError, RunError
from dsc_core.runs import execute, related_runs
from dsc_core.runs.annotations import edits, names
from dsc_core.runs.artifacts import choose_k_sweep, graph
from dsc_core.runs.artifacts.arrays import read_latent
from dsc_core.runs.artifacts.graph import load_graph
from dsc_core.runs.artifacts.results import load_results


@pytest.fixture
def run(store, done):
    return store.get(done)


@pytest.fixture
def found(run):
    return load_results(run)


class Stop(Exception):
    pass


# The graph and the sweep -----------------------------------------------------------------------------------


def test_the_graph_is_built_once_and_again_only_for_another_latent_or_a_damaged_file(run):
    told = []
    first = load_graph(run, lambda *step: told.append(step))
    assert told
    assert first.shape == (30, 30)
    again = load_graph(run, lambda *step: pytest.fail("it was built anew"))
    assert (first != again).nnz == 0
    path = run.folder / graph.FILE
    content = path.read_bytes()
    for damage in (b"", content[: len(content) // 2], b"\x80\x04cos\nsystem\n"):
        path.write_bytes(damage)
        assert (load_graph(run) != first).nnz == 0
        assert path.read_bytes() == content
    latent = np.array(read_latent(run))
    latent[0] += 1
    np.save(run.folder / "embeddings" / "latent.npy", latent)
    assert (load_graph(run) != first).nnz > 0


def test_a_graph_that_points_outside_is_not_taken(run):
    made = load_graph(run)
    path = run.folder / graph.FILE
    with np.load(path) as known:
        parts = dict(known)
    parts["indices"] = parts["indices"] + 1000
    np.savez(path, **parts)
    assert (load_graph(run) != made).nnz == 0


def test_answers_are_kept_and_a_second_look_computes_nothing(run):
    assert choose_k_sweep.read_sweep(run) is None
    first = choose_k_sweep.compute_sweep(run, 2, 5)
    assert [row.clusters for row in first.rows] == [2, 3, 4, 5]
    kept = choose_k_sweep.read_sweep(run)
    assert kept.rows == first.rows
    assert np.allclose(kept.values, first.values)
    again = choose_k_sweep.compute_sweep(run, 3, 4, lambda *_: pytest.fail("it was computed anew"))
    assert again.rows == first.rows


def test_a_wider_range_computes_only_what_is_missing(run):
    choose_k_sweep.compute_sweep(run, 2, 4)
    asked = set()
    wider = choose_k_sweep.compute_sweep(run, 2, 6, lambda words, *_: asked.add(words))
    assert [row.clusters for row in wider.rows] == [2, 3, 4, 5, 6]
    assert {words for words in asked if "into" in words} == {"Clustering into 5", "Clustering into 6"}


def test_what_was_found_before_a_stop_is_kept_and_what_was_not_is_named(run):
    def tell(words, done, total):
        if words.endswith("into 4"):
            raise Stop

    with pytest.raises(Stop):
        choose_k_sweep.compute_sweep(run, 2, 6, tell)
    kept = choose_k_sweep.read_sweep(run)
    assert [row.clusters for row in kept.rows] == [2, 3]
    assert kept.missing == (4, 5, 6)
    assert choose_k_sweep.compute_sweep(run, 2, 6).rows[:2] == kept.rows
    assert choose_k_sweep.read_sweep(run).missing == ()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"mark": 1}', '{"mark": null, "rows": 3}'])
def test_damaged_answers_are_a_sentence_and_can_be_computed_again(run, damage):
    choose_k_sweep.compute_sweep(run, 2, 3)
    path = run.folder / choose_k_sweep.FILE
    mark = json.loads(path.read_text())["mark"]
    path.write_text(damage.replace("null", f'"{mark}"').replace(" 1}", f' "{mark}"}}'))
    with pytest.raises(RunError, match=r"damaged: compute them again\.$"):
        choose_k_sweep.read_sweep(run)
    assert len(choose_k_sweep.compute_sweep(run, 2, 3).rows) == 2
    assert len(choose_k_sweep.read_sweep(run).rows) == 2


def test_answers_about_another_latent_do_not_count(run):
    choose_k_sweep.compute_sweep(run, 2, 3)
    latent = np.array(read_latent(run))[::-1]
    np.save(run.folder / "embeddings" / "latent.npy", latent)
    assert choose_k_sweep.read_sweep(run) is None


def test_a_range_that_cannot_be_asked_about_and_a_missing_latent_are_sentences(run):
    for low, high in ((1, 5), (2, 1000), (6, 5)):
        with pytest.raises(InputError, match="choose a range within"):
            choose_k_sweep.compute_sweep(run, low, high)
    (run.folder / "embeddings" / "latent.npy").unlink()
    with pytest.raises(RunError, match="train it again"):
        choose_k_sweep.compute_sweep(run, 2, 3)


# Other runs ------------------------------------------------------------------------------------------------


def test_siblings_are_finished_runs_of_the_same_data(store, run, dataset, config):
    other = store.create(dataset, config.replace(seed=1))
    assert related_runs.same_dataset(store, run) == []
    execute(store, other)
    different = store.create(type(dataset)(**{**dataset.__dict__, "name": "Others"}), config)
    execute(store, different)
    assert [one.id for one in related_runs.same_dataset(store, run)] == [other]
    assert related_runs.same_but_seed(run, store.get(other))
    assert not related_runs.same_but_seed(run, run)
    assert related_runs.clusters_of(store.get(other), 30).shape == (30,)
    with pytest.raises(RunError, match="leave it out"):
        related_runs.clusters_of(store.get(other), 31)


# Names -----------------------------------------------------------------------------------------------------


def test_names_are_kept_and_taken_away(found):
    assert names.read_names(found) == names.Names()
    names.give_name(found, "clusters", [1], "  ant ")
    names.give_name(found, "samples", [7, 9], "bee")
    names.give_name(found, "samples", [9], "")
    known = names.read_names(found)
    assert known == names.Names({1: "ant"}, {7: "bee"})
    assert names.read_names(load_results(found.run)) == known
    names.clear_names(found)
    assert names.read_names(found) == names.Names()


@pytest.mark.parametrize("name", ["x" * 81, "a\nb", "\x1b[31m"])
def test_what_cannot_be_a_name_changes_nothing(found, name):
    names.give_name(found, "clusters", [0], "ant")
    with pytest.raises(InputError, match="on one line"):
        names.give_name(found, "clusters", [0], name)
    assert names.read_names(found).clusters == {0: "ant"}


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"clusters": {"x": "y"}, "samples": {}}',
        '{"clusters": {}, "samples": {"999": "y"}}',
    ],
)
def test_damaged_names_are_a_sentence_and_are_never_written_over(found, damage):
    path = found.run.folder / names.FILE
    path.write_text(damage)
    with pytest.raises(RunError, match=r"mend or delete its file named\.json\.$"):
        names.read_names(found)
    with pytest.raises(RunError):
        names.give_name(found, "clusters", [0], "ant")
    assert path.read_text() == damage
    names.clear_names(found)
    assert names.read_names(found) == names.Names()
    assert (found.run.folder / "damaged-named.json").read_text() == damage


def test_a_cluster_has_one_name_wherever_it_was_given(found):
    log = edits.of_run(found.run, found.labels)
    log.name(0, "ant")
    names.give_name(found, "clusters", [1, 2], "bee")
    assert names.read_names(found).clusters == log.now().given == {0: "ant", 1: "bee", 2: "bee"}
    log.name(0, "")
    assert names.read_names(found).clusters == {1: "bee", 2: "bee"}
    log.merge(1, 2)
    assert names.read_names(found).clusters == {2: "bee"}


def test_cluster_names_of_an_older_version_become_edits(found):
    """Version 0.1.0 kept them in named.json."""
    content = {"of": names._mark(found), "clusters": {"0": "ant", "1": "bee"}, "samples": {"7": "odd"}}
    (found.run.folder / names.FILE).write_text(json.dumps(content))
    log = edits.of_run(found.run, found.labels)
    log.merge(1, 2)
    assert names.read_names(found) == names.Names({0: "ant"}, {7: "odd"})
    names.hand_over(found)
    assert log.now().given == {0: "ant"}
    log.undo()  # the name
    log.undo()  # the merge
    assert names.read_names(found) == names.Names({1: "bee"}, {7: "odd"})


def test_names_of_clusters_that_are_no_more_are_laid_aside_and_those_of_samples_hold(found):
    names.give_name(found, "clusters", [1], "ant")
    names.give_name(found, "samples", [3], "bee")
    frame = found.labels.assign(cluster=(found.labels["cluster"] + 1) % 3)
    frame.to_parquet(found.run.folder / "labels.parquet", index=False)
    known = names.read_names(load_results(found.run))
    assert known == names.Names({}, {3: "bee"}, outdated=True)


def test_a_full_disk_is_a_sentence_and_the_names_stay(found, monkeypatch):
    names.give_name(found, "samples", [1], "ant")
    full = lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))  # noqa: E731
    monkeypatch.setattr(names, "write_json", full)
    with pytest.raises(RunError, match="disk is full"):
        names.give_name(found, "samples", [1], "bee")
    assert names.read_names(found).samples == {1: "ant"}


def test_the_labels_made_of_names_have_a_row_a_sample_and_say_where_they_come_from(run, found):
    frame = found.labels
    clusters, confidence = frame["cluster"].to_numpy(), frame["confidence"].to_numpy()
    spreader = label_spreading.Spreader(load_graph(run), clusters, confidence, run.clusters)
    named = names.Names({0: "ant", 1: "=bee"}, {int(np.flatnonzero(clusters == 0)[0]): "odd"})
    result = label_spreading.spread(spreader, named.clusters, named.samples)
    made = names.names_frame(found, named, result, 0.6)
    assert list(made) == ["id", "label", "certainty", "source"]
    assert made["id"].tolist() == frame["id"].tolist()
    assert ((made["label"] == "") == (made["source"] == "")).all()
    assert set(made["source"]) <= {"sample", "cluster", "spread", ""}
    assert (made.loc[made["source"] == "sample", "label"] == "odd").all()
    assert (made.loc[made["label"] != "", "certainty"] >= 0.6).all()
    from dsc_core.runs.artifacts.csv_table import csv_bytes

    assert b",=bee" not in csv_bytes(made)
