"""The tree of a run's clusters is kept in its folder for this very latent and these clusters, and damage is mended."""

import numpy as np
import pytest

from dsc_core.analysis import cluster_marks, label_spreading  # noqa: F401 - before `fakes` stands in for its rooms
from dsc_core.runs.artifacts.cluster_tree import FILE, find_tree, read_tree
from dsc_core.runs.artifacts.labels import labels_frame


@pytest.fixture
def run(store, done):
    return store.get(done)


@pytest.fixture
def labels(run):
    return labels_frame(run)["cluster"].to_numpy()


def test_a_tree_is_computed_once(run, labels):
    assert read_tree(run, labels) is None
    first = find_tree(run, labels)
    again = find_tree(run, labels, lambda *_: pytest.fail("it was computed anew"))
    assert (again.tree.cells == first.tree.cells).all()
    assert (again.tree.children == first.tree.children).all()
    assert np.allclose(again.marks.agreement, first.marks.agreement)
    assert (again.tree.numbers(again.tree.level(again.tree.own), 99) == labels).all()


def test_a_damaged_tree_and_one_of_other_clusters_are_computed_again(run, labels):
    find_tree(run, labels)
    path = run.folder / FILE
    content = path.read_bytes()
    for damage in (b"", content[: len(content) // 2], b"\x80\x04cos\nsystem\n"):
        path.write_bytes(damage)
        assert read_tree(run, labels) is None
        find_tree(run, labels)
        assert read_tree(run, labels) is not None
    others = np.roll(labels, 1)
    assert read_tree(run, others) is None
    assert (find_tree(run, others).tree.labels == others).all()


def test_a_tree_with_parts_that_do_not_fit_is_not_taken(run, labels):
    find_tree(run, labels)
    path = run.folder / FILE
    with np.load(path) as known:
        parts = dict(known)
    for name, value in (
        ("cells", parts["cells"] * 0),
        ("children", parts["children"] + 1),
        ("jump", parts["jump"][:-1]),
        ("agreement", parts["agreement"] * np.nan),
    ):
        np.savez(path, **parts | {name: value})
        assert read_tree(run, labels) is None, name


def test_a_stop_leaves_no_tree(run, labels):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_tree(run, labels, stop)
    assert read_tree(run, labels) is None
