"""assign: one row per new sample."""

import json

import numpy as np


def test_assign_writes_a_row_for_every_new_sample(run, blobs, tmp_path):
    run("train", blobs, "--run", "mine")
    np.savez(tmp_path / "new.npz", x=np.full((3, 8, 8), 110, dtype=np.uint8))
    code, out, err = run("assign", "mine", tmp_path / "new.npz", "--out", tmp_path / "new.csv", "--json")
    assert code == 0, err
    assert json.loads(out)["samples"] == 3
    header, *rows = (tmp_path / "new.csv").read_text().splitlines()
    assert header.startswith("id,cluster,confidence,latent_x,latent_y,spectral_x,spectral_y,matched_label,")
    assert len({row.split(",")[1] for row in rows}) == 1
    np.save(tmp_path / "wide.npy", np.zeros((3, 5)))
    code, _, err = run("assign", "mine", tmp_path / "wide.npy", "--out", tmp_path / "wide.csv")
    assert code == 2
    assert err.count("\n") == 1
