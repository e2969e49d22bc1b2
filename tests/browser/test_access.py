"""The job for everyone: axe-core over every page in both themes, the keyboard alone, and a window at 200 % zoom."""

import csv
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from dsc_core.runs import Store
from tests.browser import trained as training
from tests.browser.driving import button, metric, serving, settled, sticking_out

LONG = 180  # seconds for a page on a busy machine
ZOOMED = {"width": 680, "height": 450}  # CSS pixels of a window of 1360 × 900 at 200 %
# What axe finds in Streamlit's own elements and no page can mend: {rule: (selector of the element, why)}.
THEIRS: dict[str, tuple[str, str]] = {}
SECTIONS = ("how_many", "trust", "label_few")
FOCUSED = """() => {
    const e = document.activeElement;
    const key = e.closest('[class*=st-key-]');
    return [key ? [...key.classList].find(c => c.startsWith('st-key-')).slice(7) : '', e.tagName, e.innerText || ''];
}"""


COMBOBOX = """() => {
    const e = document.activeElement;
    return e.getAttribute('role') === 'combobox' ? e.getAttribute('aria-label') || '' : '';
}"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run in a workspace of its own."""
    home = tmp_path_factory.mktemp("access") / "home"
    store = Store(home)
    yield store.get(training.trained(home))
    store.close()


@pytest.fixture(scope="module")
def address(run):
    with serving(run.home) as found:
        yield found


def goto(page, address, run, path: str) -> None:
    """A page about the run and its data, drawn."""
    page.goto(f"{address}/{path}?run={run.id}&data={run.dataset['key']}")
    settled(page, LONG)
    if path == "results":
        page.locator(".st-key-map_spectral .nsewdrag").first.wait_for(timeout=60_000)


def open_all(page) -> None:
    """Everything on the Results page that is closed at first."""
    page.locator(".st-key-sample_grid button").first.click()
    for name in SECTIONS:
        page.locator(f".st-key-{name} summary").first.click()
        settled(page)
    page.get_by_text("Named samples").wait_for(timeout=60_000)
    page.locator(".st-key-reliability canvas").first.wait_for(timeout=60_000)
    settled(page)


# axe --------------------------------------------------------------------------------------------------------


def serious(page) -> list[str]:
    """What axe-core calls serious or critical and is ours, a line an element."""
    axe = pytest.importorskip("axe_playwright_python", reason="pip install axe-playwright-python")
    page.evaluate((files(axe) / "axe.min.js").read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{rule['id']}: {part['html'][:200]} ({part['failureSummary'][:200]})"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for part in rule["nodes"]
        if not is_theirs(page, rule["id"], part["target"][-1])
    ]


def is_theirs(page, rule: str, target) -> bool:
    selector = THEIRS.get(rule, ("", ""))[0]
    return bool(selector) and page.locator(target).first.evaluate("(e, s) => e.matches(s)", selector)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(page, run, address, theme):
    page.emulate_media(color_scheme=theme)
    for path in ("", "train", "results", "assign", "runs"):
        goto(page, address, run, path)
        page.wait_for_timeout(1000)  # fades
        assert not serious(page), path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_what_the_results_open(page, run, address, theme):
    page.emulate_media(color_scheme=theme)
    goto(page, address, run, "results")
    open_all(page)
    page.wait_for_timeout(1000)
    assert not serious(page)
    for key in ("name_cluster", "merge_cluster", "split_cluster", "cell_by_names", "saved_selections"):
        button(page, key).click()
        page.get_by_test_id("stPopoverBody").wait_for()
        assert not serious(page), key
        page.keyboard.press("Escape")
        page.get_by_test_id("stPopoverBody").wait_for(state="detached")


# The keyboard -----------------------------------------------------------------------------------------------


def tab_to(page, key: str, back: bool = False, most: int = 250) -> None:
    """Press Tab until the focus is in the widget `key`."""
    for _ in range(most):
        if page.evaluate(FOCUSED)[0] == key:
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"{most} presses of Tab do not lead to {key}")


def test_the_job_can_be_done_with_the_keyboard_alone(page, run, address, tmp_path):
    page.goto(address)
    settled(page, LONG)
    tab_to(page, "use_digits")
    page.keyboard.press("Enter")
    button(page, "continue").wait_for()
    settled(page)
    tab_to(page, "continue")
    page.keyboard.press("Enter")
    button(page, "start").wait_for()
    settled(page)
    choose_quick(page)
    tab_to(page, "start", back=True)
    page.keyboard.press("Enter")
    page.wait_for_url("**run=**")
    assert page.url.partition("run=")[2].partition("&")[0] != run.id
    button(page, "stop").or_(button(page, "to_results")).first.wait_for(timeout=90_000)


def choose_quick(page) -> None:
    """On the Train page, by keys: the preset `quick`."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(COMBOBOX).endswith("Preset"):
            break
    else:
        raise AssertionError("Tab does not lead to the preset")
    page.keyboard.press("ArrowDown")
    page.get_by_role("option", name="quick", exact=True).wait_for()
    page.keyboard.type("quick")
    page.keyboard.press("Enter")
    page.get_by_text("A first result").wait_for()
    settled(page, LONG)


def test_samples_are_selected_looked_at_and_taken_home_with_the_keyboard_alone(page, run, address, tmp_path):
    goto(page, address, run, "results")
    frame = pd.read_parquet(run.folder / "labels.parquet")
    tab_to(page, "find_id")
    page.keyboard.type("39")
    page.keyboard.press("Enter")
    page.get_by_text("ids that contain 39").wait_for()
    settled(page)

    tab_to(page, "sample_grid")
    page.keyboard.press("Enter")
    page.locator(".st-key-large").wait_for()
    settled(page)
    tab_to(page, "close_large", back=True)
    page.keyboard.press("Enter")
    page.locator(".st-key-large").wait_for(state="detached")

    tab_to(page, "cell_by_names")
    page.keyboard.press("Enter")
    page.get_by_test_id("stPopoverBody").wait_for()
    tab_to(page, "cell_select")
    page.keyboard.press("Escape")
    page.get_by_test_id("stPopoverBody").wait_for(state="detached")

    tab_to(page, "select_cluster")
    page.keyboard.press("Enter")
    first = int(np.unique(frame["cluster"])[0])
    count = int((frame["cluster"] == first).sum())
    page.get_by_text(f"{count} sample").and_(page.locator("strong")).first.wait_for()
    settled(page)
    tab_to(page, "download_selection", back=True)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    taken = tmp_path / "taken.csv"
    download.value.save_as(taken)
    with open(taken, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == frame.loc[frame["cluster"] == first, "id"].tolist()


# 200 % ------------------------------------------------------------------------------------------------------

CUT = """() => [...document.querySelectorAll('[data-testid=stMain] :is(button, [data-testid=stMetricValue], label)')]
    .filter(e => e.offsetParent && e.clientWidth > 0 && getComputedStyle(e).overflow !== 'visible'
        && e.scrollWidth > e.clientWidth + 1)
    .map(e => e.outerHTML.slice(0, 200))"""
OVER = """() => {
    const all = [...document.querySelectorAll('[data-testid=stMain] :is(button, input, [role=slider])')].filter(e =>
        e.offsetParent && e.getBoundingClientRect().width > 4
        && !e.closest('.modebar, [data-testid=stDataFrame], details:not([open])'));
    const found = [];
    all.forEach((a, i) => all.slice(i + 1).forEach(b => {
        if (a.contains(b) || b.contains(a)) return;
        const p = a.getBoundingClientRect(), q = b.getBoundingClientRect();
        const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (wide > 4 && high > 4 && a.closest('[class*=st-key-]') !== b.closest('[class*=st-key-]'))
            found.push(a.outerHTML.slice(0, 120) + ' | ' + b.outerHTML.slice(0, 120));
    }));
    return found;
}"""


def test_at_200_percent_nothing_sticks_out_is_cut_or_lies_over_another(page, run, address):
    page.set_viewport_size(ZOOMED)
    for path in ("", "train", "results", "assign", "runs"):
        goto(page, address, run, path)
        if path == "results":
            open_all(page)
            assert metric(page, "Samples") == str(training.SAMPLES)
        page.wait_for_timeout(500)
        assert not sticking_out(page)[:3], path
        assert not page.evaluate(CUT)[:3], path
        assert not page.evaluate(OVER)[:3], path
