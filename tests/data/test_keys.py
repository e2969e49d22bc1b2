"""Which array holds the samples: never the next one where the right one cannot be read, never row numbers."""

import numpy as np
import pytest
import scipy.io

from dsc_core.data import guess_keys, open_dataset
from dsc_core.data.headers import Header, unreadable
from dsc_core.data.keys import choose_keys
from dsc_core.data.options import Options
from dsc_core.errors import InputError

RNG = np.random.default_rng(0)
X, Y = RNG.random((60, 20)), np.arange(60) % 3


@pytest.fixture(autouse=True)
def _quick(quick_processes):
    """Forks in place of new processes."""


def headers(**shapes):
    return {
        key: shape if isinstance(shape, Header) else Header(shape, np.dtype(float))
        for key, shape in shapes.items()
    }


def chosen(**shapes):
    return choose_keys(headers(**shapes), Options("a"), "a.mat")


def views():
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = X, RNG.random((60, 30))
    return cells


def notes(dataset):
    return " ".join(map(str, dataset.notes))


@pytest.mark.parametrize("name", ["X", "data", "fourier"])
def test_views_in_a_cell_array_are_refused_by_name_and_can_be_chosen(tmp_path, name):
    scipy.io.savemat(tmp_path / "a.mat", {name: views(), "Y": Y[:, None], "index": np.arange(60.0)[:, None]})
    with pytest.raises(
        InputError, match=rf"{name} in a.mat is a cell array of 2 matrices \(60 × 20, 60 × 30\)"
    ):
        open_dataset(tmp_path / "a.mat")
    dataset = open_dataset(tmp_path / "a.mat", samples_key=f"{name}{{2}}")
    assert dataset.shape == (30,)
    assert dataset.labels.tolist() == Y.tolist()
    guess = guess_keys(tmp_path / "a.mat")
    assert "cell array" in guess.problem
    assert set(guess.arrays) == {f"{name}{{1}}", f"{name}{{2}}", "Y", "index"}
    assert guess.samples == ()


def test_cells_of_one_shape_are_samples(tmp_path):
    images = RNG.random((15, 10, 9))
    cells = np.empty((1, 15), object)
    for number in range(15):
        cells[0, number] = images[number]
    scipy.io.savemat(tmp_path / "a.mat", {"faces": cells})
    assert np.allclose(open_dataset(tmp_path / "a.mat").samples[:, 0], images)


def test_what_cannot_be_read_is_refused_where_it_is_the_samples(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"data": np.zeros((3, 2), [("a", object)]), "m": np.eye(12)})
    with pytest.raises(InputError, match=r"data in a.mat is an array of structures"):
        open_dataset(tmp_path / "a.mat")
    np.savez(tmp_path / "a.npz", x=np.array([{"a": 1}] * 12), other=X)
    with pytest.raises(InputError, match=r"x in a.npz holds Python objects, which are never unpickled"):
        open_dataset(tmp_path / "a.npz")
    big = unreadable((1, 2), "is a cell array", content=10**6)
    with pytest.raises(InputError, match=r"views in a.mat is a cell array"):
        chosen(views=big, small=(60, 5))
    assert chosen(handle=unreadable((1, 1), "is an object"), small=(60, 5)).samples == ["small"]


def test_a_vector_with_a_usual_name_gives_way_to_a_matrix():
    assert chosen(x=(500,), spectra=(60, 500)).samples == ["spectra"]
    assert chosen(data=(1, 60), fea=(60, 5)).samples == ["fea"]
    assert chosen(x=(60, 1), y=(60, 1)).samples == ["x"]


@pytest.mark.parametrize("shape", [(60, 10), (60, 1), (1, 60)])
def test_row_numbers_are_never_the_samples(tmp_path, shape):
    rows = np.stack([RNG.permutation(60) + 1.0 for _ in range(max(1, shape[1] % 60))], axis=1).reshape(shape)
    scipy.io.savemat(tmp_path / "a.mat", {"stuff": X[:, :2], "P": rows, "gnd": Y[:, None]})
    dataset = open_dataset(tmp_path / "a.mat")
    assert "Samples read from stuff." in notes(dataset)
    assert f"P ({shape[0]} × {shape[1]}, float64)" in notes(dataset)
    scipy.io.savemat(tmp_path / "a.mat", {"P": rows, "trainIdx": rows.reshape(-1, 1)[:40], "gnd": Y[:, None]})
    if min(shape) > 1:
        with pytest.raises(InputError, match=r"contains no array of samples, only P"):
            open_dataset(tmp_path / "a.mat")


def test_labels_are_the_first_with_as_many_entries_as_samples():
    assert chosen(x=(60, 5), labels=(14,), target=(60, 14)).labels == ["target"]
    assert chosen(x=(60, 5), y=(5,)).labels == ["y"]  # which is then said not to fit


def test_images_in_numpys_unnamed_arrays_are_samples(tmp_path):
    images = RNG.random((30, 12, 12))
    np.savez(tmp_path / "a.npz", *images)
    dataset = open_dataset(tmp_path / "a.npz")
    assert np.allclose(dataset.samples[:, 0], images)
    assert "Each of 30 arrays was read as one sample: arr_0 to arr_29 (12 × 12)." in notes(dataset)
    np.savez(tmp_path / "a.npz", *[RNG.random((12 + number, 12)) for number in range(30)])
    with pytest.raises(InputError, match=r"holds 30 arrays without names, arr_0 \(12 × 12\)"):
        open_dataset(tmp_path / "a.npz")


def test_unnamed_samples_and_labels_of_training_and_test(tmp_path):
    for arrays in ([X, Y], [X[:40], Y[:40], X[40:], Y[40:]], [X[:40], X[40:], Y[:40], Y[40:]]):
        np.savez(tmp_path / "a.npz", *arrays)
        dataset = open_dataset(tmp_path / "a.npz")
        assert np.allclose(dataset.samples, (X - X.mean(0)) / X.std(0), atol=1e-5)
        assert dataset.labels.tolist() == Y.tolist()
    np.savez(tmp_path / "a.npz", X, RNG.random((20, 20)))
    with pytest.raises(InputError, match="2 arrays without names"):
        open_dataset(tmp_path / "a.npz")


def test_an_array_per_sample_in_hdf5_is_in_the_order_of_its_numbers(tmp_path):
    import h5py

    images = RNG.integers(0, 256, (20, 12, 12), dtype=np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(20):
            file[f"images/img_{number}"] = images[number]
        file["labels"] = np.arange(20) % 4
    dataset = open_dataset(tmp_path / "a.h5")
    assert np.array_equal(dataset.samples[:, 0], images)
    assert dataset.ids[10] == "images/img_10"
    assert dataset.labels.tolist() == (np.arange(20) % 4).tolist()


def test_an_array_per_class_gives_the_labels(tmp_path):
    """As mnist_all.mat ships: train0 to train9 and test0 to test9."""
    parts = {
        f"{part}{k}": RNG.integers(0, 256, (12 + k, 64)) for part in ("test", "train") for k in range(10)
    }
    scipy.io.savemat(tmp_path / "a.mat", parts)
    dataset = open_dataset(tmp_path / "a.mat")
    assert dataset.labels.tolist() == [k for _ in range(2) for k in range(10) for _ in range(12 + k)]
    assert "20 arrays were joined, and the number of each used for labels: train0 to test9." in notes(dataset)


def test_a_data_frame_and_records_in_hdf5_are_refused_by_name(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("df")
        group.attrs["pandas_type"] = "frame"
        group["block0_values"] = X
    with pytest.raises(InputError, match=r"df in a.h5 is a data frame of pandas: save it with to_parquet"):
        open_dataset(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["table"] = np.zeros(60, [("height", float), ("label", int)])
    with pytest.raises(InputError, match=r"table in a.h5 is a table of records \(height, label\)"):
        open_dataset(tmp_path / "a.h5")


@pytest.mark.parametrize("name", ["{0}_set_{1}", "{1}_{0}_set", "{0}set_{1}", "{0}_data_{1}"])
def test_parts_with_set_in_their_names_are_paired(tmp_path, name):
    """As catvnoncat.h5 ships: train_set_x, train_set_y, test_set_x, test_set_y and list_classes."""
    keys = [name.format(part, letter) for part in ("train", "test") for letter in "xy"]
    arrays = dict(zip(keys, (X[:40], Y[:40], X[40:], Y[40:]), strict=True)) | {"list_classes": np.arange(2)}
    np.savez(tmp_path / "a.npz", **arrays)
    dataset = open_dataset(tmp_path / "a.npz")
    assert np.allclose(dataset.samples, (X - X.mean(0)) / X.std(0), atol=1e-5)
    assert dataset.labels.tolist() == Y.tolist()
    only = open_dataset(tmp_path / "a.npz", samples_key=keys[2])
    assert only.labels.tolist() == Y[40:].tolist()
