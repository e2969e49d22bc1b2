"""A run's number of threads: shared with other runs, kept when it is continued, and a person's own where set."""

import pytest
import torch

from dsc_core import threads
from dsc_core.runs import queue, run_threads, starting


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "available", lambda: 16)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    yield
    threads.set_threads(before)


class Index:
    def __init__(self, running):
        self.running = running

    def runs(self, status):
        assert status == "running"
        return range(self.running)


class Stand:
    """A store with so many runs that train, this one included, and that wait."""

    def __init__(self, running):
        self.index = Index(running)


@pytest.mark.parametrize(
    ("running", "waiting", "limit", "wanted"),
    [(1, 0, 1, 16), (1, 5, 1, 16), (1, 15, 16, 1), (2, 0, 1, 8), (4, 0, 16, 4), (1, 3, 2, 8), (40, 0, 16, 1)],
)
def test_the_cores_are_shared_with_what_trains_and_comes_next(monkeypatch, running, waiting, limit, wanted):
    monkeypatch.setattr(starting, "alive", lambda row: True)
    monkeypatch.setattr(queue, "waiting", lambda store: [None] * waiting)
    monkeypatch.setattr(queue, "concurrent_runs", lambda store: limit)
    assert run_threads.choose(Stand(running)) == wanted


class Folder:
    def __init__(self, folder):
        self.folder = folder


def test_a_continued_run_keeps_its_number(monkeypatch, tmp_path):
    run = Folder(tmp_path)
    monkeypatch.setattr(run_threads, "choose", lambda store: 3)
    run_threads.apply(None, run)
    assert torch.get_num_threads() == 3
    monkeypatch.setattr(run_threads, "choose", lambda store: 8)
    run_threads.apply(None, run)
    assert torch.get_num_threads() == 3, "another run has ended meanwhile"
    monkeypatch.setattr(threads, "available", lambda: 2)
    run_threads.apply(None, run)
    assert torch.get_num_threads() == 2, "of a machine with fewer cores"


@pytest.mark.parametrize("text", ["{}", "[]", '{"threads": 0}', '{"threads": "4"}', '{"threads": true}', "{"])
def test_a_damaged_note_is_as_none(monkeypatch, tmp_path, text):
    (tmp_path / run_threads.FILE).write_text(text)
    assert run_threads.kept(Folder(tmp_path)) is None


def test_the_number_of_a_person_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    before = torch.get_num_threads()
    run_threads.apply(None, Folder(tmp_path))
    assert torch.get_num_threads() == before
    assert not (tmp_path / run_threads.FILE).exists()
