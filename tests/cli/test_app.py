"""app: streamlit is started on the app's own script, from any folder."""

import sys
from pathlib import Path

import pytest

from dsc_core.cli import app

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """A server that ends with `returncode` at once."""

    started: list[str]
    returncode = 0

    def __init__(self, command):
        Server.started = command

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def poll(self):
        return Server.returncode


@pytest.mark.parametrize(("returncode", "code"), [(0, 0), (-2, 0), (1, 1), (-9, 1)])
def test_app_starts_streamlit_and_passes_options_on(run, monkeypatch, returncode, code):
    monkeypatch.setattr(app.subprocess, "Popen", Server)
    monkeypatch.setattr(Server, "returncode", returncode)
    assert run("app", "--server.port", 8502)[0] == code
    expected = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", "8502"]
    assert Server.started == expected
