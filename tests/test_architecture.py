"""The rules of the layout: imports point one way, no two files import each other, and everything fits on a screen."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_FUNCTION = 50  # lines
MAX_FILE = 350
# From the ground up. A room may import those below it; rooms on one line know nothing of each other.
FLOORS = [
    {"errors", "workspace", "events", "sampling", "temporary", "threads"},
    {"knobs", "device"},
    {"objective"},
    {"config"},
    {"presets", "method"},
    {"analysis", "assignment", "data"},
    {"plots", "model"},
    {"training"},
    {"estimator"},
    {"runs"},
    {"cli"},
    {"__init__", "__main__"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


@cache
def modules() -> dict[str, Path]:
    """Every module of the core by its dotted name."""
    found = {}
    for path in sorted((ROOT / "dsc_core").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(name: str) -> frozenset[str]:
    """The modules of the core that a module imports, anywhere in it, `if TYPE_CHECKING` left out."""
    tree, found = ast.parse(modules()[name].read_text()), set()
    skipped = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules() else node.module for name in inner}
    return frozenset(found & modules().keys()) - {name}


def room(module: str) -> str:
    """The room of a module: `dsc_core.runs.store` is in runs."""
    return [*module.split("."), "__init__"][1]


@pytest.mark.parametrize("name", modules())
def test_no_room_imports_upward(name):
    wrong = {
        other
        for other in imports(name)
        if room(other) not in (room(name), "__init__") and FLOOR[room(other)] >= FLOOR[room(name)]
    }
    assert not wrong


def test_no_two_files_import_each_other():
    # A package's front (`__init__`) gathers what its files offer; that they come from it is no circle.
    packages = {name for name, path in modules().items() if path.name == "__init__.py"}
    graph = {name: imports(name) - packages for name in modules().keys() - packages}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_the_core_knows_no_streamlit():
    for name, path in modules().items():
        roots = {
            alias.name.split(".")[0] if isinstance(node, ast.Import) else (node.module or "").split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not roots & {"streamlit", "pages"}, name


def sources() -> list[Path]:
    return sorted([*(ROOT / "dsc_core").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"])


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_fit_on_a_screen(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_FILE
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION
    }
    assert not long
