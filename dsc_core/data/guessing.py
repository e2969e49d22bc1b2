"""First guesses at a file before it is read, for the user to confirm: columns of a table, keys of arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dsc_core.data.cells import is_number
from dsc_core.data.columns import UNNAMED, guess_pixel_shape
from dsc_core.data.formats import Format, format_of
from dsc_core.data.keys import choose_keys
from dsc_core.data.limits import Limits
from dsc_core.data.options import Options
from dsc_core.errors import InputError

LABEL_NAMES = ("label", "labels", "class", "target", "y", "category", "species")
ID_NAMES = ("id", "index", "key", "uuid", "name", "filename", "file")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Columns:
    """The columns of a table, and which are probably labels, ids and pixels.

    Parameters
    ----------
    names : tuple of str
        All columns.
    numeric : tuple of str
        The columns of numbers.
    label, id : str or None
        The columns that probably hold labels and ids.
    image_shape : tuple of int or None
        The image shape, if the other columns look like pixels.
    """

    names: tuple[str, ...]
    numeric: tuple[str, ...]
    label: str | None
    id: str | None
    image_shape: tuple[int, ...] | None


@dataclass(frozen=True)
class Keys:
    """The arrays of a file, and which are probably samples, labels and ids.

    Parameters
    ----------
    arrays : dict of str to str
        The shape and the type of each array in words, by its key.
    samples, labels, ids : tuple of str
        The keys that are probably these; several are joined in this order.
    columns_first : bool
        Whether rows of pixels run down the columns of the image, as in MATLAB.
    """

    arrays: dict[str, str]
    samples: tuple[str, ...]
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    columns_first: bool

    def is_matrix(self, key: str) -> bool:
        """Whether the array has two axes, so that its rows may be images."""
        return self.arrays[key].partition(",")[0].count("×") == 1


def guess_columns(path: str | Path) -> Columns:
    """Guess the label column, the id column and the image shape of a table from its first rows.

    Parameters
    ----------
    path : str or Path
        A CSV or Parquet file.

    Returns
    -------
    Columns
        The columns, and which are probably labels, ids and pixels.

    Raises
    ------
    InputError
        If the file is not a table or cannot be opened.
    """
    path = Path(path)
    reader = _format(path, "table", ".csv").module
    frame = _open(path, lambda: reader.read_head(path, Limits.read()))
    names = list(frame.columns)
    lower = {name.lower().strip(): name for name in reversed(names)}
    label = next((lower[word] for word in LABEL_NAMES if word in lower), None)
    id_column = next(
        (lower[word] for word in ID_NAMES if word in lower and frame[lower[word]].is_unique), None
    )
    if id_column is None and UNNAMED in names and frame[UNNAMED].is_unique:
        id_column = UNNAMED
    numeric = [name for name in names if is_number(frame[name])]
    features = [name for name in names if name not in (label, id_column)]
    shape = guess_pixel_shape(frame[features]) if features and set(features) <= set(numeric) else None
    return Columns(tuple(names), tuple(numeric), label, id_column, shape)


def guess_keys(path: str | Path) -> Keys:
    """Guess which arrays of an .npz, HDF5 or .mat file are samples, labels and ids, from its headers.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Keys
        The arrays, and which are probably samples, labels and ids.

    Raises
    ------
    InputError
        If the file has another format or contains no arrays.
    """
    path = Path(path)
    reader = _format(path, "keys", ".h5").module
    headers, matlab = _open(path, lambda: reader.read_headers(path, Limits.read()))
    keys = choose_keys(headers, Options(name=path.name), path.name)
    arrays = {key: header.describe() for key, header in headers.items()}
    return Keys(arrays, tuple(keys.samples), tuple(keys.labels), tuple(keys.ids), matlab)


def _format(path: Path, kind: str, default: str) -> Format:
    """The format of a file of this kind, by default that of the suffix `default`."""
    format = format_of(path)
    if format is not None and format.kind == kind:
        return format
    fallback = format_of(Path(f"file{default}"))
    assert fallback is not None  # it is in the table
    return fallback


def _open(path: Path, read: Callable[[], Result]) -> Result:
    try:
        return read()
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be read: {error.strerror or 'the system refuses it'}."
        ) from error
