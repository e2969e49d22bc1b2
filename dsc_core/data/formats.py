"""The file formats that can be read, one line each, and advice on those that cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from dsc_core.data.text import clean

if TYPE_CHECKING:
    from dsc_core.data.dataset import Dataset
    from dsc_core.data.options import Options


@dataclass(frozen=True)
class Format:
    """A format and its reader.

    title: in the list of formats. suffixes: of its files. reader: "module.function" in `readers`, imported only when a
    file of this format is read. kind: what a user may choose before the file is read: "images" (folders as labels,
    size), "table" (columns), "keys" (which array is which), or "" (nothing).

    The module of a "table" also has `read_head(path, limits)` and `read_blocks(path, options, size)`, that of "keys"
    has `read_headers(path, limits)`.
    """

    title: str
    suffixes: tuple[str, ...]
    reader: str
    kind: str = ""

    @property
    def module(self) -> ModuleType:
        """The module of the reader."""
        return import_module(f"dsc_core.data.readers.{self.reader.partition('.')[0]}")

    @property
    def read(self) -> Callable[[Path, Options], Dataset]:
        """The function that reads a file of this format."""
        return getattr(self.module, self.reader.partition(".")[2])


FOLDER = Format("folder", (), "folder.read_folder", "images")
IDX = Format("IDX (also .gz)", (".idx", ".gz"), "idx.read_idx")
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".data", ".dat")
CSVS = (*TABLE_SUFFIXES, *(suffix + packed for suffix in TABLE_SUFFIXES for packed in (".gz", ".bz2")))
READERS = (
    FOLDER,
    Format("ZIP", (".zip",), "zip.read_zip", "images"),
    Format("TAR", TARS, "tar.read_tar", "images"),
    Format(".npz", (".npz",), "npz.read_npz", "keys"),
    Format(".npy", (".npy",), "npy.read_npy"),
    Format(".csv", CSVS, "csv.read_csv", "table"),
    Format(".parquet", (".parquet",), "parquet.read_parquet", "table"),
    Format(".h5", (".h5", ".hdf5"), "hdf5.read_hdf5", "keys"),
    Format(".h5ad", (".h5ad",), "hdf5.read_hdf5", "keys"),
    Format(".mat", (".mat",), "matlab.read_mat", "keys"),
    IDX,
)

PACKED = (".gz", ".bz2", ".xz")  # compressions of a TAR
IMAGE_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".bmp",
    ".dib",
    ".gif",
    ".tif",
    ".tiff",
    ".webp",
    ".pgm",
    ".ppm",
    ".pbm",
    ".pnm",
)
SHEETS = (".xlsx", ".xls", ".ods", ".numbers")
OTHER_TABLES = (
    *(".json", ".jsonl", ".feather", ".arrow", ".arff", ".dta", ".sav", ".rds", ".sqlite", ".db"),
)
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib")
OTHER_ARCHIVES = (".7z", ".rar", ".zst", ".bz2", ".xz")
ADVICE = {
    IMAGE_SUFFIXES: "this is a single image, so put it into a folder or a ZIP archive with the others",
    SHEETS: "save the sheet as CSV",
    OTHER_TABLES: "save the table as CSV or Parquet",
    PICKLES: "pickled files may run code and are never opened, so save the arrays with numpy.save",
    OTHER_ARCHIVES: "unpack it, then choose a file in it or pack its images as ZIP",
}


def format_list() -> str:
    """The formats as a phrase: "a folder, ZIP or TAR of images, .npz, …, or IDX"."""
    *images, last_image = [format.title for format in READERS if format.kind == "images"]
    *files, last_file = [format.title for format in READERS if format.kind != "images"]
    return f"a {', '.join(images)} or {last_image} of images, {', '.join(files)}, or {last_file}"


FORMATS = format_list()


def format_of(path: Path) -> Format | None:
    """The format of a folder or file, by its suffix; None if the suffix is unknown."""
    if path.is_dir():
        return FOLDER
    return next((format for format in READERS if suffix_of(path) in format.suffixes), None)


def source_kind(path: Path) -> str:
    """What a user may choose before `path` is read: "images", "table", "keys" or "", see `Format`."""
    format = format_of(path)
    return format.kind if format else ""


def suffix_of(path: Path) -> str:
    """The suffix of a file in lower case: ".zip", or both parts of ".tar.gz" and ".csv.gz"."""
    parts = [part.lower() for part in path.suffixes[-2:]]
    if len(parts) == 2 and parts[1] in PACKED and parts[0] in (".tar", *TABLE_SUFFIXES):
        return "".join(parts)
    return path.suffix.lower()


def dataset_name(path: Path) -> str:
    """The name that a data set takes from its file: "digits" for digits.zip and for digits.idx.gz."""
    name = path.name
    for suffix in (*PACKED, *(suffix for format in READERS for suffix in format.suffixes)):
        name = name[: -len(suffix)] if name.lower().endswith(suffix) and len(name) > len(suffix) else name
    return clean(name) or "data"


def advice(suffix: str) -> str:
    """What to do with a file whose suffix is not in READERS, in lower case."""
    specific = (words for suffixes, words in ADVICE.items() if suffix in suffixes)
    return next(specific, f"choose {FORMATS}")
