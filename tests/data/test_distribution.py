"""New data that are unlike those of training are said to be, whatever their type, and can be rescaled."""

import json

import numpy as np
import pandas as pd
import pytest

from dsc_core.data import open_dataset, open_stream
from tests.data.writers import encoded, zipped

WARNINGS = {"other_range", "inverted", "other_brightness", "other_units", "own_scaling", "rescaled"}


def drawn(n=40, seed=0, background=0):
    """Bytes (n, 12, 12): dark images with a bright square somewhere."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 20, (n, 12, 12))
    for image, (top, left) in zip(images, rng.integers(0, 8, (n, 2)), strict=True):
        image[top : top + 4, left : left + 4] = rng.integers(200, 256, (4, 4))
    return images.astype(np.uint8)


def like(tmp_path, array):
    np.save(tmp_path / "trained.npy", array)
    return json.loads(json.dumps(open_dataset(tmp_path / "trained.npy").describe()))


def kinds(dataset):
    return {note.kind for note in dataset.notes} & WARNINGS


NEW = drawn(seed=1)
CASES = {
    "the same": (drawn(), NEW, set(), 1),
    "somewhat darker": (drawn(), (NEW * 0.6).astype(np.uint8), set(), 0.6),
    "a sixteenth of the range": (drawn(), (NEW // 16).astype(np.uint8), {"other_range"}, 1 / 16),
    "decimals for bytes": (drawn(), NEW.astype(np.float32) / 255, {"own_scaling"}, 1),
    "bytes for decimals": (drawn().astype(np.float32) / 255, NEW, {"own_scaling"}, 1),
    "decimals to 255 for decimals to 1": (
        drawn().astype(np.float32) / 255,
        NEW.astype(np.float32),
        {"own_scaling"},
        1,
    ),
    "12 bits for 16 bits": (
        drawn().astype(np.uint16) * 257,
        NEW.astype(np.uint16) * 16,
        {"other_range"},
        16 / 257,
    ),
    "16 bits for 12 bits": (
        drawn().astype(np.uint16) * 16,
        NEW.astype(np.uint16) * 257,
        {"other_range"},
        257 / 16,
    ),
    "exchanged": (drawn(), 255 - NEW, {"inverted"}, None),
    "grey all over": (drawn(), np.clip(NEW // 2 + 100, 0, 255).astype(np.uint8), {"other_brightness"}, None),
}


@pytest.mark.parametrize("what", CASES)
def test_values_are_compared_and_not_types(tmp_path, what):
    """share: of their true brightness that the new images are read at, compared with the training data."""
    trained, new, said, share = CASES[what]
    described = like(tmp_path, trained)
    np.save(tmp_path / "new.npy", new)
    dataset = open_dataset(tmp_path / "new.npy", like=described)
    assert kinds(dataset) == said
    if share is not None:
        assert float(dataset.values().max()) == pytest.approx(share, rel=0.08)


@pytest.mark.parametrize("what", ["a sixteenth of the range", "12 bits for 16 bits", "16 bits for 12 bits"])
@pytest.mark.parametrize("streamed", [False, True])
def test_rescaling_brings_the_range_of_training_back(tmp_path, what, streamed):
    trained, new, _, _ = CASES[what]
    described = like(tmp_path, trained)
    form = "PNG"
    path = zipped(tmp_path / "new.zip", {f"{i}.png": encoded(image, form) for i, image in enumerate(new)})
    if streamed:
        with open_stream(path, described, block=7, rescale=True) as stream:
            values = np.concatenate([block.values() for block in stream])
        notes = stream.notes
    else:
        dataset = open_dataset(path, like=described, rescale=True)
        values, notes = dataset.values(), dataset.notes
    assert [note.kind for note in notes if note.kind in WARNINGS] == ["rescaled"]
    assert np.allclose(values[:, 0], NEW / 255, atol=0.08)


def test_the_same_is_said_block_by_block_once(tmp_path):
    described = like(tmp_path, drawn())
    images = {f"{i}.png": encoded(image // 16) for i, image in enumerate(NEW)}
    path = zipped(tmp_path / "new.zip", images)
    with open_stream(path, described, block=7) as stream:
        list(stream)
    assert [note.kind for note in stream.notes if note.is_warning] == ["other_range"]


def test_runs_that_kept_no_distribution_compare_nothing(tmp_path):
    described = like(tmp_path, drawn())
    described.pop("distribution")
    np.save(tmp_path / "new.npy", NEW // 16)
    assert not kinds(open_dataset(tmp_path / "new.npy", like=described))


def table(seed, rows=60):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"length": rng.normal(5, 1, rows), "mass": rng.normal(0, 3, rows), "kind": list("abc") * (rows // 3)}
    )


@pytest.mark.parametrize(
    ("factor", "offset", "odd"),
    [(1, 0, False), (1.5, 0, False), (1000, 0, True), (1e-3, 0, True), (1, 273, True)],
)
@pytest.mark.parametrize("form", ["csv", "npy"])
def test_a_column_in_other_units_is_named(tmp_path, factor, offset, odd, form):
    old, new = table(0), table(1)
    new["length"] = new["length"] * factor + offset
    for name, frame in (("old", old), ("new", new)):
        if form == "csv":
            frame.to_csv(tmp_path / f"{name}.csv", index=False)
        else:
            np.save(tmp_path / f"{name}.npy", frame[["length", "mass"]].to_numpy())
    described = json.loads(json.dumps(open_dataset(tmp_path / f"old.{form}").describe()))
    for block in (10, 100):
        with open_stream(tmp_path / f"new.{form}", described, block=block) as stream:
            list(stream)
        said = [str(note) for note in stream.notes if note.kind == "other_units"]
        if odd and (block > 20 or factor > 1 or offset):
            name = "'length'" if form == "csv" else "'0'"
            assert len(said) == 1
            assert name in said[0]
            assert "mass" not in said[0]
        elif not odd:
            assert not said
