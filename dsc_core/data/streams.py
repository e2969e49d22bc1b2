"""New data for a trained run, block by block: any number of samples in the memory of a few.

Folders, ZIP archives and tables are read one block at a time, and so are .npy files that are large enough to be
memory-mapped. Other formats are read completely, within the limits of `limits.py`, and then split.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsc_core.data.catalog import is_sample
from dsc_core.data.columns import choose_roles
from dsc_core.data.dataset import Dataset
from dsc_core.data.folder_labels import choose_level
from dsc_core.data.formats import Format, dataset_name, format_of
from dsc_core.data.from_table import from_frame
from dsc_core.data.image_collection import collect_images
from dsc_core.data.image_files import ImageFile, NothingReadable, natural_key
from dsc_core.data.notes import Note, sum_notes
from dsc_core.data.opening import open_dataset
from dsc_core.data.options import Options

BLOCK = 1000  # samples
LOOK = 200  # images by which the scale of all is decided


@dataclass
class Stream:
    """Samples in blocks. total: their number, including those that cannot be read; None if unknown.

    skipped, notes: as of a Dataset, of the blocks that have been read so far.
    """

    name: str
    total: int | None
    blocks: Iterator[Dataset]
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def __iter__(self) -> Iterator[Dataset]:
        for block in self.blocks:
            self.notes = sum_notes(self.notes, block.notes)
            self.skipped += block.skipped
            yield block


@contextmanager
def open_stream(
    data: str | Path, like: dict[str, Any], block: int = BLOCK, **options: Any
) -> Iterator[Stream]:
    """The samples in `data` for a run trained on data like `like`, as a Stream to be read in the `with` block.

    options: those of `open_dataset`. InputError as there, also while blocks are read.
    """
    path = Path(data).expanduser()
    format = None if is_sample(data) else _block_format(path)
    if format is None:
        dataset = open_dataset(data, like=like, **options)
        yield Stream(dataset.name, len(dataset), split_into_blocks(dataset, block))
        return
    name = options.pop("name", None) or dataset_name(path)
    chosen = Options(name=name, like=like, scales={}, **options)
    if format.kind == "table":
        yield Stream(name, None, _table_blocks(path, format, chosen, block))
        return
    skipped: list[tuple[str, str]] = []
    with format.module.open_files(path, chosen, skipped) as files:
        files.sort(key=lambda file: natural_key(file.path))
        total = None if chosen.pages == "all" else len(files) + len(skipped)
        stream = Stream(name, total, iter(()), skipped)
        stream.blocks = _image_blocks(files, stream, chosen, block)
        yield stream


def _block_format(path: Path) -> Format | None:
    """The format of a file or folder that is read block by block; None for others, and for one that is empty."""
    if not path.is_dir() and not (path.is_file() and path.stat().st_size):
        return None
    format = format_of(path)
    if format is None:
        return None
    return format if format.kind == "table" or hasattr(format.module, "open_files") else None


def split_into_blocks(dataset: Dataset, block: int = BLOCK) -> Iterator[Dataset]:
    """A data set in blocks; the first one has all notes and skipped files."""
    for start in range(0, len(dataset), block):
        part = slice(start, start + block)
        yield replace(
            dataset,
            samples=dataset.samples[part],
            ids=dataset.ids[part],
            labels=None if dataset.labels is None else dataset.labels[part],
            notes=() if start else dataset.notes,
            skipped=() if start else dataset.skipped,
        )


def _table_blocks(path: Path, format: Format, options: Options, size: int) -> Iterator[Dataset]:
    """A table, `size` rows at a time, with the columns and the preprocessing of the training data."""
    first = 0
    notes: list[Note] = []
    head = format.module.read_head(path, options)
    roles = choose_roles(head, path.name, options, notes)
    for frame in format.module.read_blocks(path, options, size, roles, notes):
        yield from_frame(frame, path.name, options, notes, first, roles)
        first += len(frame)
        notes.clear()


def _image_blocks(files: list[ImageFile], stream: Stream, options: Options, size: int) -> Iterator[Dataset]:
    """Images in the natural order of their paths, `size` files at a time."""
    notes, label = _first_look(files, stream.name, options), None
    if options.labels_from_folders:
        label = choose_level([file.path for file in files], options.folder_level, notes)
    options = replace(options, labels_from_folders=False, progress=None)
    error, any_read = None, False
    for start in range(0, max(len(files), 1), size):
        part, skipped = files[start : start + size], list[tuple[str, str]]()
        try:
            dataset = collect_images(part, None, skipped, options, stream.name, label)
        except NothingReadable as problem:
            error = error or problem
            stream.skipped += skipped
            continue
        yield dataset if any_read else replace(dataset, notes=(*notes, *dataset.notes))
        any_read = True
    if not any_read and error is not None:
        raise error


def _first_look(files: list[ImageFile], name: str, options: Options) -> list[Note]:
    """Decide the scale of all images on some of them, `options.scales`: a dark block must not be stretched by itself.

    The notes on it: whether the images fit those of training.
    """
    some = files[:: max(1, len(files) // LOOK)]
    try:
        looked = collect_images(
            some, None, [], replace(options, pages="first", labels_from_folders=False), name
        )
    except NothingReadable:
        return []
    return [note for note in looked.notes if note.is_warning or note.kind == "rescaled"]
