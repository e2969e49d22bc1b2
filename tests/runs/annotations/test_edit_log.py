"""The log of edits is read as a file from anywhere: what cannot be an edit is one sentence that names the line."""

import json

import numpy as np
import pytest

from dsc_core.errors import InputError, RunError
from dsc_core.runs.annotations import selections
from dsc_core.runs.annotations.edits import Edits

LABELS = np.arange(60) % 4
TWOS = np.flatnonzero(LABELS == 2).tolist()


@pytest.fixture
def log(tmp_path):
    """A log in which 0 was merged into 1: clusters 1 to 3 are left, and 4 is the next new one."""
    (tmp_path / "run").mkdir()
    made = Edits(tmp_path / "run", LABELS)
    made.merge(0, 1)
    return made


def add(log, *lines):
    with open(log.path, "a") as file:
        file.writelines(json.dumps({"labels": log.stamp, **line}) + "\n" for line in lines)


@pytest.mark.parametrize(
    "line",
    [
        {"kind": "merge", "cluster": 1, "into": 10**12},
        {"kind": "merge", "cluster": 10**12, "into": 1},
        {"kind": "merge", "cluster": 1, "into": 0},
        {"kind": "merge", "cluster": 0, "into": 1},
        {"kind": "merge", "cluster": 1, "into": -1},
        {"kind": "merge", "cluster": 1, "into": 2.0},
        {"kind": "merge", "cluster": True, "into": 2},
        {"kind": "merge", "cluster": "1", "into": 2},
        {"kind": "merge", "cluster": 1},
        {"kind": "move", "into": 10**9, "rows": [0], "new": True},
        {"kind": "move", "into": 10**9, "rows": [0], "new": False},
        {"kind": "move", "into": 5, "rows": [0], "new": True},
        {"kind": "move", "into": 3, "rows": [0], "new": True},
        {"kind": "move", "into": 4, "rows": [0], "new": False},
        {"kind": "move", "into": 4, "rows": [60], "new": True},
        {"kind": "move", "into": 4, "rows": "0", "new": True},
        {"kind": "split", "cluster": 2, "new": [10, 10**15], "rows": [TWOS[:3], TWOS[3:6]]},
        {"kind": "split", "cluster": 2, "new": [5, 4], "rows": [TWOS[:3], TWOS[3:6]]},
        {"kind": "split", "cluster": 2, "new": [4], "rows": [TWOS[:3], TWOS[3:6]]},
        {"kind": "split", "cluster": 9, "new": [4], "rows": [TWOS[:3]]},
        {"kind": "split", "cluster": 2, "new": [], "rows": []},
        {"kind": "split", "cluster": 2, "new": 4, "rows": [TWOS]},
        {"kind": "name", "cluster": 10**12, "name": "ones"},
        {"kind": "name", "cluster": 1, "name": "x" * 81},
        {"kind": "name", "cluster": 1, "name": "a\nb"},
        {"kind": "name", "cluster": 1, "name": "\ud800"},
        {"kind": "name", "cluster": 1, "name": "\u200d"},
        {"kind": "name", "cluster": 1, "name": 7},
        {"kind": "name", "cluster": 1, "name": None},
        {"kind": "name", "cluster": 1},
        {"kind": "name", "cluster": 1, "name": "\ud800", "labels": "of others"},
        {"kind": ["merge"], "cluster": 1, "into": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("undone", [False, True], ids=["in force", "undone"])
def test_a_line_that_can_be_no_edit_is_named(log, line, undone):
    add(log, line, *[{"kind": "undo"}] * undone)
    with pytest.raises(RunError, match=r"edits of the run run cannot be read \(line 2\): move edits\.jsonl"):
        log.now()
    with pytest.raises(RunError, match="cannot be read"):
        log.name(2, "twos")


def test_lines_that_are_edits_are_read_as_they_were_written(log):
    add(
        log,
        {"kind": "split", "cluster": 2, "new": [4, 5], "rows": [TWOS[:3], TWOS[3:6]]},
        {"kind": "undo"},
        {"kind": "move", "into": 6, "rows": [0], "new": True},  # a number is never used twice
        {"kind": "name", "cluster": 6, "name": ""},
        {"kind": "name", "cluster": 3, "name": "é 日本"},
    )
    now = log.now()
    assert now.labels[0] == 6
    assert now.names == {6: "", 3: "é 日本"}
    assert now.fresh == 7


@pytest.mark.parametrize("name", ["👩‍🔬", "👨‍👩‍👧 family", "می‌خواهم", "❤️‍🔥"])
def test_a_name_may_hold_what_joins_emoji_and_parts_letters(log, name):
    assert log.name(1, name).names == {1: name}
    assert Edits(log.path.parent, LABELS).now().names == {1: name}
    assert log.name(1, f"\u200d {name}\u200c ").names == {1: name}
    assert log.name(1, " \u200d ").names == {1: ""}


def test_an_edit_that_another_process_forestalled_leaves_no_line(log, monkeypatch):
    before = log.now()
    monkeypatch.setattr(log, "_with", lambda *clusters: before)
    Edits(log.path.parent, LABELS).merge(2, 3)
    kept = log.path.read_bytes()
    with pytest.raises(InputError, match="edited elsewhere"):
        log.merge(1, 2)
    assert log.path.read_bytes() == kept
    assert len(log.now().done) == 2


def test_it_is_said_that_the_run_was_deleted(log):
    log.now()
    log.path.parent.rename(log.path.parent.with_name("trash"))
    for change in (
        lambda: log.name(1, "ones"),
        lambda: log.merge(1, 2),
        lambda: log.move([0], None),
        log.undo,
        log.redo,
        lambda: selections.save(log.path.parent, "odd", [1]),
    ):
        with pytest.raises(RunError, match="The run run was deleted"):
            change()
    assert not log.path.parent.exists()
