"""Public data sets from OpenML, each downloaded once into the workspace, as an .npz file like those in DSC_DATA."""

from __future__ import annotations

import os
import tempfile
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.data.options import Progress
from dsc_core.errors import InputError

FASHION = (
    *("T-shirt", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
POLL_SECONDS = 0.2
Rows = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Public:
    """A public data set. openml: its number there. shape: (C, H, W) of its rows of pixels.

    train, test: the numbers of images; training images come first. classes: the names of labels 0, 1, …
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


def fetch(name: str, folder: Path, progress: Progress | None = None) -> Path:
    """Download the data set `name` from OpenML to `folder`/<name>.npz; that path.

    The file has the keys x_train, y_train, x_test, y_test: uint8 images (n, H, W) or (n, C, H, W), labels 0 to 9. It is
    written completely or not at all. progress(done, 0): bytes received; OpenML does not say how many there will be. An
    error that it raises ends the download. InputError, which says where to put the file, if it cannot be downloaded.
    """
    public, target = PUBLIC[name], folder / f"{name}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder, ignore_cleanup_errors=True) as temporary:
        images, labels = _checked_arrays(name, public, _download(name, public, Path(temporary), progress))
        parts = {"train": slice(public.train), "test": slice(public.train, None)}
        arrays = {f"x_{part}": images[rows] for part, rows in parts.items()}
        arrays |= {f"y_{part}": labels[rows] for part, rows in parts.items()}
        draft = Path(temporary) / target.name
        np.savez(draft, allow_pickle=False, **arrays)
        os.replace(draft, target)
    return target


def unavailable(name: str, reason: str) -> InputError:
    """The error for a data set that is not stored here and cannot be downloaded."""
    return InputError(
        f"The data set {name} is not available, because {reason}: put the file {name}.npz, with the keys x_train,"
        " y_train, x_test and y_test, into the folder that the environment variable DSC_DATA names."
    )


def _download(name: str, public: Public, cache: Path, progress: Progress | None) -> Rows:
    """(pixels, labels) from scikit-learn, in a thread, since it neither reports progress nor can be cancelled."""
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["rows"] = _from_openml(public.openml, cache)
        except Exception as error:  # no network, an error of the server, a damaged file …
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL_SECONDS)
        if progress is not None:
            progress(_size(cache), 0)
    if "error" in outcome:
        reason = " ".join(str(outcome["error"]).split())[:100] or type(outcome["error"]).__name__
        raise unavailable(name, f"OpenML cannot be reached ({reason})") from outcome["error"]
    return outcome["rows"]


def _from_openml(number: int, cache: Path) -> Rows:
    """(pixels, classes) as numbers.

    Every column is read as numbers: by default, scikit-learn makes categories of the classes, fails where pandas finds
    numbers in them, and takes twice the memory for the pixels.
    """
    from sklearn.datasets import fetch_openml

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about its retry; a failure is reported
        warnings.simplefilter("ignore", RuntimeWarning)
        bunch = fetch_openml(
            data_id=number,
            data_home=str(cache),
            as_frame=False,
            parser="auto",
            n_retries=1,
            delay=1.0,
            read_csv_kwargs={"dtype": np.float32, "quotechar": "'"},
        )
    data = bunch.data  # sparse if many values are 0
    return (data.toarray() if hasattr(data, "toarray") else data), bunch.target


def _size(folder: Path) -> int:
    """Bytes in all files below `folder`; files that are removed meanwhile count 0."""
    total = 0
    for path, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.stat(os.path.join(path, file)).st_size
            except OSError:
                continue
    return total


def _checked_arrays(name: str, public: Public, rows: Rows) -> Rows:
    """uint8 images (n, H, W) or (n, C, H, W) and labels (n,) 0 to 9; InputError if they are of another data set."""
    pixels, labels = np.asarray(rows[0]), np.asarray(rows[1])
    shape = public.shape if public.shape[0] > 1 else public.shape[1:]
    if pixels.shape != (public.train + public.test, int(np.prod(shape))) or labels.shape != pixels.shape[:1]:
        raise unavailable(name, "OpenML has another data set under its number")
    try:
        classes = labels.astype(float).astype(np.int64)
    except ValueError as error:
        raise unavailable(name, "OpenML has another data set under its number") from error
    return _bytes(pixels).reshape(-1, *shape), (classes - classes.min()).astype(np.uint8)


def _bytes(pixels: np.ndarray) -> np.ndarray:
    """Grey levels 0 to 255. USPS has floats on a scale of its own, whose range is stretched to 0 to 255."""
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and 128 <= high <= 255 and not (pixels[:100] % 1).any():
        return pixels.astype(np.uint8)
    return np.round((pixels - low) * (255 / ((high - low) or 1))).astype(np.uint8)
