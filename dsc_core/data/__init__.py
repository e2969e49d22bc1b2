"""Data sets: one reader a format, each giving a `Dataset`; the built-in samples; the workspace's copies."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from dsc_core.data.dataset import Dataset, MixedSizes, NeedsResize, check_trainable
from dsc_core.data.importing import Cancelled, import_data
from dsc_core.data.limits import Limits
from dsc_core.data.options import (
    CHANNELS,
    Options,
    checked_channels,
    checked_size,
    dataset_name,
    parse_size,
    suffix_of,
)
from dsc_core.data.readers.keyed import Keys, guess_keys
from dsc_core.data.readers.table import Columns, guess_columns
from dsc_core.data.samples import fetchable_names, known_sample, open_sample, sample_names
from dsc_core.data.store import content_key, is_stored, load_dataset, store_dataset
from dsc_core.data.streams import Stream, cut, open_stream
from dsc_core.errors import InputError

__all__ = [
    "CHANNELS",
    "FORMATS",
    "Cancelled",
    "Columns",
    "Dataset",
    "Keys",
    "Limits",
    "MixedSizes",
    "NeedsResize",
    "Stream",
    "check_trainable",
    "content_key",
    "cut",
    "fetchable_names",
    "guess_columns",
    "guess_keys",
    "import_data",
    "is_stored",
    "load_dataset",
    "open_dataset",
    "open_stream",
    "parse_size",
    "sample_names",
    "source_kind",
    "store_dataset",
]

FORMATS = "a folder, ZIP or TAR of images, .npz, .npy, .csv, .parquet, .h5, .mat, or IDX (also .gz)"
# how a source is asked about before it is read, by the module of its reader; what is not here is read at once
KINDS = {"folder": "images", "zip": "images", "tar": "images", "table": "table"} | dict.fromkeys(
    ("hdf5", "matlab"), "keys"
)
# suffix -> (module, function); a module is only imported when its format comes
READERS = {
    ".npz": ("arrays", "read_npz"),
    ".npy": ("arrays", "read_npy"),
    ".zip": ("zip", "read_zip"),
    ".tar": ("tar", "read_tar"),
    ".tar.gz": ("tar", "read_tar"),
    ".tgz": ("tar", "read_tar"),
    ".tar.bz2": ("tar", "read_tar"),
    ".tbz2": ("tar", "read_tar"),
    ".tbz": ("tar", "read_tar"),
    ".tar.xz": ("tar", "read_tar"),
    ".txz": ("tar", "read_tar"),
    ".csv": ("table", "read_csv"),
    ".tsv": ("table", "read_csv"),
    ".parquet": ("table", "read_parquet"),
    ".h5": ("hdf5", "read_hdf5"),
    ".hdf5": ("hdf5", "read_hdf5"),
    ".mat": ("matlab", "read_mat"),
    ".idx": ("idx", "read_idx"),
    ".gz": ("idx", "read_idx"),
}


def open_dataset(
    data: str | Path,
    *,
    labels_from_folders: bool = False,
    size: tuple[int, int] | None = None,
    crop: bool = False,
    channels: str | None = None,
    label_column: str | None = None,
    id_column: str | None = None,
    samples_key: str | None = None,
    columns_first: bool | None = None,
    image_shape: tuple[int, ...] | None = None,
    like: dict | None = None,
    most: int | None = None,
    name: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Open a sample by its name, or a file or folder by its path.

    labels_from_folders: the folder that holds an image is its label. size: (height, width) to resize
    images to. crop: of each image only the middle, as large as the proportions of `size` allow (without a size, a
    square), where it would else be squeezed. channels: "grey" or "colour"; None leaves images as they are.
    most: read only about so many images of a folder or an archive, to show what they will be like.
    label_column, id_column: the columns of a table, or the keys of an .npz, HDF5 or .mat file, that hold them;
    None takes those named "label" and "id" (of keys: those with a usual name), "" none. samples_key: the key of
    the samples, where the usual names and the size do not tell.
    image_shape: the columns of a table are the pixels of images of this shape, (H, W), (C, H, W) or (H, W,
    C). columns_first: such pixels run down the columns of the image, not along its rows; None: where MATLAB
    wrote the file. like: `Dataset.describe()` of the data a run was trained on: shape, scaling and
    preprocessing are then taken from there. name: in place of the file's. progress(done, total): called while
    the data are read, of files or of bytes; an error that it raises ends the reading.

    Raises InputError, one sentence, for anything that cannot be read; MixedSizes, which proposes a size, for
    images that differ in size.
    """
    options = Options(
        name=name or dataset_name(Path(data)),
        labels_from_folders=labels_from_folders,
        size=checked_size(size),
        crop=crop,
        channels=checked_channels(channels),
        label_column=label_column,
        id_column=id_column,
        samples_key=samples_key,
        columns_first=columns_first,
        image_shape=image_shape,
        like=like,
        most=most,
        progress=progress,
    )
    if isinstance(data, str) and known_sample(data):
        return open_sample(data, options)
    if not str(data).strip():
        raise InputError(f"No data are named: choose a sample ({', '.join(sample_names())}) or give a path.")
    path = Path(data)
    try:
        path = path.expanduser()
        return _reader(path)(path, options)
    except (OSError, RuntimeError) as error:  # a RuntimeError for the home of a user that there is not
        reason = getattr(error, "strerror", None) or "there is no such place"
        raise InputError(f"{path.name[:80]} cannot be read: {reason}.") from error
    except MemoryError as error:
        raise InputError(
            f"{path.name} does not fit into this machine's memory: choose a smaller one."
        ) from error


def source_kind(path: Path) -> str:
    """What can be asked of a source before it is read.

    "images": folders as labels, a size; "table": its columns; "keys": which array is what; "": nothing.
    """
    if path.is_dir():
        return "images"
    suffix = suffix_of(path)
    return "keys" if suffix == ".npz" else KINDS.get(READERS.get(suffix, ("",))[0], "")


def _reader(path: Path) -> Callable[[Path, Options], Dataset]:
    """The reader for what lies at `path`: by its suffix, or an IDX file by its first bytes."""
    if not path.exists():
        raise InputError(
            f"{str(path)[:200]!r} is neither a file nor a sample's name ({', '.join(sample_names())}): check"
            " the path."
        )
    if path.is_dir():
        return _load("folder", "read_folder")
    if not path.is_file():
        raise InputError(f"{path.name} is not a regular file: choose {FORMATS}.")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty: choose a file with data.")
    suffix = suffix_of(path)
    if suffix in READERS:
        return _load(*READERS[suffix])
    with open(path, "rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\0\0" and len(magic) == 4 and magic[2] in range(8, 15):
        return _load("idx", "read_idx")
    from dsc_core.data.advice import advice

    mend = advice(path.suffix.lower()) or f"choose {FORMATS}"
    raise InputError(f"{path.name} is of no format that is read here: {mend}.")


def _load(module: str, function: str) -> Callable[[Path, Options], Dataset]:
    return getattr(import_module(f"dsc_core.data.readers.{module}"), function)
