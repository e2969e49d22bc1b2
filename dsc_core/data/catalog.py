"""The data sets with a name: two that are built in, and public ones, stored on this machine or to be downloaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.from_array import from_array
from dsc_core.data.options import Options
from dsc_core.data.readers.npz import read_npz
from dsc_core.data.readers.public import PUBLIC, fetch, unavailable
from dsc_core.errors import InputError
from dsc_core.workspace import app_folder, home

MNIST_TEST = app_folder() / "assets" / "mnist-test.npz"
PARTS = ("train", "test")


@dataclass(frozen=True)
class Entry:
    """A data set with a name. public: of `PUBLIC`, "" for one that is built in. parts: of its file, in order."""

    description: str
    public: str = ""
    parts: tuple[str, ...] = PARTS


CATALOG = {
    "digits": Entry("1,797 handwritten digits, 8×8. The quickest to train."),
    "mnist-test": Entry("10,000 handwritten digits, 28×28."),
    "mnist": Entry("70,000 handwritten digits, 28×28.", "mnist"),
    "usps": Entry("9,298 digits from envelopes, 16×16.", "usps"),
    "fashion-mnist": Entry("70,000 images of clothes, 28×28.", "fashion-mnist"),
    "fashion-mnist-test": Entry("10,000 images of clothes, 28×28.", "fashion-mnist", ("test",)),
    "kmnist": Entry("70,000 cursive Japanese characters, 28×28.", "kmnist"),
    "cifar10": Entry("60,000 colour photographs, 32×32.", "cifar10"),
}


def sample_names() -> tuple[str, ...]:
    """The names of the data sets that are ready to use: the built-in ones, those in DSC_DATA and those downloaded."""
    return tuple(
        name for name, entry in CATALOG.items() if not entry.public or find_file(entry.public) is not None
    )


def fetchable_names() -> tuple[str, ...]:
    """The names of the public data sets that are not on this machine and can be downloaded from OpenML."""
    return tuple(name for name in PUBLIC if not find_file(name))


def describe_sample(name: str) -> str:
    """What the named data set holds, a sentence."""
    return CATALOG[name].description


def is_sample(name: object) -> bool:
    """Whether `name` is the name of a data set, on this machine or not."""
    return isinstance(name, str) and name in CATALOG


def sample_file(name: str) -> Path | None:
    """The file of a named data set; None if there is none (digits), or none yet."""
    if name == "mnist-test":
        return MNIST_TEST
    return find_file(CATALOG[name].public) if CATALOG[name].public else None


def open_sample(name: str, options: Options) -> Dataset:
    """A named data set: images (n, C, H, W) uint8, with labels; ids are row numbers.

    digits has values 0 to 16. Of public data sets, training images come before test images. One that is not on this
    machine is downloaded from OpenML into the workspace; InputError, which says where to put its file, if that fails.
    """
    options = replace(
        options,
        name=name,
        image_shape=None,
        label_column=None,
        id_column=None,
        exclude=(),
        header=None,
        samples_key=None,
    )
    if name in BUILT_IN:
        return BUILT_IN[name](options)
    entry = CATALOG[name]
    path = find_file(entry.public)
    if path is None:
        try:
            path = fetch(entry.public, _downloads(), options.progress)
        except OSError as error:
            raise unavailable(
                entry.public, f"it cannot be saved in the workspace ({error.strerror})"
            ) from error
    return _open_public(path, entry, options)


def find_file(public: str) -> Path | None:
    """The file of a public data set: in the folder DSC_DATA, else downloaded earlier; None if it is in neither."""
    folder = os.environ.get("DSC_DATA", "").strip()
    folders = ([Path(folder).expanduser()] if folder else []) + [_downloads()]
    return next((path for folder in folders if (path := folder / f"{public}.npz").is_file()), None)


def _downloads() -> Path:
    return home() / "public"


def _open_digits(options: Options) -> Dataset:
    """The file that comes with scikit-learn, read without loading that package, which takes longer than all else."""
    package = find_spec("sklearn")
    folder = Path(package.origin).parent if package and package.origin else Path()
    rows = np.loadtxt(folder / "datasets" / "data" / "digits.csv.gz", delimiter=",", dtype=np.uint8)
    images, labels = rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(np.int64)
    return from_array(images, labels, None, options, scaling=(0.0, 1 / 16))


def _open_mnist_test(options: Options) -> Dataset:
    return replace(read_npz(MNIST_TEST, options), notes=())


BUILT_IN: dict[str, Callable[[Options], Dataset]] = {"digits": _open_digits, "mnist-test": _open_mnist_test}


def _open_public(path: Path, entry: Entry, options: Options) -> Dataset:
    classes = PUBLIC[entry.public].classes
    try:
        with np.load(path, allow_pickle=False) as archive:
            images = np.concatenate([archive[f"x_{part}"] for part in entry.parts])
            labels = np.concatenate([archive[f"y_{part}"] for part in entry.parts])
        if classes is not None and labels.dtype.kind in "iu":
            labels = np.array(classes)[labels.ravel()]
    except Exception as error:  # a damaged file, or other keys
        raise InputError(
            f"{path.name} in the folder {path.parent.name} cannot be read: it must be an .npz file with the keys"
            " x_train, y_train, x_test and y_test."
        ) from error
    return from_array(images, labels, None, options)
