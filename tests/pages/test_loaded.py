"""What the server loads to show a page: the large packages take seconds, and wait until something is computed."""

import subprocess
import sys

import pytest

from tests.pages.conftest import ROOT

HEAVY = {"torch", "sklearn", "umap", "numba", "altair", "matplotlib"}
PROGRAM = """
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("app.py", default_timeout=60)
for name, value in zip(sys.argv[2::2], sys.argv[3::2]):
    app.query_params[name] = value
app.run()
app.switch_page(f"pages/views/{sys.argv[1]}.py").run()
assert not app.exception, app.exception
print(" ".join(set(sys.modules)))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A workspace with a finished run of images; (folder, id of the run, key of its data set)."""
    folder = tmp_path_factory.mktemp("loaded") / "home"
    code = (
        "from tests.pages.trained import trained; from dsc_core.runs import Store;"
        "run = trained('image', True, 1); print(run, Store().get(run).dataset['key'])"
    )
    done = run(folder, "-c", code)
    return folder, *done.split()


def run(folder, *arguments):
    """What a Python with this workspace prints last."""
    environment = {"DSC_HOME": str(folder), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("page", "about"),
    [
        ("data", ""),
        ("data", "data"),
        ("train", "data"),
        ("train", "run"),
        ("results", "run"),
        ("assign", "run"),
        ("runs", ""),
    ],
)
def test_a_page_is_shown_without_the_large_packages(home, page, about):
    folder, run_id, key = home
    query = {"run": ("run", run_id), "data": ("data", key)}.get(about, ())
    assert not HEAVY & set(run(folder, "-c", PROGRAM, page, *query).split())
