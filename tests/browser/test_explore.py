"""Exploring a result in a real browser: a lasso that lives, a cell that selects what it counts, merge and undo."""

import csv
import json
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

# Pixels of one unit, along both axes.
UNITS = """space => {
    const { xaxis, yaxis } = document.querySelector(`.st-key-map_${space} .js-plotly-plot`)._fullLayout;
    return [xaxis, yaxis].map(axis => axis._length / Math.abs(axis.range[1] - axis.range[0]));
}"""
COVERED = """space => {
    const plot = document.querySelector(`.st-key-map_${space}`);
    const bar = plot.querySelector(".modebar").getBoundingClientRect();
    return [...plot.querySelectorAll(".gtitle")].some(title => {
        const box = title.getBoundingClientRect();
        return box.width > 0 && box.right > bar.left && box.left < bar.right && box.bottom > bar.top
            && box.top < bar.bottom;
    });
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
    field.press("Enter")  # saves
    page.wait_for_url("**selection=left*")
    page.keyboard.press("Escape")

    button(page, "merge_cluster").click()
    assert button(page, "merge_now").is_disabled()
    choose(page, "merge_into")
    button(page, "merge_now").click()
    page.get_by_text("1 edit", exact=True).wait_for()
    settled(page)
    assert not page.locator(".st-key-merge_now").is_visible(), "the menu closes with the edit"
    assert metric(page, "Clusters, edited") == str(clusters - 1)
    assert said(page) == count
    page.keyboard.press("Escape")
    button(page, "undo").click()
    page.get_by_text("1 edit", exact=True).wait_for(state="detached")
    settled(page)
    assert not page.get_by_text("Clusters, edited").count()
    assert said(page) == count, "the selection outlives the undo"
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


def choose(page, key: str) -> None:
    """Choose the first option of the box with this key, in an open menu."""
    page.locator(f".st-key-{key} input").click()
    page.get_by_role("option").first.click()
    settled(page)


def name_field(page):
    """The field for the chosen cluster's name, in its menu."""
    field = page.get_by_label("Name of this cluster")
    if not field.is_visible():
        button(page, "name_cluster").click()
        field.wait_for()
    return field


def edits_say(page, text: str) -> None:
    """Until the page says how many edits there are, beside the download."""
    page.locator(".st-key-labels_download").get_by_text(text, exact=True).wait_for()
    settled(page)


def test_a_name_is_saved_by_enter_and_by_the_first_click_and_the_one_download_holds_it(
    page, trained, address, results, tmp_path
):
    home, run_id = trained
    log = home / "runs" / run_id / "edits.jsonl"
    log.unlink(missing_ok=True)
    opened(page, address, run_id)
    page.locator(".st-key-cluster input").click()
    page.keyboard.press("ArrowDown")  # where a click does not open the list
    cluster = str(results.labels["cluster"].max())
    page.get_by_role("option", name=cluster, exact=True).click()
    settled(page)
    field = name_field(page)
    field.fill("by enter")
    field.press("Enter")
    edits_say(page, "with 1 edit")
    assert page.locator(".st-key-cluster input").input_value() == "by enter", "the cluster stays chosen"
    assert not page.get_by_text("Clusters, edited").count(), "a name changes no score"
    field = name_field(page)
    field.fill("by click")
    button(page, "name_now").click()
    edits_say(page, "with 2 edits")
    assert [json.loads(line)["name"] for line in log.read_text().splitlines()] == ["by enter", "by click"]
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        button(page, "download").click()
    download.value.save_as(tmp_path / "labels.csv")
    with open(tmp_path / "labels.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == SAMPLES
    assert {row["edited_name"] for row in rows if row["cluster"] == cluster} == {"by click"}
    log.unlink()


def test_a_click_on_a_picture_opens_its_sample_as_does_the_enter_key(page, trained, address, results):
    _, run_id = trained
    opened(page, address, run_id)
    pictures = page.locator(".st-key-sample_grid button")
    pictures.nth(5).locator("img").click()
    page.locator(".st-key-large").get_by_text(str(results.labels["id"].iloc[5]), exact=True).wait_for()
    settled(page)
    pictures.nth(2).focus()
    page.keyboard.press("Enter")
    page.locator(".st-key-large").get_by_text(str(results.labels["id"].iloc[2]), exact=True).wait_for()
    settled(page)
    near = page.locator(".st-key-near_latent button").first
    about = near.get_attribute("aria-label")
    near.click()
    other = about.removeprefix("Open sample ").partition(",")[0]
    page.locator(".st-key-large").get_by_text(other, exact=True).wait_for()


def test_one_unit_is_equally_long_along_both_axes_and_no_toolbar_covers_a_title(page, trained, address):
    opened(page, address, trained[1])
    for width in (420, 1440, 2200):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(800)  # the charts follow
        for space in ("latent", "spectral"):
            across, up = page.evaluate(UNITS, space)
            assert across == pytest.approx(up, rel=0.01)
            assert not page.evaluate(COVERED, space)
