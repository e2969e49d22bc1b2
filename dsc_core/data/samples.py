"""The data sets known by name: two that come with the program, and those in the folder of DSC_DATA."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from dsc_core.data.arrays import from_array, read_npz
from dsc_core.data.dataset import Dataset
from dsc_core.data.options import Options
from dsc_core.errors import InputError

MNIST_TEST = Path(__file__).parents[2] / "assets" / "mnist-test.npz"
FASHION = (
    "T-shirt",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
# name -> (file in DSC_DATA, its parts in their order)
SETS = {
    "mnist": ("mnist.npz", ("train", "test")),
    "usps": ("usps.npz", ("train", "test")),
    "fashion-mnist": ("fashion-mnist.npz", ("train", "test")),
    "fashion-mnist-test": ("fashion-mnist.npz", ("test",)),
}


def sample_names() -> tuple[str, ...]:
    """What `open_dataset` knows by name here and now: the built-in samples, then what DSC_DATA has."""
    at_hand = tuple(name for name, (file, _) in SETS.items() if (path := _data_file(file)) and path.is_file())
    return ("digits", "mnist-test", *at_hand)


def known_sample(name: str) -> bool:
    """Whether `name` is the name of a sample, at hand or not."""
    return name in SETS or name in ("digits", "mnist-test")


def open_sample(name: str, options: Options) -> Dataset:
    """The sample `name`: images (n, 1, H, W) uint8, with labels. InputError when its file is not at hand.

    digits: 1,797 images of 8×8, values 0..16. mnist-test: 10,000 of 28×28. mnist and fashion-mnist: training
    and test images in this order, 70,000 of 28×28; usps: 9,298 of 16×16. Ids are the row numbers in that
    order.
    """
    options = replace(options, name=name, image_shape=None, label_column=None, id_column=None)
    if name == "digits":
        return _digits(options)
    if name == "mnist-test":
        return replace(read_npz(MNIST_TEST, options), notes=())
    file, parts = SETS[name]
    path = _data_file(file)
    if path is None or not path.is_file():
        raise InputError(
            f"The data set {name} needs the file {file}, with the keys x_train, y_train, x_test and y_test:"
            " put it in"
            " the folder that the environment's setting DSC_DATA names."
        )
    return _from_data_folder(path, parts, options)


def _digits(options: Options) -> Dataset:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return from_array(digits.images.astype(np.uint8), digits.target, None, options, scaling=(0.0, 1 / 16))


def _from_data_folder(path: Path, parts: tuple[str, ...], options: Options) -> Dataset:
    try:
        with np.load(path, allow_pickle=False) as archive:
            images = np.concatenate([archive[f"x_{part}"] for part in parts])
            labels = np.concatenate([archive[f"y_{part}"] for part in parts])
        if path.name == "fashion-mnist.npz":
            labels = np.array(FASHION)[labels]
    except Exception as error:  # any damage to the file, or other keys
        raise InputError(
            f"{path.name} in the folder DSC_DATA cannot be read: it must be an .npz with the keys x_train,"
            " y_train,"
            " x_test and y_test."
        ) from error
    return from_array(images, labels, None, options)


def _data_file(name: str) -> Path | None:
    folder = os.environ.get("DSC_DATA", "").strip()
    return Path(folder).expanduser() / name if folder else None
