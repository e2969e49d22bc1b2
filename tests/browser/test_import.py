"""A long import shows how far it is and can be given up; AppTest waits for scripts to end and cannot see it."""

import io
import tarfile

import numpy as np
from PIL import Image

from tests.browser.driving import button, metric, serving, settled


def many_images(path, count: int) -> None:
    """A TAR of `count` small images, which takes some seconds to read."""
    with tarfile.open(path, "w") as archive:
        for index in range(count):
            pixels = np.random.default_rng(index).integers(0, 256, (8, 8), np.uint8)
            out = io.BytesIO()
            Image.fromarray(pixels).save(out, "png")
            info = tarfile.TarInfo(f"{index}.png")
            info.size = out.tell()
            out.seek(0)
            archive.addfile(info, out)


def test_a_long_import_can_be_given_up_and_done_again(page, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    many_images(home / "many.tar", 12_000)
    with serving(home) as address:
        page.goto(address)
        settled(page)
        page.get_by_text("Open a file or folder on this machine").click()
        page.get_by_placeholder("~/images").fill(str(home / "many.tar"))
        page.keyboard.press("Enter")
        settled(page)
        button(page, "open_path").click()
        button(page, "open_source").wait_for()
        settled(page)
        button(page, "open_source").click()
        cancel = button(page, "cancel_import")
        cancel.wait_for()
        page.get_by_role("progressbar").wait_for()
        cancel.click()
        cancel.wait_for(state="detached")
        settled(page)
        assert page.get_by_test_id("stException").count() == 0
        assert "data=" not in page.url
        assert not list(home.glob("data/*/dataset.json"))
        button(page, "open_source").click()
        button(page, "continue").wait_for(timeout=60_000)
        settled(page)
        assert metric(page, "Samples") == "12,000"
        assert page.get_by_text("Data checks").is_visible()
