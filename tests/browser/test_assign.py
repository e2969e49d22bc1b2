"""New images through a run in a real browser, and a report that opens with nothing but itself."""

import csv
import io
import os

import numpy as np
import pytest
from PIL import Image

from dsc_core.analysis import umap_map
from dsc_core.data import Dataset
from dsc_core.presets import preset
from dsc_core.runs import Store, execute
from tests.browser.driving import WIDE, button, metric, serving, settled

HOSTILE = "</script><img src=x onerror=document.title='hit'>"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A workspace with one trained run whose names are markup, and its id."""
    home, before = tmp_path_factory.mktemp("assign") / "home", os.environ.get("DSC_HOME")
    os.environ["DSC_HOME"] = str(home)
    rng = np.random.default_rng(0)
    groups = np.arange(120) % 3
    samples = (rng.integers(0, 60, (120, 1, 10, 10)) + groups[:, None, None, None] * 80).astype(np.uint8)
    ids = np.array([f"{HOSTILE}{i}" for i in range(120)])
    labels = np.array(["ant", HOSTILE, "bee"])[groups]
    config = preset("quick", clusters=3, epochs=2, joint_epochs=1, least_steps=0, neighbours=5, batch=32)
    flat = pytest.MonkeyPatch()  # UMAP takes long to compile, and three groups need no unfolding
    flat.setattr(umap_map, "lay_out", lambda points, _: umap_map.principal_axes(points, 2))
    store = Store(home)
    run_id = store.create(
        Dataset("few", samples, ids, labels, "image", (0.0, 1 / 255)), config, f"a {HOSTILE[:40]}"
    )
    execute(store, run_id)
    store.close()
    flat.undo()
    if before is None:
        del os.environ["DSC_HOME"]
    else:
        os.environ["DSC_HOME"] = before
    return home, run_id


def test_new_images_are_uploaded_assigned_looked_at_and_taken_home(page, trained, tmp_path):
    home, run_id = trained
    rng = np.random.default_rng(1)
    images = rng.integers(0, 60, (2500, 10, 10)).astype(np.uint8)
    images[:20] = rng.choice([0, 255], (20, 10, 10))
    np.save(tmp_path / "new.npy", images)
    with serving(home) as address:
        page.goto(f"{address}/assign?run={run_id}")
        settled(page)
        page.locator(".st-key-assign_uploader_0 input[type=file]").set_input_files(tmp_path / "new.npy")
        button(page, "download_assigned").wait_for(timeout=120_000)
        settled(page)
        assert metric(page, "Samples") == "2,500"
        with page.expect_download() as download:
            button(page, "download_assigned").click()
        download.value.save_as(tmp_path / "assigned.csv")
        with open(tmp_path / "assigned.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["id"] for row in rows] == [str(i) for i in range(2500)]
        assert metric(page, "Unlike training data") == f"{sum(int(row['unseen']) for row in rows):,}"
        page.get_by_alt_text("The samples most unlike the training data").wait_for()
        page.locator(".st-key-assign_uploader_1 input[type=file]").set_input_files(
            {"name": "bad.npy", "mimeType": "application/octet-stream", "buffer": b"this is no array"}
        )
        page.get_by_text("is not a NumPy array").wait_for()
        assert page.get_by_test_id("stException").count() == 0


def test_the_exported_report_opens_without_a_network_and_shows_the_maps(browser, page, trained, tmp_path):
    home, run_id = trained
    with serving(home) as address:
        page.goto(f"{address}/results?run={run_id}")
        settled(page)
        with page.expect_download(timeout=60_000) as download:
            button(page, "export_report_html").click()
        download.value.save_as(tmp_path / "report.html")
    # The server is gone, and the browser is told that there is no network.
    context = browser.new_context(viewport=WIDE, offline=True)
    asked, said = [], []
    alone = context.new_page()
    alone.on("request", lambda request: asked.append(request.url))
    alone.on("pageerror", lambda error: said.append(str(error)))
    alone.goto((tmp_path / "report.html").as_uri())
    alone.locator("[data-maps=cluster] .main-svg").nth(1).wait_for(timeout=60_000)
    alone.wait_for_timeout(1500)
    assert alone.title() != "hit"
    assert alone.locator("img[src=x]").count() == 0
    for place in range(2):
        shown = alone.locator("[data-maps=cluster] .plotly-graph-div").nth(place)
        shown.scroll_into_view_if_needed()
        pixels = (
            np.asarray(Image.open(io.BytesIO(shown.screenshot())).convert("RGB")).reshape(-1, 3).astype(int)
        )
        for wanted in ((0x2F, 0x6F, 0xB5), (0xE8, 0x95, 0x2A)):
            assert (np.abs(pixels - wanted).sum(1) < 110).sum() > 40, "a cluster's colour is not on the map"
    assert alone.locator("svg polyline").count() >= 3, "the curves"
    assert alone.locator("img[src^='data:image/png']").count() == 6, (
        "a sheet of the surest and one of the least sure"
    )
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    assert not said
    context.close()
