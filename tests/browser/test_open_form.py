"""After an upload its form is in view, and knows what the images need before it is sent."""

import io
import zipfile

import numpy as np
from PIL import Image

from tests.browser.driving import button, metric, serving, settled


def mixed_sizes(path) -> None:
    """A ZIP of 24 images of two sizes."""
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(24):
            pixels = np.random.default_rng(index).integers(0, 256, (10 + index % 2 * 4, 12), np.uint8)
            out = io.BytesIO()
            Image.fromarray(pixels).save(out, "png")
            archive.writestr(f"{'ab'[index % 2]}/{index}.png", out.getvalue())


def test_the_form_of_an_upload_is_in_view_and_resizes_mixed_images(page, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    mixed_sizes(home / "mixed.zip")
    with serving(home) as address:
        page.goto(address)
        settled(page)
        uploader = page.locator("input[type=file]").first
        page.get_by_text("Open a file or folder on this machine").scroll_into_view_if_needed()
        uploader.set_input_files(str(home / "mixed.zip"))
        button(page, "open_source").wait_for()
        settled(page)
        box = button(page, "open_source").bounding_box()
        assert 0 <= box["y"] <= page.viewport_size["height"] - box["height"]
        page.get_by_text("differ in size").wait_for()
        page.get_by_role("spinbutton", name="Height").wait_for()
        button(page, "open_source").click()
        button(page, "continue").wait_for(timeout=60_000)
        settled(page)
        assert metric(page, "Samples") == "24"
        assert page.get_by_test_id("stException").count() == 0
