"""The data sets known by name: two that come with the program, and public ones, at hand or to be fetched."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.options import Options
from dsc_core.data.readers.arrays import from_array, read_npz
from dsc_core.data.readers.public import PUBLIC, absent, fetch
from dsc_core.errors import InputError
from dsc_core.workspace import app_folder, home

MNIST_TEST = app_folder() / "assets" / "mnist-test.npz"
BUILT_IN = ("digits", "mnist-test")
PARTS = ("train", "test")
# name -> (public set, its parts in their order)
SETS = {
    "mnist": ("mnist", PARTS),
    "usps": ("usps", PARTS),
    "fashion-mnist": ("fashion-mnist", PARTS),
    "fashion-mnist-test": ("fashion-mnist", ("test",)),
    "kmnist": ("kmnist", PARTS),
    "cifar10": ("cifar10", PARTS),
}


def sample_names() -> tuple[str, ...]:
    """The sets that are at hand here and now: the built-in samples, then those of DSC_DATA and those fetched."""
    return (*BUILT_IN, *(name for name, (public, _) in SETS.items() if file_at_hand(public)))


def fetchable_names() -> tuple[str, ...]:
    """The public sets that are not at hand and would be fetched from OpenML."""
    return tuple(name for name in PUBLIC if not file_at_hand(name))


def known_sample(name: str) -> bool:
    """Whether `name` is the name of a sample, at hand or not."""
    return name in SETS or name in BUILT_IN


def sample_file(name: str) -> Path | None:
    """The file that the sample `name` is read from, None where there is none, or none yet."""
    return MNIST_TEST if name == "mnist-test" else file_at_hand(SETS[name][0]) if name in SETS else None


def open_sample(name: str, options: Options) -> Dataset:
    """The sample `name`: images (n, C, H, W) uint8, with labels.

    digits: 1,797 images of 8×8, values 0..16. mnist-test: 10,000 of 28×28. mnist, fashion-mnist and kmnist:
    training and test images in this order, 70,000 of 28×28; usps: 9,298 of 16×16; cifar10: 60,000 of 3×32×32.
    Ids are the row numbers in that order. A public set that is not at hand is fetched from OpenML into the
    workspace; InputError, which says where to put its file, where that does not work.
    """
    options = replace(
        options, name=name, image_shape=None, label_column=None, id_column=None, samples_key=None
    )
    if name == "digits":
        return _digits(options)
    if name == "mnist-test":
        return replace(read_npz(MNIST_TEST, options), notes=())
    public, parts = SETS[name]
    path = file_at_hand(public)
    if path is None:
        try:
            path = fetch(public, _fetched(), options.progress)
        except OSError as error:
            raise absent(public, f"the workspace cannot keep it ({error.strerror})") from error
    return _from_file(path, public, parts, options)


def file_at_hand(public: str) -> Path | None:
    """The file of a public set: in the folder of DSC_DATA, else fetched earlier; None where it is in neither."""
    folder = os.environ.get("DSC_DATA", "").strip()
    places = ([Path(folder).expanduser()] if folder else []) + [_fetched()]
    return next((path for place in places if (path := place / f"{public}.npz").is_file()), None)


def _fetched() -> Path:
    return home() / "public"


def _digits(options: Options) -> Dataset:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return from_array(digits.images.astype(np.uint8), digits.target, None, options, scaling=(0.0, 1 / 16))


def _from_file(path: Path, public: str, parts: tuple[str, ...], options: Options) -> Dataset:
    classes = PUBLIC[public].classes
    try:
        with np.load(path, allow_pickle=False) as archive:
            images = np.concatenate([archive[f"x_{part}"] for part in parts])
            labels = np.concatenate([archive[f"y_{part}"] for part in parts])
        if classes is not None and labels.dtype.kind in "iu":
            labels = np.array(classes)[labels.ravel()]
    except Exception as error:  # any damage to the file, or other keys
        raise InputError(
            f"{path.name} in the folder {path.parent.name} cannot be read: it must be an .npz with the keys"
            " x_train, y_train, x_test and y_test."
        ) from error
    return from_array(images, labels, None, options)
