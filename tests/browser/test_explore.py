"""Exploring a result in a real browser: a lasso that lives, a cell that selects what it counts, merge and undo."""

import re

import numpy as np
import pytest

from dsc_core.runs import Store
from dsc_core.runs.artifacts.results import load_results
from tests.browser import trained as training
from tests.browser.driving import button, metric, serving, settled
from tests.browser.trained import SAMPLES

STATE = """space => {
    const plot = document.querySelector(`.st-key-map_${space} .js-plotly-plot`);
    const traces = plot.data.filter(trace => trace.type === "scattergl");
    return {
        selected: traces.map(trace => trace.selectedpoints ? trace.selectedpoints.length : null),
        outlines: plot.querySelectorAll(".selectionlayer path").length,
        same: plot.wasHere === true,
    };
}"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(workspace, run id)."""
    home = tmp_path_factory.mktemp("explore") / "home"
    return home, training.trained(home)


@pytest.fixture(scope="module")
def address(trained):
    """One server for the tests here: each has a page, and so a session, of its own."""
    with serving(trained[0]) as found:
        yield found


@pytest.fixture
def results(trained):
    store = Store(trained[0])
    found = load_results(store.get(trained[1]))
    store.close()
    return found


def opened(page, address, run_id, **more):
    """The Results page of the run, drawn."""
    query = "&".join(f"{name}={value}" for name, value in {"run": run_id, **more}.items())
    page.goto(f"{address}/results?{query}")
    page.locator(".st-key-map_spectral .nsewdrag").first.wait_for(timeout=60_000)
    settled(page)


def plot(page, space: str) -> dict:
    return page.evaluate(STATE, space)


def lasso(page, space: str, left: float, right: float) -> None:
    """Draw a lasso around the points between two shares of the map's width."""
    drag = page.locator(f".st-key-map_{space} .nsewdrag").first
    drag.scroll_into_view_if_needed()
    box = drag.bounding_box()
    corners = [(left, 0.01), (right, 0.01), (right, 0.99), (left, 0.99), (left, 0.02)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def said(page) -> int:
    """How many samples the page says are selected."""
    text = page.locator(".st-key-selection_bar").get_by_text(re.compile(r"[\d,]+ samples? selected")).first
    text.wait_for()
    settled(page)
    return int(text.inner_text().split()[0].replace(",", ""))


def cells(page) -> list[str]:
    """What the cells of the matrix say, row by row."""
    texts = page.locator(".st-key-confusion svg g.mark-text.role-mark text")
    texts.first.wait_for()
    return [text.strip() for text in texts.all_text_contents()]


def test_a_lasso_on_one_map_changes_the_other_the_matrix_and_the_samples(page, trained, address):
    _, run_id = trained
    opened(page, address, run_id)
    page.evaluate("document.querySelector('.st-key-map_latent .js-plotly-plot').wasHere = true")
    assert sum(map(int, filter(None, cells(page)))) == SAMPLES
    lasso(page, "latent", 0.05, 0.5)
    count = said(page)
    assert 0 < count < SAMPLES
    page.wait_for_timeout(500)
    own, other = plot(page, "latent"), plot(page, "spectral")
    assert own["same"]
    assert own["outlines"] > 0
    assert sum(own["selected"]) == sum(other["selected"]) == count
    assert page.get_by_text(f"{count} samples selected.").is_visible()
    assert sum(int(text.split("/")[0]) for text in cells(page) if "/" in text) == count

    page.evaluate("document.querySelector('.st-key-map_spectral .js-plotly-plot').wasHere = true")
    lasso(page, "spectral", 0.5, 0.95)
    page.get_by_text("lasso on the spectral map").wait_for()
    count = said(page)
    page.wait_for_timeout(500)
    own, other = plot(page, "spectral"), plot(page, "latent")
    assert own["same"]
    assert sum(own["selected"]) == sum(other["selected"]) == count

    button(page, "clear_selection").click()
    page.get_by_text(f"showing all {SAMPLES} samples").wait_for()
    settled(page)
    page.wait_for_timeout(500)
    assert {*plot(page, "latent")["selected"], *plot(page, "spectral")["selected"]} == {None}


def test_a_cell_of_the_matrix_gives_the_samples_that_it_counts(page, trained, address, results):
    _, run_id = trained
    matrix, classes, order = results.confusion
    opened(page, address, run_id)
    filled = np.flatnonzero(matrix.ravel())
    by_size = filled[np.argsort(matrix.ravel()[filled], kind="stable")]
    for place in (
        by_size[-1],
        by_size[0],
        by_size[len(by_size) // 2],
    ):  # the fullest, the emptiest, one between
        row, column = divmod(int(place), matrix.shape[1])
        cell = page.locator(".st-key-confusion svg g.mark-rect.role-mark path").nth(int(place))
        cell.scroll_into_view_if_needed()
        box = cell.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.get_by_text(f"label {classes[row]} in cluster {order[column]}").first.wait_for()
        count = matrix[row, column]
        assert said(page) == count
        page.wait_for_timeout(500)
        assert sum(plot(page, "latent")["selected"]) == sum(plot(page, "spectral")["selected"]) == count
        assert cells(page)[place] == f"{count}/{count}"
        assert sum("/" in text for text in cells(page)) == 1


def test_merge_undo_and_an_address_that_opens_the_same_view(page, trained, address, results):
    home, run_id = trained
    folder = home / "runs" / run_id
    kept = (folder / "labels.parquet").read_bytes()
    clusters = results.labels["cluster"].nunique()
    opened(page, address, run_id)
    lasso(page, "latent", 0.05, 0.5)
    count = said(page)
    button(page, "saved_selections").click()
    field = page.locator(".st-key-selection_name input")
    field.fill("left half")
    field.press("Enter")
    button(page, "save_selection").click()
    page.wait_for_url("**selection=left*")
    page.keyboard.press("Escape")

    button(page, "merge_cluster").click()
    button(page, "merge_now").click()
    page.get_by_text("1 edit", exact=True).wait_for()
    settled(page)
    assert metric(page, "Clusters, edited") == str(clusters - 1)
    assert said(page) == count
    page.keyboard.press("Escape")
    button(page, "undo").click()
    page.get_by_text("1 edit", exact=True).wait_for(state="detached")
    settled(page)
    assert not page.get_by_text("Clusters, edited").count()
    assert (folder / "labels.parquet").read_bytes() == kept

    link = page.url
    assert f"run={run_id}" in link
    page.goto("about:blank")
    page.goto(f"{link}&colour=Confidence")
    page.locator(".st-key-map_spectral .nsewdrag").first.wait_for(timeout=60_000)
    settled(page)
    assert said(page) == count
    page.wait_for_timeout(500)
    assert sum(plot(page, "latent")["selected"]) == sum(plot(page, "spectral")["selected"]) == count
    assert len(plot(page, "latent")["selected"]) == 1  # one trace: coloured by confidence
