"""The wheel holds the core, the app and its files, and the command line works from it in any folder."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import dsc_core

ROOT = Path(__file__).parents[1]
SOURCES = (
    "dsc_core",
    "pages",
    "assets",
    ".streamlit",
    "app.py",
    "pyproject.toml",
    "setup.py",
    "README.md",
    "LICENSE",
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy, as an open ZIP."""
    pytest.importorskip("setuptools", "77")
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        here = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(here, source / name, ignore=ignored) if here.is_dir() else shutil.copy(here, source)
    build = "import setuptools.build_meta as build; print(build.build_wheel('dist'))"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    with zipfile.ZipFile(next((source / "dist").glob("*.whl"))) as archive:
        yield archive


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with the wheel's content, in place of site-packages."""
    folder = tmp_path_factory.mktemp("site")
    wheel.extractall(folder)
    return folder


def call(installed, folder, *command):
    """Run Python in `folder` with the installed package instead of the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "DSC_HOME"}
    environment["PYTHONPATH"] = str(installed)
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def names_of(lines):
    """Requirements without blanks, comments and options of pip."""
    return sorted(line.strip() for line in lines if line.strip() and line[0] not in "#-")


def test_requirements_are_the_dependencies_of_the_package():
    assert names_of((ROOT / "requirements.txt").read_text().splitlines()) == sorted(PROJECT["dependencies"])
    extra = names_of((ROOT / "requirements-tensorboard.txt").read_text().splitlines())
    assert extra == PROJECT["optional-dependencies"]["tensorboard"]
    faiss = names_of((ROOT / "requirements-faiss.txt").read_text().splitlines())
    assert faiss == PROJECT["optional-dependencies"]["faiss"]
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    required = {re.split("[=<>]", one)[0] for one in PROJECT["dependencies"]}
    assert required <= pinned


def test_what_the_code_imports_is_required():
    allowed = {re.split("[=<>]", one)[0] for one in PROJECT["dependencies"]}
    allowed |= {one for extra in PROJECT["optional-dependencies"].values() for one in extra}
    renamed = {"sklearn": "scikit-learn", "umap": "umap-learn", "PIL": "pillow", "faiss": "faiss-cpu"}
    for path in [*(ROOT / "dsc_core").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for root in {module.split(".")[0] for module in modules}:
                known = root in sys.stdlib_module_names or root in ("dsc_core", "pages")
                assert known or renamed.get(root, root) in allowed, (path, root)


def test_the_wheel_holds_the_core_the_app_and_its_files(wheel):
    names = set(wheel.namelist())
    for path in [*(ROOT / "dsc_core").rglob("*.py"), ROOT / "dsc_core" / "py.typed"]:
        assert str(path.relative_to(ROOT)) in names
    for path in [*(ROOT / "pages").rglob("*.py"), ROOT / "app.py", ROOT / ".streamlit" / "config.toml"]:
        assert f"dsc_app/{path.relative_to(ROOT)}" in names
    assert {"dsc_app/assets/logo.svg", "dsc_app/assets/mnist-test.npz"} <= names
    assert "dsc_app/setup.py" not in names
    roots = {name.split("/")[0] for name in names}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"dsc_core", "dsc_app"}


def test_the_wheel_offers_the_command_dsc(wheel):
    (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "dsc = dsc_core.__main__:main" in wheel.read(entry).decode()


def test_an_installed_command_line_works_in_an_empty_folder(installed, tmp_path):
    ended = call(installed, tmp_path, "-m", "dsc_core", "--version")
    assert ended.stdout.strip() == dsc_core.__version__
    ended = call(installed, tmp_path, "-m", "dsc_core", "list")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "workspace" / "dsc.sqlite").exists()
    built_in = "from dsc_core.data import open_dataset; print(len(open_dataset('mnist-test')))"
    assert call(installed, tmp_path, "-c", built_in).stdout.strip() == "10000"


def test_an_installed_app_is_found(installed, tmp_path):
    code = "from dsc_core.workspace import app_folder; print(app_folder())"
    assert call(installed, tmp_path, "-c", code).stdout.strip() == str(installed / "dsc_app")
    script = "from streamlit.testing.v1 import AppTest; import sys; at = AppTest.from_file(sys.argv[1]).run(timeout=60)"
    script += "; print([str(one.message) for one in at.exception])"
    ended = call(installed, tmp_path, "-c", script, str(installed / "dsc_app" / "app.py"))
    assert ended.stdout.strip() == "[]", ended.stderr
