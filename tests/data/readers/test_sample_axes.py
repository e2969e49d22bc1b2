"""Samples along the last axis, as R and MATLAB write them, are found by the labels, the training data or the shape."""

import h5py
import numpy as np
import pytest
import scipy.io

from dsc_core.data import open_dataset
from dsc_core.data.readers.sample_axes import python_axis
from dsc_core.errors import InputError
from tests.data.writers import mat73

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (60, 10, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (60, 10, 9, 3), dtype=np.uint8)
ROWS = RNG.random((60, 5))
LABELS = np.arange(60) % 3


@pytest.fixture(autouse=True)
def _quick(quick_processes):
    """Forks in place of new processes."""


def npz(tmp_path, x, y=LABELS, **options):
    np.savez(tmp_path / "a.npz", x=x, y=y)
    return open_dataset(tmp_path / "a.npz", **options)


@pytest.mark.parametrize("y", [LABELS, LABELS[:, None], LABELS[None], np.eye(3)[LABELS], np.eye(3)[LABELS].T])
def test_the_labels_show_the_axis(tmp_path, y):
    grey = npz(tmp_path, np.moveaxis(GREY, 0, -1), y)
    assert np.array_equal(grey.samples[:, 0], GREY)
    assert "Samples read along the last axis: x (10 × 9 × 60)." in map(str, grey.notes)
    assert np.array_equal(npz(tmp_path, np.moveaxis(COLOUR, 0, -1), y).samples, COLOUR.transpose(0, 3, 1, 2))
    rows = npz(tmp_path, ROWS.T, y)
    assert np.allclose(rows.samples, npz(tmp_path, ROWS, y).samples)
    assert any("rows and columns were swapped" in str(note) for note in rows.notes)


def test_the_axis_can_be_said(tmp_path):
    assert npz(tmp_path, ROWS.T, samples_last=False).samples.shape == (5, 60)
    assert npz(tmp_path, ROWS.T[:, :50], samples_last=True).samples.shape == (50, 5)
    with pytest.raises(InputError):
        npz(tmp_path, ROWS.T, label_column="y", samples_last=False)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((28, 28, 500), 2),
        ((500, 28, 28), 0),
        ((28, 28, 28), 0),
        ((32, 32, 3, 70), 3),
        ((3, 32, 32, 70), 3),
        ((70, 3, 32, 32), 0),
        ((70, 32, 32, 3), 0),
        ((12, 28, 28, 1), 0),
        ((60, 784), 0),
    ],
)
def test_without_labels_only_a_plain_shape_tells(shape, axis):
    assert python_axis(shape, ()) == axis


def test_an_array_without_labels_says_what_was_guessed(tmp_path):
    images = RNG.random((60, 12, 12))
    np.save(tmp_path / "a.npy", np.moveaxis(images, 0, -1))
    dataset = open_dataset(tmp_path / "a.npy")
    assert np.allclose(dataset.samples[:, 0], images)
    assert any(note.kind == "samples_last" for note in dataset.notes)
    assert open_dataset(tmp_path / "a.npy", samples_last=False).samples.shape == (12, 1, 12, 60)


def test_new_data_are_turned_as_the_training_data_lay(tmp_path):
    np.save(tmp_path / "a.npy", ROWS)
    like = open_dataset(tmp_path / "a.npy").describe()
    np.save(tmp_path / "new.npy", ROWS[:30].T)
    assert np.allclose(
        open_dataset(tmp_path / "new.npy", like=like).samples, open_dataset(tmp_path / "a.npy").samples[:30]
    )


def test_arrays_of_r_lie_in_its_order(tmp_path):
    """rhdf5 writes R's matrix (n, F) with its axes reversed, and marks it."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = ROWS.T, np.array([f"c{label}" for label in LABELS], "S3")
        file["x"].attrs["rhdf5-NA.OK"] = 1
    dataset = open_dataset(tmp_path / "a.h5", label_column="")
    assert dataset.samples.shape == (60, 5)


def unlabelled(path, **arrays):
    """The note on the axis of a file without labels, in each format."""
    found = set()
    for suffix in (".npz", ".mat"):
        np.savez(path, **arrays) if suffix == ".npz" else scipy.io.savemat(path.with_suffix(suffix), arrays)
        dataset = open_dataset(path.with_suffix(suffix))
        assert dataset.samples.shape == next(iter(arrays.values())).shape
        found |= {note for note in dataset.notes if note.kind == "perhaps_last_axis"}
    assert mat73(path.with_suffix(".mat"), **arrays)
    found |= {
        note for note in open_dataset(path.with_suffix(".mat")).notes if note.kind == "perhaps_last_axis"
    }
    return [(note.is_warning, str(note)) for note in found]


def test_unlabelled_samples_in_columns_are_suspected(tmp_path):
    """Faces as MATLAB keeps them: a column for each, beside a vector with an entry for each."""
    path = tmp_path / "a.npz"
    advice = ": if the samples are the columns, choose samples along the last axis."
    start = "Each row was read as a sample, but "
    matrix = RNG.integers(0, 256, (100, 40), dtype=np.uint8)
    words = f"{start}p has as many entries (40) as faces (100 × 40) has columns{advice}"
    assert unlabelled(path, faces=matrix, p=np.arange(40.0)[None]) == [(True, words)]
    words = f"{start}faces (100 × 40) has as many rows as an image of 10 × 10 has pixels{advice}"
    assert unlabelled(path, faces=matrix) == [(True, words)]
    assert not [
        note for note in open_dataset(path, samples_last=True).notes if note.kind == "perhaps_last_axis"
    ]


@pytest.mark.parametrize("vector", [{"p": 90}, {"p": 40, "q": 90}, {"feature_means": 40}, {"p": 7}])
def test_unlabelled_samples_in_rows_are_not_suspected(tmp_path, vector):
    arrays = {key: RNG.random(size) for key, size in vector.items()}
    assert not unlabelled(tmp_path / "a.npz", faces=RNG.random((90, 40)), **arrays)


def test_labels_tell_that_the_rows_are_samples(tmp_path):
    dataset = npz(tmp_path, RNG.integers(0, 256, (100, 40), dtype=np.uint8), np.arange(100) % 3)
    assert "perhaps_last_axis" not in {note.kind for note in dataset.notes}
