"""The three questions in a real browser: how many clusters, what to trust, label a few, and what is kept of them."""

import csv
import time

import numpy as np
import pytest

from dsc_core.data import open_dataset
from dsc_core.presets import preset
from dsc_core.runs import execute
from dsc_core.runs.annotations import names
from dsc_core.runs.artifacts import choose_k_sweep
from dsc_core.runs.artifacts.results import load_results
from tests.browser.driving import button, metric, serving, settled

LONG = 120_000  # milliseconds


@pytest.fixture
def runs(store, monkeypatch):
    """Two seeds of a short run on the digits, without UMAP."""
    from dsc_core.analysis import umap_map

    monkeypatch.setenv("DSC_HOME", str(store.home))
    monkeypatch.setattr(umap_map, "project", lambda points, *_: np.asarray(points, np.float32)[:, :2])
    made = []
    for seed in (0, 1):
        config = preset(
            "quick", clusters=10, seed=seed, epochs=2, joint_epochs=0, least_steps=0, device="cpu"
        )
        made.append(store.create(open_dataset("digits"), config, name=f"seed {seed}"))
        execute(store, made[-1])
    return made


def opened(page, name: str):
    """Open a section and give it."""
    section = page.get_by_test_id("stExpander").filter(has=page.get_by_text(name, exact=True))
    section.locator("summary").click()
    return section


def test_ask_a_run_and_carry_its_answers_on(page, store, runs, tmp_path):
    page.set_default_timeout(LONG)
    with serving(store.home) as address:
        page.goto(f"{address}/results?run={runs[0]}")
        settled(page)

        opened(page, "How many clusters?")
        button(page, "how_many_go").click()
        page.get_by_text("Favoured number of clusters:").wait_for()
        page.locator(".st-key-how_many_eigenvalues canvas").first.wait_for()
        assert [row.clusters for row in choose_k_sweep.read_sweep(store.get(runs[0])).rows] == list(
            range(2, 21)
        )

        opened(page, "What can I trust?")
        page.get_by_text("are in the same cluster").wait_for()
        assert 0 <= float(metric(page, "Expected calibration error")) <= 1

        opened(page, "Label a few")
        for cluster in range(3):
            field = page.locator(f"[class*='st-key-few_clusters_{cluster}_'] input")
            field.fill(f"kind {cluster}")
            field.press("Tab")
            settled(page)
        page.locator(".st-key-few_map .main-svg").first.wait_for()
        settled(page)
        covered = metric(page, "Named samples")
        assert 5 < float(covered.rstrip("%")) < 60

        page.reload()
        settled(page)
        opened(page, "Label a few")
        page.locator("[class*='st-key-few_clusters_1_'] input").wait_for()
        settled(page)
        assert page.locator("[class*='st-key-few_clusters_1_'] input").input_value() == "kind 1"
        assert metric(page, "Named samples") == covered
        assert names.read_names(load_results(store.get(runs[0]))).clusters == {
            k: f"kind {k}" for k in range(3)
        }
        with page.expect_download() as download:
            button(page, "few_csv").click()
        download.value.save_as(tmp_path / "named.csv")
        with open(tmp_path / "named.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["id"] for row in rows] == [str(i) for i in range(1797)]
        assert {row["label"] for row in rows} == {"", "kind 0", "kind 1", "kind 2"}
        assert f"{sum(row['label'] != '' for row in rows) / 1797:.1%}" == covered

        # A second look at the sweep asks nothing; its K becomes a run that keeps the latent.
        opened(page, "How many clusters?")
        page.get_by_text("Favoured number of clusters:").wait_for()
        assert not button(page, "how_many_go").count()
        field = page.locator(f".st-key-use_clusters_{runs[0]} input")
        field.fill("12")
        field.press("Tab")
        settled(page)
        button(page, "use_k").click()
        page.wait_for_url(lambda url: "run=" in url and runs[0] not in url)
        child = page.url.partition("run=")[2].partition("&")[0]
        # The model is kept before the maps are drawn, which takes far longer than all of it.
        kept = store.folder(child) / "model" / "model.json"
        end = time.monotonic() + LONG / 1000
        while not kept.exists() and time.monotonic() < end:
            time.sleep(0.3)
        latents = [np.load(store.folder(one) / "embeddings" / "latent.npy") for one in (runs[0], child)]
    assert np.array_equal(*latents)
    assert store.get(child).clusters == 12
