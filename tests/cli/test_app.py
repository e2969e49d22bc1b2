"""app: streamlit is started on the app's own script, from any folder."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dsc_core.cli import app

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", "8502"]


def test_streamlit_takes_the_place_of_the_command(run, monkeypatch):
    started = []

    def execv(program, command):
        started.extend([program, *command])
        raise SystemExit(0)

    monkeypatch.setattr(app.os, "execv", execv)
    monkeypatch.setattr(app.os, "name", "posix")
    assert run("app", "--server.port", 8502)[0] == 0
    assert started == [sys.executable, *COMMAND]


@pytest.mark.parametrize(("returncode", "code"), [(0, 0), (1, 1)])
def test_on_windows_the_command_waits_for_streamlit(run, monkeypatch, returncode, code):
    started = []

    def run_server(command):
        started.append(command)
        return SimpleNamespace(returncode=returncode)

    monkeypatch.setattr(app, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(app.subprocess, "run", run_server)
    assert run("app", "--server.port", 8502)[0] == code
    assert started == [COMMAND]
