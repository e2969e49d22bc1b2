"""The frame surrounds every page, even when a page's address is the first request to a new server."""

import pytest

from tests.browser.driving import NARROW, ROOT, serving, settled, sticking_out

PAGES = ("Data", "Train", "Results", "Assign", "Runs")


@pytest.mark.parametrize("path", ["/", "/train", "/results", "/assign", "/runs"])
def test_a_cold_deep_link_goes_through_the_frame(page, tmp_path, path):
    with serving(tmp_path / "home") as address:
        page.goto(address + path)
        settled(page)
        links = page.get_by_test_id("stTopNavLink")
        assert [text.strip().split("\n")[-1] for text in links.all_inner_texts()] == list(PAGES)
        assert page.get_by_test_id("stException").count() == 0
        assert page.get_by_role("dialog").count() == 0, "the page is shown, but reported as not found"


def test_a_page_is_a_view_and_a_line_in_the_frame():
    """No page needs a second file: nothing lies flat in pages/, where Streamlit's old discovery would take it."""
    assert not list((ROOT / "pages").glob("*.py"))
    text = (ROOT / "app.py").read_text()
    for path in (ROOT / "pages" / "views").glob("*.py"):
        assert text.count(f'view("{path.stem}"') == 1, path.name


def test_pages_fit_into_a_narrow_window(page, tmp_path):
    page.set_viewport_size(NARROW)
    with serving(tmp_path / "home") as address:
        page.goto(address)
        settled(page)
        page.locator(".st-key-use_digits button:visible").first.click()
        page.locator(".st-key-continue button:visible").first.wait_for()
        settled(page)
        for path in ("", "train", "results", "assign", "runs"):
            if path:
                page.goto(f"{address}/{path}?{page.url.partition('?')[2]}")
                settled(page)
            wide = sticking_out(page)
            assert not wide, (path, wide[:3])
