"""The documents are true: generated parts are current, examples run, and what they name exists."""

import ast
import re
import shlex
from functools import cache
from importlib import import_module

import pytest

from dsc_core.cli.main import dsc
from dsc_core.config import KNOBS, parse_settings
from dsc_core.objective import TERMS
from tests import documents
from tests.benchmarks import quality
from tests.benchmarks.speed import __main__ as speed
from tests.test_architecture import FLOORS

ROOT, FENCE = documents.ROOT, re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
PLACES = re.compile(r"`([\w/.-]+\.(?:py|toml|txt))(?::([\w.]+))?`")
FOLDERS = re.compile(r"`((?:dsc_core|pages|tests|docs|assets)/[\w/.-]*/?)`")


@cache
def text_of(path):
    return path.read_text(encoding="utf-8")


def blocks(language):
    """The fenced blocks of a language, with the name of their document."""
    return [
        (path.name, block)
        for path in documents.DOCUMENTS
        for kind, block in FENCE.findall(text_of(path))
        if kind == language
    ]


def each(values):
    return pytest.mark.parametrize("path", values, ids=lambda path: str(path.relative_to(ROOT)))


# Generated parts ---------------------------------------------------------------------------------------------


@each(documents.DOCUMENTS)
def test_generated_parts_are_current(path):
    assert documents.generated(text_of(path)) == text_of(path), "run: python -m tests.documents"


def test_every_generated_part_stands_in_one_document():
    assert sorted(documents.marks(documents.DOCUMENTS)) == sorted(documents.PARTS)


def test_the_pictures_of_results_are_current():
    single = ("ladder.svg", "class-costs.svg")
    names = [*documents.ASSETS.glob("grid-*.svg"), *(documents.ASSETS / name for name in single)]
    stored = {path.name: text_of(path) for path in names}
    assert stored == documents.pictures(), "run: python -m tests.documents"


def test_every_setting_and_every_term_is_documented():
    text = text_of(ROOT / "docs" / "settings.md")
    assert not [name for name in KNOBS if f"| `{name}` |" not in text]
    table, sums = documents.terms(), documents.formulas()
    assert not [name for name in TERMS if f"| `{name}` |" not in table or not re.search(rf"\b{name}\b", sums)]


# Links and places --------------------------------------------------------------------------------------------


def anchors(path):
    """The fragments that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each(documents.DOCUMENTS)
def test_every_link_leads_somewhere(path):
    text = text_of(path)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"src(?:set)?=\"([^\"]+)\"", text)
    for link in links:
        if link.startswith("https://"):
            continue
        name, _, fragment = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not fragment or fragment in anchors(target.resolve()), link


def names_in(path):
    """The functions and classes of a Python file, methods as "Class.method", and its constants."""
    names = set()
    for node in ast.parse(text_of(path)).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            members = [member for member in node.body if isinstance(member, ast.FunctionDef)]
            names |= {f"{node.name}.{member.name}" for member in members}
    return names


@each(documents.DOCUMENTS)
def test_every_file_and_function_that_a_document_names_exists(path):
    for name, function in PLACES.findall(text_of(path)):
        file = ROOT / name
        assert file.is_file(), name
        assert not function or function in names_in(file), f"{name}:{function}"
    for name in FOLDERS.findall(text_of(path)):
        assert (ROOT / name).exists(), name


def test_every_room_has_a_row_in_the_architecture():
    text = text_of(ROOT / "ARCHITECTURE.md")
    rooms = set().union(*FLOORS) - {"__init__", "__main__"}
    assert not [
        room for room in rooms if not re.search(rf"^\| `dsc_core/{room}(/|\.py)` \|", text, re.MULTILINE)
    ]


@each(documents.DOCUMENTS)
def test_environment_variables_exist(path):
    sources = [*(ROOT / "dsc_core").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    known = set(re.findall(r"DSC_[A-Z_]+", "".join(map(text_of, sources))))
    known |= set(re.findall(r"`(DSC_MAX_\w+)`", documents.limits()))
    assert not set(re.findall(r"DSC_[A-Z_]+", text_of(path))) - known


# Commands and examples ---------------------------------------------------------------------------------------


def commands():
    """Every command line in the documents' shell blocks and code spans, as (document, words)."""
    lines = [(name, block.replace("\\\n", " ")) for name, block in blocks("sh")]
    for path in documents.DOCUMENTS:
        prose = documents.PART.sub("", FENCE.sub("", text_of(path)))
        lines += [
            (path.name, " ".join(code.split())) for code in re.findall(r"`([^`]*python -m [^`]*)`", prose)
        ]
    for name, block in lines:
        for line in block.splitlines():
            if words := shlex.split(line, comments=True):
                yield name, words


def after(words, module):
    """What follows `-m module` in a command line; None where it does not run the module."""
    runs = module in words and words[words.index(module) - 1] == "-m"
    return words[words.index(module) + 1 :] if runs else None


def test_every_command_in_the_documents_parses():
    checked = 0
    for name, words in commands():
        arguments = after(words, "dsc_core")
        if not arguments or arguments[0] == "COMMAND":
            continue
        assert arguments[0] in dsc.commands, f"{name}: {shlex.join(words)}"
        context = dsc.commands[arguments[0]].make_context(arguments[0], arguments[1:])
        parse_settings(context.params.get("settings", ()))
        checked += 1
    assert checked > 30


def test_every_tool_of_the_tests_that_a_document_names_starts():
    for name, words in commands():
        for module in [word for word in words if word.startswith("tests.")]:
            place = ROOT / module.replace(".", "/")
            assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file(), (
                f"{name}: {module}"
            )
        if arguments := after(words, "tests.benchmarks.speed"):
            speed.parser().parse_args(arguments)
        if arguments := after(words, "tests.benchmarks.quality"):
            options = quality.parser().parse_args(arguments)
            assert set(options.data) <= set(quality.methods.DATA)


def test_python_examples_import_what_exists():
    examples = blocks("python")
    assert examples
    for _, block in examples:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


@pytest.mark.slow
def test_the_example_of_the_readme_runs(capsys):
    example = next(block for name, block in blocks("python") if name == "README.md")
    scope = {}
    exec(compile(example, "README.md", "exec"), scope)
    assert scope["model"].labels_.shape == (1500,)
    assert len(set(scope["model"].labels_)) == 10
    assert capsys.readouterr().out


# Form --------------------------------------------------------------------------------------------------------


@each(documents.DOCUMENTS)
def test_lines_have_at_most_120_characters(path):
    text = documents.PART.sub("", text_of(path))
    long = [line for line in text.splitlines() if len(line) > 120 and not line.startswith("|")]
    assert not long


def test_the_readme_stays_short():
    assert len(text_of(ROOT / "README.md").splitlines()) <= 170
