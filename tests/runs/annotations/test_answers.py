"""The log of answers: what is read back, undone, and refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dsc_core.errors import InputError, RunError
from dsc_core.runs.annotations.answer_table import read_answers
from dsc_core.runs.annotations.answers import DIFFERENT, MIXED_SECOND, NAME, SAME, UNSURE, AnswerLog, Given

SHEET = (3, 4, 5)


@pytest.fixture
def log(tmp_path):
    return AnswerLog(tmp_path, 50)


def test_answers_are_read_back_by_another_process(log):
    log.add([Given((1,), (2,), SAME), Given(SHEET, (9,), DIFFERENT)], {SHEET: np.arange(3, 20)})
    log.add([Given((2,), "shoe", SAME), Given((7,), SHEET, MIXED_SECOND), Given((7,), (8,), UNSURE)])
    again = AnswerLog(log.path.parent, 50).now()
    assert len(again) == 5
    assert again.known.agree((1,), "shoe")
    assert again.known.differ((9,), SHEET)
    assert again.mixed == [SHEET]
    assert again.aside == [((7,), (8,))]
    assert (again.marks(50).group[3:9] == again.marks(50).group[3]).all()


def test_an_undo_is_a_record(log):
    log.add([Given((1,), (2,), SAME)])
    log.add([Given((2,), (3,), SAME)])
    before = log.path.read_bytes()
    assert len(log.undo()) == 1
    assert log.path.read_bytes().startswith(before), "the log is only appended to"
    assert not log.now().known.agree((2,), (3,))
    log.undo()
    with pytest.raises(InputError, match="no answer to undo"):
        log.undo()


def test_a_contradiction_stays_in_the_log_until_it_is_resolved(log):
    log.add([Given((1,), (2,), SAME), Given((2,), (3,), SAME)])
    state = log.add([Given((1,), (3,), DIFFERENT)])
    assert [(each.answer, each.chain) for each in state.contradictions] == [(2, (0, 1))]
    assert len(state) == 3
    assert not log.undo().contradictions


def test_an_answer_that_waits_for_its_confirmation_has_no_effect(log):
    assert not log.add([Given((1,), (2,), SAME, counts=False)]).known.agree((1,), (2,))
    assert log.add([Given((1,), (2,), SAME)]).known.agree((1,), (2,))


def test_an_incomplete_last_line_is_left_out(log):
    log.add([Given((1,), (2,), SAME)])
    with log.path.open("ab") as file:
        file.write(b'{"kind": "answ')
    assert len(log.now()) == 1


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "no json",
        '{"kind": "undo"}',
        '{"kind": "answer", "first": 1, "second": 99, "said": "same"}',
        '{"kind": "answer", "first": true, "second": 2, "said": "same"}',
        '{"kind": "answer", "first": 1, "second": {"group": 0}, "said": "same"}',
        '{"kind": "answer", "first": 1, "second": {"group": -1}, "said": "same"}',
        '{"kind": "answer", "first": 1, "second": {"name": "a\\nb"}, "said": "same"}',
        '{"kind": "answer", "first": 1, "second": 2, "said": "maybe"}',
        '{"kind": "group", "shown": [1], "rows": [1.5]}',
        '{"kind": "group", "shown": [], "rows": [1]}',
    ],
)
def test_a_damaged_log_is_named_in_one_sentence(log, line):
    log.path.write_text(line + "\n")
    with pytest.raises(RunError, match=rf"line 1\): move {NAME}"):
        log.now()


def test_samples_that_there_are_not_and_empty_names_are_refused(log):
    for given in (Given((50,), (1,), SAME), Given((1,), " ", SAME), Given((), (1,), SAME)):
        with pytest.raises(InputError):
            log.add([given])
    assert not log.path.exists()


def test_ten_thousand_answers(log):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 50)
    pairs = [(int(a), int(b)) for a, b in rng.integers(0, 50, (10_000, 2))]
    log.add([Given((a,), (b,), SAME if labels[a] == labels[b] else DIFFERENT) for a, b in pairs])
    state = log.now()
    assert len(state) == 10_000
    assert not state.contradictions
    assert len(json.dumps(log.path.read_text())) < 2**21


# From a file --------------------------------------------------------------------------------------------------


def test_pairs_and_names_are_read_from_a_file(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("A, b, Same\nx, y, 1\ny, z, no\n")
    assert read_answers(path, ["x", "y", "z"]) == [Given((0,), (1,), SAME), Given((1,), (2,), DIFFERENT)]
    path.write_text("id,name\nz,ankle boot\n")
    assert read_answers(path, ["x", "y", "z"]) == [Given((2,), "ankle boot", SAME)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b,same\nx,q,1\n", "Line 2: the run has no sample with the id 'q'"),
        ("a,b,same\nx,y,maybe\n", "Line 2: same is 1 or 0"),
        ("id,name\nx,\n", "Line 2: a name has letters"),
        ("id,cluster\nx,1\n", "needs the columns a, b, same or the columns id, name"),
        ("", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path, text, sentence):
    path = tmp_path / "answers.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_answers(path, ["x", "y"])
