"""DATA is imported once, with progress, and completely or not at all."""

import json

import numpy as np

from dsc_core.runs import Store


def test_the_same_file_is_read_only_once(run, blobs, monkeypatch):
    from dsc_core.data import importing

    read, real = [], importing.open_dataset
    monkeypatch.setattr(
        importing, "open_dataset", lambda source, **options: read.append(source) or real(source, **options)
    )
    one = json.loads(run("train", blobs, "--json")[1])
    other = json.loads(run("train", blobs, "--json")[1])
    assert run("baselines", blobs, "--json")[0] == 0
    assert read == [blobs]
    described = [Store().get(result["run"]).dataset for result in (one, other)]
    assert described[0] == described[1]
    assert run("train", blobs, "--channels", "colour", "--size", "10x12", "--crop")[0] == 0
    assert len(read) == 2
    assert Store().list()[0].dataset["shape"] == [3, 10, 12]
    assert Store().list()[0].dataset["preprocessing"] == {"crop": True}


def test_a_long_import_shows_progress_and_leaves_nothing_when_interrupted(run, tmp_path, monkeypatch):
    from dsc_core.cli import datasets

    path = tmp_path / "large.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (9000, 28, 28), dtype=np.uint8))
    monkeypatch.setattr(datasets, "QUIET", 0.0)
    code, _, err = run("train", path, "--clusters", "2")
    assert code == 0, err
    assert "Comparing with earlier imports: " in err
    before = [file for file in (tmp_path / "home").rglob("*") if file.is_file()]

    def interrupted(*_):
        raise KeyboardInterrupt

    np.save(path, np.zeros((9000, 28, 28), np.uint8) + np.arange(9000, dtype=np.uint8)[:, None, None])
    monkeypatch.setattr("dsc_core.cli.progress.Progress.update", interrupted)
    code, out, err = run("train", path, "--clusters", "2")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "Interrupted."
    assert [file for file in (tmp_path / "home").rglob("*") if file.is_file()] == before
