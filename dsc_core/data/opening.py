"""Opening data: a named data set, or a file or folder with the reader of its format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dsc_core.data.catalog import is_sample, open_sample, sample_names
from dsc_core.data.dataset import Dataset
from dsc_core.data.formats import FORMATS, IDX, Format, advice, dataset_name, format_of
from dsc_core.data.options import Options
from dsc_core.data.readers.idx import has_idx_magic
from dsc_core.errors import InputError


def open_dataset(data: str | Path, **options: Any) -> Dataset:
    """Open a data set by its name, or a file or folder by its path.

    Parameters
    ----------
    data : str or Path
        A name from `sample_names()`, or the path of a file or folder.
    **options
        How it is read: the fields of `Options`, described there.

    Returns
    -------
    Dataset
        Samples in the order of their source, with ids, and labels if there are any.

    Raises
    ------
    InputError
        One sentence, if the data cannot be read; MixedSizes, which proposes a size, if images differ in size.
    """
    options.setdefault("name", None)
    chosen = Options(**options | {"name": options["name"] or dataset_name(Path(data))})
    return open_sample(str(data), chosen) if is_sample(data) else _open_path(data, chosen)


def _open_path(data: str | Path, options: Options) -> Dataset:
    """Open a file or folder; InputError if it cannot be read."""
    if not str(data).strip():
        raise InputError(f"No data given: choose a data set ({', '.join(sample_names())}) or a path.")
    path = Path(data)
    try:
        path = path.expanduser()
        return find_format(path).read(path, options)
    except (OSError, RuntimeError) as error:  # a RuntimeError for the home folder of an unknown user
        reason = getattr(error, "strerror", None) or "no such file or folder"
        raise InputError(f"{path.name[:80]} cannot be read: {reason}.") from error
    except MemoryError as error:
        raise InputError(f"{path.name} does not fit into memory: choose smaller data.") from error


def find_format(path: Path) -> Format:
    """The format of a file or folder, by its suffix, or IDX by its first bytes; InputError if it is unsupported."""
    if not path.exists():
        raise InputError(
            f"{str(path)[:200]!r} is neither a file nor a data set ({', '.join(sample_names())}): check the path."
        )
    if not path.is_dir():
        if not path.is_file():
            raise InputError(f"{path.name} is not a regular file: choose {FORMATS}.")
        if path.stat().st_size == 0:
            raise InputError(f"{path.name} is empty: choose a file with data.")
    format = format_of(path)
    if format is None and has_idx_magic(path):
        format = IDX
    if format is None:
        raise InputError(f"{path.name} has an unsupported format: {advice(path.suffix.lower())}.")
    return format
