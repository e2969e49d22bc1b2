"""First guesses at a file before it is read, for the user to confirm: columns of a table, keys of arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from dsc_core.data.cells import holds_numbers
from dsc_core.data.columns import guess_pixel_shape
from dsc_core.data.formats import Format, format_of
from dsc_core.data.keys import ChosenKeys, choose_keys
from dsc_core.data.limits import Limits
from dsc_core.data.list_columns import expand_lists
from dsc_core.data.options import Options
from dsc_core.data.preprocessing import count_categories, many_values
from dsc_core.data.role_guess import RoleGuess, guess_roles
from dsc_core.errors import InputError

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
    left_out : tuple of str
        Other columns that `open_dataset` leaves out by default: they number the rows or look like labels.
    labels : tuple of str
        All columns that look like labels, the likeliest first.
    categories : dict of str to int
        The columns of text that become categories, and how many different values each has in the first rows.
    many_values : tuple of str
        Those of them with so many different values that they may decide the clusters.
    roles : RoleGuess
        The guess in full, with what else may be wrong.
    first_rows : int
        How many rows the guess was made from.
    """

    names: tuple[str, ...]
    numeric: tuple[str, ...]
    label: str | None
    id: str | None
    image_shape: tuple[int, ...] | None
    left_out: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    categories: dict[str, int] = field(default_factory=dict)
    many_values: tuple[str, ...] = ()
    roles: RoleGuess = field(default_factory=RoleGuess)
    first_rows: int = 0


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
        Whether rows of pixels run down the columns of the image, as in MATLAB and R.
    problem : str, default=""
        Why it cannot be said which array holds the samples, a sentence; they must be chosen then.
    """

    arrays: dict[str, str]
    samples: tuple[str, ...]
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    columns_first: bool
    problem: str = ""

    def is_matrix(self, key: str) -> bool:
        """Whether the array has two axes, so that its rows may be images."""
        return self.arrays[key].partition(",")[0].count("×") == 1


def guess_columns(path: str | Path, header: bool | None = None) -> Columns:
    """Guess from the first rows of a table what its columns are; `open_dataset` takes them so by default.

    Parameters
    ----------
    path : str or Path
        A CSV or Parquet file.
    header : bool, optional
        Whether the first row names the columns; by default guessed.

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
    options = Options(name=path.name, header=header)
    frame = _open(path, lambda: reader.read_head(path, options))
    names = [str(name) for name in frame.columns]
    guess = guess_roles(frame)
    left_out = (*guess.index, *guess.row_numbers, *guess.more_labels)
    labels = tuple(filter(None, (guess.label, *guess.more_labels)))
    features = [name for name in names if name not in (guess.label, guess.id, *left_out)]
    numeric = [name for name in names if holds_numbers(frame[name])]
    categories = count_categories(frame, [name for name in names if name not in numeric], options.limits)
    return Columns(
        tuple(names),
        tuple(numeric),
        guess.label,
        guess.id,
        guess_pixel_shape(expand_lists(frame[features], path.name, options.limits, [])),
        left_out=left_out,
        labels=labels,
        categories=categories,
        many_values=tuple(name for name, count in categories.items() if many_values(count, len(frame))),
        roles=guess,
        first_rows=len(frame),
    )


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
    headers, roles, column_major = _open(path, lambda: reader.read_headers(path, Limits.read()))
    keys, problem = ChosenKeys([], [], []), ""
    try:
        keys = choose_keys(headers, Options(name=path.name), path.name, roles)
    except InputError as error:
        problem = str(error)
        if not headers:
            raise
    arrays = {key: header.describe() for key, header in headers.items() if not header.problem}
    labels, ids = (tuple(key for key in part if key in arrays) for part in (keys.labels, keys.ids))
    return Keys(arrays, tuple(keys.samples), labels, ids, column_major, problem)


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
