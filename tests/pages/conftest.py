"""Pages run by Streamlit's own AppTest, each test in a workspace of its own."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # as `streamlit run app.py` does, so that pages find `pages.shared`


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """An empty DSC_HOME, no DSC_DATA, and nothing cached from the test before."""
    import streamlit as st

    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DSC_DATA", raising=False)
    monkeypatch.setenv("DSC_CALIBRATE", "0")
    yield tmp_path / "home"
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def store(workspace):
    """The run store of that workspace."""
    from dsc_core.runs import Store

    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def app():
    """The app, not yet run, open on its first page."""
    from streamlit.testing.v1 import AppTest

    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
