"""The samples, what can be trained on, and paths that lead nowhere."""

import json
import subprocess
import sys

import numpy as np
import pytest

from dsc_core.data import Dataset, NeedsResize, check_trainable, open_dataset, parse_size, sample_names
from dsc_core.errors import InputError


def images(array, **more):
    ids = np.arange(len(array)).astype(str)
    return Dataset("test", array, ids, None, "image", **more)


def noise(*shape, dtype=np.float32):
    return np.random.default_rng(0).random(shape).astype(dtype)


def no_network(number, cache):
    raise OSError("no network")


# --- samples ---


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    digits = load_digits()
    dataset = open_dataset("digits")
    assert dataset.shape == (1, 8, 8)
    assert np.allclose(dataset.values()[:, 0] * 16, digits.images)
    assert np.array_equal(dataset.labels, digits.target)
    check_trainable(dataset, 10)


def test_mnist_test_is_whole():
    dataset = open_dataset("mnist-test")
    assert dataset.samples.shape == (10_000, 1, 28, 28)
    assert dataset.samples.dtype == np.uint8
    assert np.bincount(dataset.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert dataset.labels[:5].tolist() == [7, 2, 1, 0, 4]
    check_trainable(dataset, 10)


def test_sets_in_the_data_folder_are_known_and_joined(tmp_path, monkeypatch):
    monkeypatch.setenv("DSC_DATA", str(tmp_path))
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    assert sample_names() == ("digits", "mnist-test")
    train, test = ((noise(n, 16, 16) * 255).astype(np.uint8) for n in (6, 4))
    parts = {"x_train": train, "y_train": np.arange(6), "x_test": test, "y_test": np.arange(4)}
    for name in ("usps", "fashion-mnist"):
        np.savez(tmp_path / f"{name}.npz", **parts)
    assert sample_names() == ("digits", "mnist-test", "usps", "fashion-mnist", "fashion-mnist-test")
    usps = open_dataset("usps")
    assert np.array_equal(usps.samples[:, 0], np.concatenate([train, test]))
    assert usps.labels.tolist() == [*range(6), *range(4)]
    fashion = open_dataset("fashion-mnist-test")
    assert len(fashion) == 4
    assert fashion.labels[0] == "T-shirt"


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_a_set_that_is_not_at_hand_says_where_to_put_it(tmp_path, monkeypatch, folder):
    monkeypatch.setenv("DSC_DATA", str(tmp_path / folder) if folder else "")
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("dsc_core.data.readers.public._from_openml", no_network)
    with pytest.raises(InputError, match=r"mnist\.npz.*DSC_DATA"):
        open_dataset("mnist")


def test_a_damaged_set_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("DSC_DATA", str(tmp_path))
    (tmp_path / "usps.npz").write_bytes(b"no")
    with pytest.raises(InputError, match="x_train"):
        open_dataset("usps")


# --- the data set ---


def test_values_are_scaled_rows_of_the_samples():
    dataset = images(np.arange(4 * 64, dtype=np.uint8).reshape(4, 1, 8, 8), scaling=(0.0, 1 / 255))
    assert np.allclose(dataset.values([2, 0]), dataset.samples[[2, 0]] / 255)
    assert dataset.values(3).shape == (1, 8, 8)


def test_a_description_survives_json():
    dataset = open_dataset("digits")
    assert json.loads(json.dumps(dataset.describe())) == dataset.describe()


def test_rows_that_do_not_match_are_a_mistake_of_the_program():
    with pytest.raises(ValueError, match="differ in length"):
        Dataset("a", np.zeros((3, 2), np.float32), np.array(["0"]), None, "table")


@pytest.mark.parametrize(
    ("array", "clusters", "message"),
    [
        (noise(9, 1, 8, 8), 2, "at least 10 samples, but there are 9"),
        (noise(20, 1, 8, 8), 21, "at most 20"),
        (noise(20, 2, 8, 8), 3, "2 channels"),
        (noise(20, 1, 7, 9), 3, "example to 8x9"),
        (noise(20, 1, 8, 500), 3, "example to 8x96"),
        (np.ones((20, 1, 8, 8)), 3, "All samples are the same"),
        (
            np.eye(2)[np.arange(20) % 2].repeat(32, axis=1).reshape(20, 1, 8, 8),
            3,
            "fewer distinct samples .2.",
        ),
    ],
)
def test_untrainable_data_are_refused_in_one_sentence(array, clusters, message):
    with pytest.raises(InputError, match=message) as caught:
        check_trainable(images(array), clusters)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_values_that_are_not_finite_are_counted_and_placed():
    array = noise(20, 1, 8, 8)
    array[7, 0, 1, 1:3] = np.nan
    array[9, 0, 0, 0] = -np.inf
    with pytest.raises(
        InputError, match=r"2 missing \(NaN\) and 1 infinite values in 2 samples, the first in sample '7'"
    ):
        check_trainable(images(array), 3)


def test_a_size_that_is_refused_comes_with_one_that_is_not():
    for shape in ((20, 1, 4, 4), (20, 3, 900, 300)):
        with pytest.raises(NeedsResize) as caught:
            check_trainable(images(noise(*shape)), 3)
        check_trainable(images(noise(20, shape[1], *caught.value.proposed)), 3)


def test_a_table_with_nothing_left_is_refused():
    table = Dataset("a", np.zeros((20, 0), np.float32), np.arange(20).astype(str), None, "table")
    with pytest.raises(InputError, match="no column to train on"):
        check_trainable(table, 2)


# --- what is no data set ---


@pytest.mark.parametrize(
    "path", ["no/such/file.zip", "", "\0", "~nobody-of-this-name/a.zip", "x" * 5000, "/dev/null"]
)
def test_a_path_that_leads_nowhere(path):
    with pytest.raises(InputError) as caught:
        open_dataset(path)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"neither a file nor a data set.*digits, mnist-test"):
        open_dataset("minst")


@pytest.mark.parametrize("name", ["a.png", "a.zip", "a.npz", "a.npy", "a.csv", "a.parquet", "a.gz", "a"])
def test_an_empty_file(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="empty"):
        open_dataset(tmp_path / name)


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.parquet.part", "a"])
def test_a_format_that_is_not_read_lists_those_that_are(tmp_path, name):
    (tmp_path / name).write_bytes(b"some content")
    with pytest.raises(InputError, match=r"\.npz, \.npy, \.csv, \.parquet"):
        open_dataset(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("one.PNG", "a folder or a ZIP"),
        ("book.xlsx", "as CSV"),
        ("data.json", "Parquet"),
        ("model.pkl", "never opened"),
        ("photos.rar", "unpack it"),
    ],
)
def test_a_file_that_is_nearly_what_is_read_says_what_to_do_with_it(tmp_path, name, mend):
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(InputError, match=f"{name} has an unsupported format: .*{mend}"):
        open_dataset(tmp_path / name)


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match="no readable image"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(("text", "size"), [("28x28", (28, 28)), ("3x32×16", (3, 32, 16)), ("8X9", (8, 9))])
def test_sizes_are_parsed(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["28", "axb", "-1x5", "1x2x3x4", "28x", "9999999x1"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InputError, match="28x28"):
        parse_size(text)


def test_a_limit_that_is_no_number_is_refused(monkeypatch):
    monkeypatch.setenv("DSC_MAX_COLUMNS", "many")
    with pytest.raises(InputError, match="DSC_MAX_COLUMNS"):
        open_dataset("digits")


def test_importing_the_readers_loads_no_heavy_library():
    heavy = ("torch", "sklearn", "pandas", "pyarrow", "streamlit")
    code = f"import sys, dsc_core.data; print([name for name in {heavy} if name in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )
