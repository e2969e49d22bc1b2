"""Public sets by name: at hand, fetched once, and the sentence where there is no network."""

import threading
from urllib.error import URLError

import numpy as np
import pytest

from dsc_core.data import fetchable_names, open_dataset, sample_names
from dsc_core.data import public as public_sets
from dsc_core.errors import InputError

REAL = dict(public_sets.PUBLIC)
RNG = np.random.default_rng(0)
SMALL = {
    "mnist": public_sets.Public(554, 12, 4, (1, 8, 9)),
    "usps": public_sets.Public(41082, 12, 4, (1, 8, 8)),
    "fashion-mnist": public_sets.Public(40996, 12, 4, (1, 8, 8), public_sets.FASHION),
    "cifar10": public_sets.Public(40927, 12, 4, (3, 8, 9), public_sets.CIFAR),
}


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """An empty workspace, no DSC_DATA, and a network that a test has to bring."""
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DSC_DATA", raising=False)
    monkeypatch.setattr(public_sets, "_from_openml", no_network)
    for name, known in SMALL.items():
        monkeypatch.setitem(public_sets.PUBLIC, name, known)
    return tmp_path / "home"


def no_network(number, cache):
    raise URLError("[Errno -3] Temporary failure in name resolution")


def openml(monkeypatch, pixels, labels):
    """Let OpenML give this; the list counts how often it was asked, and for what."""
    asked = []

    def answer(number, cache):
        asked.append(number)
        (cache / "download").write_bytes(b"x" * 1000)
        return pixels, labels

    monkeypatch.setattr(public_sets, "_from_openml", answer)
    return asked


def test_the_real_sets_have_the_sizes_that_their_authors_give():
    sizes = {name: (known.train + known.test, known.shape) for name, known in REAL.items()}
    assert sizes == {
        "mnist": (70_000, (1, 28, 28)),
        "fashion-mnist": (70_000, (1, 28, 28)),
        "kmnist": (70_000, (1, 28, 28)),
        "usps": (9_298, (1, 16, 16)),
        "cifar10": (60_000, (3, 32, 32)),
    }
    assert all(known.classes is None or len(set(known.classes)) == 10 for known in REAL.values())


def test_a_set_is_fetched_once_and_then_at_hand(monkeypatch, workspace):
    pixels, labels = RNG.integers(0, 256, (16, 72)).astype(float), np.array(list("0123456789012345"), object)
    asked = openml(monkeypatch, pixels, labels)
    assert "mnist" in fetchable_names()
    assert "mnist" not in sample_names()
    first, second = open_dataset("mnist"), open_dataset("mnist")
    assert asked == [554]
    assert np.array_equal(first.samples.reshape(16, 72), pixels)
    assert first.samples.dtype == np.uint8
    assert first.shape == (1, 8, 9)
    assert first.labels.tolist() == [int(label) for label in labels]
    assert np.array_equal(second.samples, first.samples)
    assert "mnist" in sample_names()
    assert "mnist" not in fetchable_names()
    assert [path.name for path in (workspace / "public").iterdir()] == ["mnist.npz"]


def test_the_data_folder_comes_before_the_network(monkeypatch, tmp_path):
    asked = openml(monkeypatch, np.zeros((16, 72)), np.zeros(16))
    monkeypatch.setenv("DSC_DATA", str(tmp_path))
    parts = {"x_train": RNG.integers(0, 256, (6, 8, 9), dtype=np.uint8), "y_train": np.arange(6)}
    np.savez(tmp_path / "mnist.npz", **parts, x_test=parts["x_train"][:4], y_test=np.arange(4))
    assert len(open_dataset("mnist")) == 10
    assert asked == []


def test_rows_of_cifar_are_planes_of_red_green_and_blue(monkeypatch):
    colours = RNG.integers(0, 256, (16, 3, 8, 9), dtype=np.uint8)
    openml(monkeypatch, colours.reshape(16, -1), np.arange(16) % 10)
    dataset = open_dataset("cifar10")
    assert np.array_equal(dataset.samples, colours)
    assert dataset.labels[:3].tolist() == ["airplane", "automobile", "bird"]


def test_the_test_part_alone_comes_from_the_same_file(monkeypatch):
    asked = openml(monkeypatch, RNG.integers(0, 256, (16, 64)), np.arange(16) % 10)
    whole, part = open_dataset("fashion-mnist"), open_dataset("fashion-mnist-test")
    assert asked == [40996]
    assert np.array_equal(part.samples, whole.samples[12:])
    assert part.labels[0] == "Pullover"


def test_decimals_and_labels_from_one_become_bytes_and_labels_from_zero(monkeypatch):
    """USPS on OpenML: -1 to 1, classes 1 to 10."""
    levels = RNG.integers(0, 256, (16, 64))
    levels[0, :2] = 0, 255
    openml(monkeypatch, levels / 127.5 - 1, np.array([str(1 + i % 10) for i in range(16)], object))
    dataset = open_dataset("usps")
    assert np.array_equal(dataset.samples.reshape(16, 64), levels)
    assert dataset.labels.tolist() == [i % 10 for i in range(16)]


@pytest.mark.parametrize(
    "name", ["mnist", "usps", "fashion-mnist", "fashion-mnist-test", "kmnist", "cifar10"]
)
def test_without_a_network_one_sentence_says_where_to_put_the_file(name, workspace):
    with pytest.raises(InputError) as caught:
        open_dataset(name)
    file = name.removesuffix("-test")
    assert f"put the file {file}.npz" in str(caught.value)
    assert "DSC_DATA" in str(caught.value)
    assert "name resolution" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((workspace / "public").iterdir()) == []


@pytest.mark.parametrize(
    ("pixels", "labels"),
    [
        (np.zeros((15, 72)), np.zeros(15)),
        (np.zeros((16, 71)), np.zeros(16)),
        (np.zeros((16, 72)), ["a"] * 16),
    ],
)
def test_another_set_under_the_same_number_is_refused(monkeypatch, workspace, pixels, labels):
    openml(monkeypatch, pixels, np.array(labels))
    with pytest.raises(InputError, match="another set"):
        open_dataset("mnist")
    assert list((workspace / "public").iterdir()) == []


def test_progress_tells_the_bytes_and_can_end_the_waiting(monkeypatch, workspace):
    go_on, told = threading.Event(), []

    def slow(number, cache):
        (cache / "download").write_bytes(b"x" * 1000)
        go_on.wait(20)
        return np.zeros((16, 72)), np.zeros(16)

    def progress(done, total):
        told.append((done, total))
        if done:
            raise KeyError

    monkeypatch.setattr(public_sets, "_from_openml", slow)
    with pytest.raises(KeyError):
        open_dataset("mnist", progress=progress)
    go_on.set()
    assert told[-1] == (1000, 0)
    assert not (workspace / "public" / "mnist.npz").exists()
