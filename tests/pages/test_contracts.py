"""Pages read the core's registries: a term added there has a curve, and no page keeps a list of its own."""

import ast
from dataclasses import replace

import pytest

from dsc_core import objective
from dsc_core.data import open_dataset
from dsc_core.events import Event
from dsc_core.presets import PRESETS, preset
from dsc_core.runs.artifacts import export
from pages.shared import widgets
from tests.pages.conftest import ROOT
from tests.pages.trained import at

TRAIN = "pages/views/train.py"
SOURCES = sorted([*(ROOT / "pages").rglob("*.py"), ROOT / "app.py"])


def titles(drawn: list[dict]) -> str:
    """The titles of the charts."""
    return "\n".join(str(option.get("title", "")) for option in drawn)


@pytest.fixture
def run_id(store):
    """A running run with 40 steps that report a term which no preset has."""
    made = store.create(open_dataset("digits"), preset("quick"))
    store.claim(made)
    for step in range(1, 41):
        losses = {"total": 100 / step, "global_mi": 1.3, "extra": 1 / step}
        store.append(made, Event("progress", "joint", 1, 4, step, losses, step / 10, 800.0))
    return made


@pytest.mark.parametrize("registered", [False, True])
def test_a_term_that_is_added_to_the_objective_has_a_curve(app, run_id, monkeypatch, registered):
    drawn = []
    monkeypatch.setattr(widgets, "echart", lambda option, **_: drawn.append(option))
    if registered:
        balance = objective.TERMS["balance"]
        knob = replace(balance.knob, name="extra", title="Extra term", symbol="ξ", default=1.0)
        monkeypatch.setitem(objective.TERMS, "extra", replace(balance, knob=knob))
    at(app, run_id, TRAIN)
    assert ("Extra term ξ" in titles(drawn)) == registered
    assert "Global mutual information" in titles(drawn)


def test_the_level_without_information_is_drawn_where_the_term_has_one(app, run_id, monkeypatch):
    drawn = []
    monkeypatch.setattr(widgets, "echart", lambda option, **_: drawn.append(option))
    at(app, run_id, TRAIN)
    with_level = [option for option in drawn if "no information" in str(option)]
    assert len(with_level) == 1
    assert "Global mutual information" in titles(with_level)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_repeats_a_registry_of_the_core(path):
    """A literal with three or more names of terms, presets or export kinds is a copy of a registry."""
    exports = {kind.name for kind in export.KINDS}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            elements = node.elts
        elif isinstance(node, ast.Dict):
            elements = node.keys
        else:
            continue
        names = {element.value for element in elements if isinstance(element, ast.Constant)}
        for registry in (objective.TERMS.keys(), PRESETS.keys(), exports):
            assert len(names & set(registry)) < 3, ast.unparse(node)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_show_no_flags_of_the_command_line_and_no_latex(path):
    """Strings of a page, docstrings aside, hold neither `--option` nor LaTeX source."""
    tree = ast.parse(path.read_text())
    docstrings = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if hasattr(node, "body") and isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docstrings:
            assert " --" not in node.value
            assert "$" not in node.value or "MARKDOWN" in path.read_text(), node.value
