"""Edits: a layer whose history can be walked both ways, and which never touches the run."""

import json

import numpy as np
import pytest

from dsc_core.errors import InputError, RunError
from dsc_core.runs.annotations import edits, selections
from dsc_core.runs.annotations.edited import Edited
from dsc_core.runs.annotations.edits import Edits

LABELS = np.arange(60) % 4


@pytest.fixture
def log(tmp_path):
    return Edits(tmp_path, LABELS)


def random_edit(log, rng):
    """One edit that makes sense, or its refusal."""
    now = log.now()
    here = np.unique(now.labels)
    kind = rng.integers(6)
    if kind == 0:
        return log.name(int(rng.choice(here)), f"name {rng.integers(99)}")
    if kind == 1:
        return log.merge(*map(int, rng.choice(here, 2)))
    if kind == 2:
        cluster = int(rng.choice(here))
        rows = rng.permutation(np.flatnonzero(now.labels == cluster))
        return log.split(cluster, rows, rng.integers(0, 3, len(rows)))
    if kind == 3:
        return log.move(rng.choice(60, 5), int(rng.choice(here)))
    if kind == 4:  # a cut of the tree: some clusters united, one taken apart
        cut = np.where(LABELS == 3, int(rng.integers(4)), LABELS)
        return log.cut(np.where((LABELS == 0) & (rng.random(60) < 0.5), 90, cut))
    return log.move(rng.choice(60, 3), None)


def same(a, b):
    return np.array_equal(a.labels, b.labels) and a.names == b.names


@pytest.mark.parametrize("seed", range(6))
def test_any_history_is_undone_and_redone_step_by_step(log, seed):
    rng = np.random.default_rng(seed)
    states = [log.now()]
    while len(states) < 15:
        try:
            state = random_edit(log, rng)
        except InputError:
            continue
        if state.version > states[-1].version:
            states.append(state)
    for state in states[-2::-1]:
        assert same(log.undo(), state)
    assert np.array_equal(log.now().labels, LABELS)
    with pytest.raises(InputError, match="no edit to undo"):
        log.undo()
    for state in states[1:]:
        assert same(log.redo(), state)
    with pytest.raises(InputError, match="no edit to redo"):
        log.redo()
    assert same(Edits(log.path.parent, LABELS).now(), states[-1])  # read anew by another process


def test_the_log_only_grows_and_a_new_edit_ends_what_could_be_redone(log):
    log.merge(0, 1)
    before = log.path.read_bytes()
    log.undo()
    log.move([5], 2)
    assert log.path.read_bytes().startswith(before)
    assert log.now().undone == ()
    assert (log.now().labels == 0).sum() == 15


def test_a_merged_cluster_keeps_the_only_name_of_the_two(log):
    log.name(0, "sevens")
    assert log.merge(0, 1).name(1) == "sevens"
    log.name(2, "eights")
    assert log.merge(1, 2).name(2) == "eights"
    log.undo()
    assert log.undo().name(1) == "sevens", "the name of 2 was undone, the merge before it was not"
    assert log.undo().name(1) == "1"


def test_merge_split_and_move_do_what_they_say(log):
    merged = log.merge(0, 1)
    assert np.array_equal(merged.labels, np.where(LABELS == 0, 1, LABELS))
    rows = np.flatnonzero(merged.labels == 1)
    parts = np.arange(30) % 3
    split = log.split(1, rows, parts)
    assert [
        (split.labels[rows[parts == part]] == cluster).all() for part, cluster in enumerate((1, 4, 5))
    ] == [True] * 3
    moved = log.move([2, 3], None)
    assert set(moved.labels[[2, 3]]) == {6}
    assert np.array_equal(np.delete(moved.labels, [2, 3]), np.delete(split.labels, [2, 3]))


def test_a_number_is_never_used_twice(log, tmp_path):
    log.move([0], None)
    log.undo()
    assert log.move([1], None).labels[1] == 5
    (tmp_path / "other").mkdir()
    with_empty = Edits(tmp_path / "other", LABELS, clusters=9)
    assert with_empty.move([1], None).labels[1] == 9


def test_what_makes_no_sense_is_refused_and_leaves_no_line(log):
    log.merge(0, 1)
    log.name(2, "twos")
    size = log.path.stat().st_size
    for change, words in (
        (lambda: log.merge(0, 2), "Cluster 0 no longer exists"),
        (lambda: log.merge(2, 2), "two different"),
        (lambda: log.name(3, "2"), "'2' is the number of a cluster"),
        (lambda: log.name(3, "x" * 81), "on one line"),
        (lambda: log.name(3, "a\x07b"), "on one line"),
        (lambda: log.split(2, [1, 2], [0, 1]), "has changed"),
        (lambda: log.split(2, np.flatnonzero(LABELS == 2), np.zeros(15)), "two parts"),
        (lambda: log.move([], 2), "Select"),
        (lambda: log.move([60], 2), "numbered from 0 to 59"),
        (lambda: log.move([2, 6], 2), "already"),
    ):
        with pytest.raises(InputError, match=words):
            change()
    assert log.path.stat().st_size == size


def test_two_clusters_may_share_a_name_and_are_told_apart_by_their_numbers(log):
    log.name(2, "twos")
    assert log.now().title(2) == "twos"
    both = log.name(3, "twos")
    assert [both.name(cluster) for cluster in (2, 3)] == ["twos", "twos"]
    assert [both.title(cluster) for cluster in range(4)] == ["0", "1", "twos (2)", "twos (3)"]
    assert both.given == {2: "twos", 3: "twos"}
    assert both.grouping == Edited(LABELS).grouping
    merged = log.merge(3, 2)
    assert merged.title(2) == "twos"
    assert merged.grouping != both.grouping
    assert log.undo().grouping == both.grouping


def test_edits_of_an_earlier_attempt_do_not_touch_other_labels(log, tmp_path):
    log.merge(0, 1)
    other = Edits(tmp_path, (LABELS + 1) % 4)
    assert not other.now().changed
    other.merge(2, 3)
    assert len(log.now().done) == len(other.now().done) == 1
    assert [line["kind"] for line in other.now().outdated] == ["merge"]


def test_a_torn_line_is_passed_over_and_a_damaged_one_is_said(log):
    log.merge(0, 1)
    with open(log.path, "a") as file:
        file.write('{"kind": "mer')
    assert len(log.now().done) == 1
    assert len(log.merge(1, 2).done) == 2
    for bad in (
        "[]",
        "nonsense",
        json.dumps({"kind": "move", "into": 1, "rows": [999], "labels": log.stamp}),
    ):
        kept = log.path.read_bytes()
        log.path.write_bytes(kept + bad.encode() + b"\n")
        with pytest.raises(RunError, match="cannot be read"):
            log.now()
        log.path.write_bytes(kept)


def test_the_results_of_a_run_are_seen_through_its_edits_and_stay_what_they_are(store, done):
    from dsc_core.runs.artifacts.results import load_results

    run = store.get(done)
    results = load_results(run)
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    log = edits.of_run(run, results.labels)
    assert edits.applied(results, log.now()) is results
    seen = edits.applied(results, log.merge(0, 1))
    assert set(seen.labels["cluster"]) == {1, 2}
    assert seen.confusion[0].sum() == len(results.labels)
    assert seen.confusion[0].shape[1] == 2
    assert set(results.labels["cluster"]) == {0, 1, 2}
    after = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file() and path != log.path}
    assert after == before
    run_scores = edits.edited_scores(results.labels, *[np.random.default_rng(0).normal(size=(30, 3))] * 2)
    assert run_scores["acc"] == pytest.approx(results.scores["acc"])


def test_the_edited_labels_leave_with_their_names_and_no_formula(log):
    import io

    import pandas as pd

    frame = pd.DataFrame({"id": [f"s{i}" for i in range(60)], "cluster": LABELS, "confidence": 0.5})
    plain = pd.read_csv(io.BytesIO(edits.edited_csv(frame, log.now())))
    assert list(plain.columns) == ["id", "cluster", "confidence"]
    log.name(1, "=ones")
    now = log.merge(0, 1)
    taken = pd.read_csv(io.BytesIO(edits.edited_csv(frame, now, [3, 1, 8])))
    assert taken["id"].tolist() == ["s3", "s1", "s8"]
    assert taken["cluster"].tolist() == frame["cluster"].iloc[[3, 1, 8]].tolist()
    assert taken["edited_cluster"].tolist() == [3, 1, 1]
    assert taken["edited_name"].tolist() == ["3", "'=ones", "'=ones"]


def test_selections_are_kept_by_name(tmp_path):
    assert selections.saved(tmp_path) == {}
    assert selections.save(tmp_path, "  odd  ones ", [5, 3, 3]) == "odd ones"
    assert selections.load(tmp_path, "odd ones", 10).tolist() == [3, 5]
    for call, words in (
        (lambda: selections.save(tmp_path, " ", [1]), "name"),
        (lambda: selections.save(tmp_path, "none", []), "Select"),
        (lambda: selections.load(tmp_path, "other", 10), "no saved selection"),
        (lambda: selections.load(tmp_path, "odd ones", 4), "does not fit"),
    ):
        with pytest.raises(InputError, match=words):
            call()
    (tmp_path / selections.NAME).write_text('{"a": ["x"]}')
    with pytest.raises(RunError, match="damaged"):
        selections.saved(tmp_path)


def test_a_cut_begins_from_the_clusters_of_the_run_and_keeps_names(log):
    log.name(1, "one")
    log.move([0, 1], 2)
    cut = np.where(LABELS == 1, 0, LABELS)  # 1 goes into 0
    cut[np.flatnonzero(LABELS == 3)[:5]] = 77
    now = log.cut(cut)
    assert now.fresh == 5
    assert np.array_equal(now.labels, np.where(cut == 77, 4, cut)), "the move is no longer in force"
    assert now.name(0) == "one"
    assert now.merged(4) == {0: 0, 1: 0, 2: 2, 3: 3}
    assert edits.sentence(now.done[-1]) == "Clusters of the tree: 1 united with others, 1 new"
    assert np.array_equal(log.cut(LABELS).labels, LABELS)
    assert edits.sentence(log.now().done[-1]) == "Clusters as trained"
    assert log.undo().labels.tolist() == now.labels.tolist()


def test_a_cut_is_made_of_unions_and_parts_only(log):
    mixed = np.where(LABELS == 1, 0, LABELS)
    mixed[1] = 3
    with pytest.raises(InputError, match="united with others, or taken apart"):
        log.cut(mixed)
    with pytest.raises(InputError, match="60 samples"):
        log.cut(LABELS[:-1])
    assert not log.now().changed
