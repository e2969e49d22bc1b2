"""The whole job in a real browser: choose, start, watch, refresh, look at the results, take the labels home."""

import csv
import os
import subprocess
import sys

import pytest

from tests.browser.driving import ROOT, button, metric, serving, settled

COLUMNS = [
    "id",
    "cluster",
    "confidence",
    "label",
    "matched_label",
    "latent_x",
    "latent_y",
    "spectral_x",
    "spectral_y",
]
LONG = 240_000  # milliseconds for what includes compiling UMAP


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def choose_digits(page, address):
    """On the Data page: take the sample and go on to training."""
    page.goto(address)
    settled(page)
    button(page, "use_digits").click()
    button(page, "continue").wait_for()
    settled(page)
    assert "data=" in page.url
    assert (metric(page, "Samples"), metric(page, "Classes")) == ("1,797", "10")
    button(page, "continue").click()
    button(page, "start").wait_for()
    settled(page)


def start_quick(page) -> str:
    """On the Train page: the quick preset, made shorter, and Start; the run's id, then in the address."""
    page.get_by_role("combobox", name="Preset").click()
    page.get_by_role("option", name="quick", exact=True).click()
    page.get_by_text("A first result").wait_for()
    settled(page)
    open_group(page, "Run")
    for knob, value in (("least_steps", 0), ("epochs", 12), ("joint_epochs", 2)):
        field = page.locator(f".st-key-knob_{knob} input")
        field.fill(str(value))
        field.press("Enter")
        settled(page)
    assert page.get_by_text("Changed from the preset").is_visible()
    button(page, "start").click()
    page.wait_for_url("**run=**")
    return page.url.partition("run=")[2].partition("&")[0]


def open_group(page, name: str) -> None:
    """Open a group of settings."""
    page.get_by_test_id("stExpander").filter(has=page.get_by_text(name, exact=True)).locator(
        "summary"
    ).click()
    page.locator(".st-key-knob_epochs input").wait_for()


def drawing(page) -> str:
    """What the first loss curve looks like now."""
    canvas = page.locator(".st-key-curve_0_total canvas").first
    canvas.wait_for(timeout=60_000)
    return canvas.evaluate("canvas => canvas.toDataURL()")


def grows(page) -> None:
    """The curve changes while one looks on."""
    page.locator(".st-key-curve_0_total canvas").first.wait_for(timeout=90_000)
    before = drawing(page)
    for _ in range(40):
        page.wait_for_timeout(500)
        if drawing(page) != before:
            return
    raise AssertionError("the loss curve stood still for 20 seconds")


def test_choose_train_refresh_and_take_the_labels(page, home, tmp_path):
    with serving(home) as address:
        choose_digits(page, address)
        run_id = start_quick(page)
        grows(page)

        page.reload()
        settled(page)
        assert f"run={run_id}" in page.url
        assert page.get_by_role("heading", name=run_id).is_visible()
        grows(page)

        page.get_by_test_id("stTopNavLink").filter(has_text="Data").click()
        button(page, "continue").wait_for()
        page.get_by_test_id("stTopNavLink").filter(has_text="Results").click()
        page.get_by_text("still training").or_(page.get_by_text("Confusion matrix")).first.wait_for()
        page.get_by_test_id("stTopNavLink").filter(has_text="Train").click()
        page.get_by_role("heading", name=run_id).wait_for()
        assert f"run={run_id}" in page.url

        button(page, "to_results").wait_for(timeout=LONG)
        settled(page)
        assert page.get_by_text("evaluation only").is_visible()
        button(page, "to_results").click()
        page.get_by_role("heading", name="Confusion matrix").wait_for(timeout=60_000)
        page.locator(".st-key-map_spectral .main-svg").first.wait_for()
        settled(page)
        assert 0 <= float(metric(page, "NMI")) <= float(metric(page, "ACC")) + 1 <= 2

        with page.expect_download() as download:
            button(page, "download").click()
        taken = tmp_path / "taken.csv"
        download.value.save_as(taken)
    check_labels(taken, run_id, home, tmp_path)


def check_labels(taken, run_id, home, tmp_path):
    """The columns of the contract, one row a sample in input order, the same file as the command line's."""
    with open(taken, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == [str(i) for i in range(1797)]
    assert all(0 < float(row["confidence"]) <= 1 for row in rows)
    exported = tmp_path / "exported.csv"
    subprocess.run(
        [sys.executable, "-m", "dsc_core", "export", run_id, "--out", str(exported)],
        check=True,
        cwd=ROOT,
        env={**os.environ, "DSC_HOME": str(home)},
    )
    assert exported.read_bytes() == taken.read_bytes()


def test_stop_keeps_what_is_there_and_gives_results(page, home):
    with serving(home) as address:
        choose_digits(page, address)
        start_quick(page)
        page.locator(".st-key-curve_0_total canvas").first.wait_for(timeout=90_000)
        button(page, "stop").click()
        button(page, "to_results").wait_for(timeout=LONG)
        settled(page)
        page.get_by_text("Stopped", exact=True).filter(visible=True).first.wait_for()
        button(page, "to_results").click()
        page.get_by_role("heading", name="Confusion matrix").wait_for(timeout=60_000)
        assert metric(page, "Samples") == "1,797"
