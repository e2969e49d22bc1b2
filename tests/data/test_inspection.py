"""A look before training: counts that are exact, and a picture that is the same each time."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from dsc_core.data import Dataset, open_dataset
from dsc_core.data.inspection import PCA_SAMPLES, inspect_dataset, pca

RNG = np.random.default_rng(0)


def images(array, labels=None, scaling=(0.0, 1 / 255)):
    return Dataset("test", array, np.arange(len(array)).astype(str), labels, "image", scaling)


def test_duplicates_are_counted_and_named_with_what_they_repeat():
    array = RNG.integers(0, 256, (300, 1, 8, 8), dtype=np.uint8)
    array[[7, 250]] = array[3]
    array[299] = array[298]
    found = inspect_dataset(images(array))
    assert found.duplicates == 3
    assert found.repeats.tolist() == [[7, 3], [250, 3], [299, 298]]


def test_duplicates_are_found_across_blocks_and_in_any_memory_layout(monkeypatch):
    array = RNG.integers(0, 256, (300, 3, 8, 8), dtype=np.uint8)
    array[299] = array[0]
    monkeypatch.setattr("dsc_core.data.chunks.CHUNK_VALUES", 1000)
    assert inspect_dataset(images(np.asfortranarray(array))).repeats.tolist() == [[299, 0]]


def test_a_clash_of_hashes_is_no_duplicate(monkeypatch):
    class Same:
        def __init__(self, data, digest_size):
            self.digest = lambda: bytes(digest_size)

    monkeypatch.setattr("dsc_core.data.inspection.hashlib.blake2b", Same)
    array = RNG.integers(0, 256, (20, 1, 8, 8), dtype=np.uint8)
    array[5] = array[0]
    assert inspect_dataset(images(array)).repeats.tolist() == [[5, 0]]


def test_zero_of_either_sign_is_the_same():
    table = np.zeros((12, 2), np.float32)
    table[:, 0] = np.arange(12)
    table[3] = table[2]
    table[3, 1] = -0.0
    assert inspect_dataset(
        Dataset("t", table, np.arange(12).astype(str), None, "table")
    ).repeats.tolist() == [[3, 2]]


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1.0)])
def test_near_constant_images_by_the_range_of_their_scaled_values(dtype, top):
    array = (RNG.random((20, 1, 8, 8)) * top).astype(dtype)
    array[4] = top
    array[9] = np.linspace(0.5 * top, 0.515 * top, 64).reshape(8, 8).astype(dtype)
    array[11] = np.linspace(0.5 * top, 0.55 * top, 64).reshape(8, 8).astype(dtype)
    found = inspect_dataset(images(array, scaling=(0.0, 1 / top)))
    assert (found.flat, found.flat_rows.tolist()) == (2, [4, 9])


def test_missing_values_of_a_table_are_counted_by_column(tmp_path):
    rows = "".join(f"{i if i % 4 else ''},{i},{'xy'[i % 2] if i > 2 else ''},{i % 3}\n" for i in range(20))
    (tmp_path / "a.csv").write_text("a,b,c,label\n" + rows)
    found = inspect_dataset(open_dataset(tmp_path / "a.csv"))
    assert found.missing == (("a", 5), ("c", 3))
    assert found.classes == (("0", 7), ("1", 7), ("2", 6))
    assert found.flat == 0


def test_the_counts_of_digits():
    found = inspect_dataset(open_dataset("digits"))
    assert found.classes[0] == ("0", 178)
    assert sum(count for _, count in found.classes) == found.samples == 1797
    assert (found.duplicates, found.flat) == (0, 0)


def test_a_plane_of_two_groups_parts_them_on_its_first_axis():
    groups = np.arange(100) % 2
    array = RNG.integers(0, 40, (100, 1, 10, 9), dtype=np.uint8)
    array[groups == 1, :, :, :4] += 200
    found = pca(images(array))
    assert found.points.shape == (100, 2)
    side = found.points[:, 0] > 0
    assert np.array_equal(side, groups == 1) or np.array_equal(side, groups == 0)
    assert found.explained[0] > 0.9 > found.explained[1]
    assert np.array_equal(pca(images(array)).points, found.points)


@pytest.mark.parametrize("width", [2, 12, 300])
def test_a_plane_is_that_of_scikit_learn(width):
    """With fewer columns than rows, and with more."""
    table = RNG.normal(size=(200, width)).astype(np.float32) * np.arange(width, 0, -1)
    found = pca(Dataset("t", table, np.arange(200).astype(str), None, "table"))
    model = PCA(2, svd_solver="full")
    expected = model.fit_transform(table.astype(np.float64))
    assert np.allclose(np.abs(found.points), np.abs(expected), rtol=1e-4, atol=1e-3)
    assert np.allclose(found.explained, model.explained_variance_ratio_, rtol=1e-6)
    assert (found.points[np.abs(found.points).argmax(0), [0, 1]] > 0).all()


@pytest.mark.parametrize("shape", [(3, 224, 224), (1, 8, 224), (3, 65, 33), (1, 1000, 8)])
def test_large_images_are_made_small_first(shape):
    array = RNG.integers(0, 256, (30, *shape), dtype=np.uint8)
    array[:15] //= 4
    points = pca(images(array)).points
    assert ((points[:15, 0] > 0) == (points[0, 0] > 0)).all()
    assert ((points[15:, 0] > 0) != (points[0, 0] > 0)).all()


def test_of_many_samples_some_are_drawn_and_one_column_is_a_line():
    table = RNG.normal(size=(PCA_SAMPLES + 500, 1)).astype(np.float32)
    found = pca(Dataset("t", table, np.arange(len(table)).astype(str), None, "table"))
    assert len(found.rows) == len(np.unique(found.rows)) == PCA_SAMPLES
    assert found.rows.max() > PCA_SAMPLES
    assert not found.points[:, 1].any()
