"""The process that trains can be started elsewhere by one new class, and no file of the room reaches into another."""

import ast
import os
from pathlib import Path

import pytest

import dsc_core.runs
from dsc_core.errors import RunError
from dsc_core.runs import Store, queue


class Elsewhere:
    """A process on another machine: it has an id there, and only its heartbeats tell that it lives."""

    pid = os.getpid()

    def wait(self):
        pass

    def kill(self):
        pass


class RemoteLauncher:
    """Counts what it is asked to start; three runs at a time."""

    def __init__(self, fails=()):
        self.started, self.fails = [], fails

    def capacity(self):
        return 3

    def slots(self, config):
        return 1

    def choose_cards(self, config, used, waiting):
        return []

    def start(self, run):
        self.started.append(run.id)
        if run.name in self.fails:
            raise OSError("no route to host")
        return Elsewhere()

    def identity(self, process):
        return None


def test_another_launcher_starts_the_runs(store, dataset, config):
    launcher = RemoteLauncher()
    elsewhere = Store(store.home, launcher=launcher)
    runs = [elsewhere.create(dataset, config, name=f"run {i}") for i in range(5)]
    for run_id in runs:
        queue.enqueue(elsewhere, run_id)
    assert launcher.started == runs[:3], "as many as it has room for"
    assert [run.status for run in map(elsewhere.get, runs)] == ["running"] * 3 + ["queued"] * 2
    elsewhere.claim(runs[0])
    elsewhere.finish(runs[0], "done")
    assert queue.advance(elsewhere) == [runs[3]]
    elsewhere.finish(runs[3], "stopped")
    elsewhere.start(runs[3])
    assert launcher.started == [*runs[:4], runs[3]]


def test_what_a_launcher_cannot_start_is_one_sentence(store, dataset, config):
    elsewhere = Store(store.home, launcher=RemoteLauncher(fails=["far"]))
    run_id = elsewhere.create(dataset, config, name="far")
    with pytest.raises(RunError, match="could not be started: no route to host"):
        elsewhere.start(run_id)
    assert elsewhere.get(run_id).status == "created"


def files():
    return sorted(Path(dsc_core.runs.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_no_file_uses_the_private_names_of_another(path):
    tree = ast.parse(path.read_text())
    private = {
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__")
        if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "os"))
    }
    assert not private


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_sql_stands_in_the_index_and_its_rescue_alone(path):
    words = ("SELECT ", "INSERT ", "UPDATE ", "DELETE FROM", "PRAGMA", "BEGIN IMMEDIATE")
    strings = [
        node.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    statements = [text for text in strings if text.startswith(words)]
    assert not statements or path.stem in ("index", "schema", "rescue")
