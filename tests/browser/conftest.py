"""Fixtures of the browser tests. Without a Chromium they are skipped, in continuous integration they fail."""

import os

import pytest

from tests.browser import driving


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests."""
    if driving.chromium() is None:
        reason = "no Chromium: install one, or set CHROMIUM to its path"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with driving.browsing() as chromium:
        yield chromium


@pytest.fixture
def page(browser):
    """A fresh page that refuses every host but this machine, and fails the test if one was asked for."""
    context = browser.new_context(viewport=driving.WIDE, accept_downloads=True)
    context.add_init_script(driving.LISTENING)
    page = context.new_page()
    abroad = []
    page.on("request", lambda request: abroad.append(request.url) if not is_local(request.url) else None)
    yield page
    context.close()
    assert not abroad, f"the app asked other hosts: {abroad[:3]}"


@pytest.fixture
def store(tmp_path):
    """The run store of a workspace of its own; runs that still train end with the test."""
    from dsc_core.runs import Store

    opened = Store(tmp_path / "home")
    yield opened
    driving.end_runs(opened.home)
    opened.close()


def is_local(address: str) -> bool:
    return address.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "about:"))
