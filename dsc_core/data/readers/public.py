"""Public data sets from OpenML, each fetched once into the workspace, as the .npz that DSC_DATA would hold."""

from __future__ import annotations

import os
import tempfile
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsc_core.errors import InputError

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
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Public:
    """One public set. openml: its number there. shape: (C, H, W), as its rows of pixels run.

    train, test: how many images; the training images come first. classes: the names of labels 0, 1, ...
    """

    openml: int
    train: int
    test: int
    shape: tuple[int, int, int]
    classes: tuple[str, ...] | None = None


PUBLIC = {
    "mnist": Public(554, 60_000, 10_000, (1, 28, 28)),
    "fashion-mnist": Public(40996, 60_000, 10_000, (1, 28, 28), FASHION),
    "usps": Public(41082, 7_291, 2_007, (1, 16, 16)),
    "kmnist": Public(41982, 60_000, 10_000, (1, 28, 28), KUZUSHIJI),
    "cifar10": Public(40927, 50_000, 10_000, (3, 32, 32), CIFAR),
}


def fetch(name: str, folder: Path, progress: Callable[[int, int], None] | None = None) -> Path:
    """Fetch the set `name` from OpenML into `folder`/<name>.npz and return that path.

    The file has the keys x_train, y_train, x_test, y_test: uint8 images (n, H, W) or (n, C, H, W), labels 0 to 9;
    it is there whole or not at all. progress(done, 0): bytes that came; how many will, OpenML does not say. An
    error that it raises ends the waiting. InputError, which says where to put the file, where it does not come.
    """
    known, target = PUBLIC[name], folder / f"{name}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder, ignore_cleanup_errors=True) as temporary:
        images, labels = _arrays(name, known, _downloaded(name, known, Path(temporary), progress))
        parts = {"train": slice(known.train), "test": slice(known.train, None)}
        arrays = {f"x_{part}": images[rows] for part, rows in parts.items()}
        arrays |= {f"y_{part}": labels[rows] for part, rows in parts.items()}
        draft = Path(temporary) / target.name
        np.savez(draft, **arrays)
        os.replace(draft, target)
    return target


def absent(name: str, why: str) -> InputError:
    """The error for a set that is not at hand and does not come."""
    return InputError(
        f"The data set {name} is not at hand, and {why}: put the file {name}.npz, with the keys x_train, y_train,"
        " x_test and y_test, in the folder that the environment's setting DSC_DATA names."
    )


def _downloaded(name: str, known: Public, cache: Path, progress) -> tuple[np.ndarray, np.ndarray]:
    """(rows, labels) as scikit-learn gives them, in a thread, since it neither tells nor can be stopped."""
    outcome: dict = {}

    def work() -> None:
        try:
            outcome["rows"] = _from_openml(known.openml, cache)
        except Exception as error:  # no network, a server's error, a damaged file: many kinds
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL_SECONDS)
        if progress is not None:
            progress(_size(cache), 0)
    if "error" in outcome:
        reason = " ".join(str(outcome["error"]).split())[:100] or type(outcome["error"]).__name__
        raise absent(name, f"OpenML cannot be reached or gives no answer ({reason})") from outcome["error"]
    return outcome["rows"]


def _from_openml(number: int, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """(pixels, classes) as numbers. Every column is read as one: left to itself, scikit-learn makes categories of
    the classes, fails where pandas finds numbers in them, and takes twice the memory for the pixels.
    """
    from sklearn.datasets import fetch_openml

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it tries once more; what comes of it is told
        warnings.simplefilter("ignore", RuntimeWarning)
        found = fetch_openml(
            data_id=number,
            data_home=str(cache),
            as_frame=False,
            parser="auto",
            n_retries=1,
            delay=1.0,
            read_csv_kwargs={"dtype": np.float32, "quotechar": "'"},
        )
    pixels = (
        found.data.toarray() if hasattr(found.data, "toarray") else found.data
    )  # of a set with many zeros
    return pixels, found.target


def _size(folder: Path) -> int:
    """Bytes in all files below `folder`; files that go away meanwhile count nothing."""
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.stat(os.path.join(place, file)).st_size
            except OSError:
                continue
    return total


def _arrays(name: str, known: Public, rows: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images (n, H, W) or (n, C, H, W) and labels (n,) 0 to 9, checked against what the set must be."""
    pixels, labels = np.asarray(rows[0]), np.asarray(rows[1])
    shape = known.shape if known.shape[0] > 1 else known.shape[1:]
    if pixels.shape != (known.train + known.test, int(np.prod(shape))) or labels.shape != pixels.shape[:1]:
        raise absent(name, "what OpenML gives under its number is another set")
    try:
        classes = labels.astype(float).astype(np.int64)
    except ValueError as error:
        raise absent(name, "what OpenML gives under its number is another set") from error
    return _bytes(pixels).reshape(-1, *shape), (classes - classes.min()).astype(np.uint8)


def _bytes(pixels: np.ndarray) -> np.ndarray:
    """Grey levels 0 to 255. USPS comes as decimals on a scale of its own, which its ends are taken to span."""
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and 128 <= high <= 255 and not (pixels[:100] % 1).any():
        return pixels.astype(np.uint8)
    return np.round((pixels - low) * (255 / ((high - low) or 1))).astype(np.uint8)
