"""For the readers' tests."""

import os

import pytest

from tests.data.forked import Forked


@pytest.fixture
def quick_processes(monkeypatch):
    """The processes of `Sandbox` as forks of this one: the same code, without half a second for each to start."""
    if hasattr(os, "fork"):
        monkeypatch.setattr("dsc_core.data.sandbox.Popen", Forked)
