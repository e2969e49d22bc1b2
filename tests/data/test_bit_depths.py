"""Brightness keeps its order over a whole data set, whatever the bit depths of its images."""

import json

import numpy as np
import pytest

from dsc_core.data import open_dataset, open_stream
from dsc_core.errors import InputError
from tests.data.writers import encoded, zipped


def flat(value, dtype):
    """An image of one value, with a black pixel in the corner."""
    image = np.full((9, 8), value, dtype)
    image[0, 0] = 0
    return image


def brightest(dataset):
    return [float(image.max()) for image in dataset.values()]


def written(path, tops, dtype):
    return zipped(path, {f"{i}.tif": encoded(flat(top, dtype), "TIFF") for i, top in enumerate(tops)})


@pytest.mark.parametrize(
    ("dtype", "tops", "white"),
    [
        (np.float32, [0.9, 200, 300, 4000], 4000),
        (np.float32, [0.1, 0.4, 0.9], 1),  # decimals of 0 to 1 stay as they are
        (np.float32, [20, 130, 200], 255),
        (np.int32, [3, 70_000, 140_000], 140_000),
        (np.uint16, [40, 900, 3000], 4095),  # 12 bits
        (np.uint16, [40, 900, 60_000], 65_535),
        (np.uint8, [3, 90, 200], 255),
    ],
)
def test_one_white_for_all_images_of_a_data_set(tmp_path, dtype, tops, white):
    dataset = open_dataset(written(tmp_path / "a.zip", tops, dtype))
    assert np.allclose(brightest(dataset), np.array(tops) / white, rtol=1e-4)


def test_negative_values_keep_their_distances(tmp_path):
    """Computed tomography: Hounsfield units from -1000, air, to 3000, metal."""
    images = {
        f"{i}.tif": encoded(np.full((9, 8), v, np.float32), "TIFF") for i, v in enumerate([-1000, 0, 3000])
    }
    dataset = open_dataset(zipped(tmp_path / "ct.zip", images))
    assert np.allclose(brightest(dataset), [0, 0.25, 1])
    assert "Values from -1,000 to 3,000" in " ".join(map(str, dataset.notes))


@pytest.mark.parametrize(
    ("deep", "dtype", "white"),
    [(4095, np.uint16, 4095), (65_535, np.uint16, 65_535), (1.0, np.float32, 1), (4000, np.float32, 4000)],
)
def test_every_depth_has_a_white_of_its_own(tmp_path, deep, dtype, white):
    """Half grey is half grey in every depth, and the note names each white."""
    images = {
        "a.png": encoded(flat(255, np.uint8)),
        "b.png": encoded(flat(128, np.uint8)),
        "c.tif": encoded(flat(deep, dtype), "TIFF"),
        "d.tif": encoded(flat(deep / 2, dtype), "TIFF"),
    }
    dataset = open_dataset(zipped(tmp_path / "mixed.zip", images))
    assert np.allclose(brightest(dataset), [1, 0.5, 1, 0.5], atol=3e-3)
    note = next(str(note) for note in dataset.notes if note.kind == "mixed_depths")
    assert "0 to 255 (8 bits)" in note
    assert f"0 to {white:,}" in note


def test_a_range_that_is_given_holds_for_all_values_as_they_stand(tmp_path):
    path = written(tmp_path / "a.zip", [40, 900, 3000], np.uint16)
    assert np.allclose(brightest(open_dataset(path, value_range=(0, 65_535)))[-1], 3000 / 65_535)
    with pytest.raises(InputError, match="smaller one first"):
        open_dataset(path, value_range=(5, 5))


@pytest.mark.parametrize("block", [1, 2, 10])
def test_new_images_of_every_depth_are_read_as_in_training(tmp_path, block):
    """Each block of a stream may hold other depths than the one before."""
    images = {
        "a.png": encoded(flat(255, np.uint8)),
        "b.png": encoded(flat(100, np.uint8)),
        "c.tif": encoded(flat(4095, np.uint16), "TIFF"),
        "d.tif": encoded(flat(1000, np.uint16), "TIFF"),
    }
    path = zipped(tmp_path / "mixed.zip", images)
    trained = open_dataset(path)
    like = json.loads(json.dumps(trained.describe()))
    assert np.allclose(open_dataset(path, like=like).values(), trained.values(), atol=1e-4)
    with open_stream(path, like, block=block) as stream:
        values = np.concatenate([part.values() for part in stream])
    assert np.allclose(values, trained.values(), atol=1e-4)


def test_a_dim_image_alone_is_not_stretched_for_a_run_on_decimals(tmp_path):
    trained = open_dataset(written(tmp_path / "a.zip", [0.9, 200, 300, 4000], np.float32))
    like = json.loads(json.dumps(trained.describe()))
    new = open_dataset(written(tmp_path / "b.zip", [0.9, 0.5], np.float32), like=like)
    assert new.scaling == trained.scaling
