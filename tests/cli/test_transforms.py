"""transforms: which transforms of images the data admit."""

import json
from pathlib import Path

import numpy as np


def test_the_table_and_its_json(run):
    code, out, _ = run("transforms", "digits", "--seed", "1", "--json")
    assert code == 0
    result = json.loads(out)
    found = {row["transform"]: row for row in result["transforms"]}
    assert list(found) == ["mirror", "zoom", "brightness", "contrast"]
    assert not found["mirror"]["admitted"]
    assert found["contrast"]["admitted"] == (found["contrast"]["ratio"] < result["limit"])
    lines = run("transforms", "digits")[1].splitlines()
    assert lines[0].startswith("digits: 1,797 images, seed 0; admitted below 1.25")
    assert lines[1].startswith("mirror        1.7")
    assert lines[1].endswith("  not admitted")


def test_a_wrong_seed_is_one_sentence(run):
    code, _, err = run("transforms", "digits", "--seed", -1)
    assert code == 2
    assert err.splitlines()[-1].startswith("seed must be a whole number from 0")


def test_few_images_admit_nothing(run, blobs):
    few = Path(blobs).with_name("few.npy")
    np.save(few, np.random.default_rng(0).integers(0, 255, (20, 8, 8), np.uint8))
    assert "too few images  not admitted" in run("transforms", few)[1]
    rows = json.loads(run("transforms", few, "--json")[1])["transforms"]
    assert all(row["ratio"] is None and not row["admitted"] for row in rows)
