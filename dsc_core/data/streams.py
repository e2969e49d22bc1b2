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

import numpy as np

from dsc_core.data.catalog import is_sample
from dsc_core.data.columns import choose_roles
from dsc_core.data.dataset import Dataset
from dsc_core.data.formats import Format, dataset_name, format_of
from dsc_core.data.from_table import from_frame
from dsc_core.data.image_collection import collect_images
from dsc_core.data.image_files import ImageFile, NothingReadable, natural_key
from dsc_core.data.notes import Note, sum_notes
from dsc_core.data.opening import open_dataset
from dsc_core.data.options import Options
from dsc_core.data.scaling import Scaling
from dsc_core.data.text import clean

BLOCK = 1000  # samples


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
    chosen = Options(name=name, like=like, **options)
    if format.kind == "table":
        yield Stream(name, None, _table_blocks(path, format, chosen, block))
        return
    skipped: list[tuple[str, str]] = []
    with format.module.open_files(path, chosen, skipped) as files:
        files.sort(key=lambda file: natural_key(file.path))
        stream = Stream(name, len(files) + len(skipped), iter(()), skipped)
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
    roles = None
    for frame in format.module.read_blocks(path, options, size):
        notes: list[Note] = []
        if roles is None:
            roles = choose_roles(frame, path.name, options, notes)
        label_column, id_column = roles
        chosen = replace(options, label_column=label_column or "", id_column=id_column or "")
        yield from_frame(frame, path.name, chosen, notes, first)
        first += len(frame)


def _image_blocks(files: list[ImageFile], stream: Stream, options: Options, size: int) -> Iterator[Dataset]:
    """Images in the natural order of their paths, `size` files at a time."""
    by_folder = options.labels_from_folders and len({file.folder for file in files}) > 1
    options = replace(options, labels_from_folders=False, progress=None)
    scalings: dict[str, Scaling] = {}
    error, any_read = None, False
    for start in range(0, max(len(files), 1), size):
        part, skipped = files[start : start + size], list[tuple[str, str]]()
        try:
            dataset = collect_images(part, None, skipped, options, stream.name)
        except NothingReadable as problem:
            error = error or problem
            stream.skipped += skipped
            continue
        any_read = True
        # All blocks of one dtype share a scaling: a dark block must not be stretched by itself.
        scaling = scalings.setdefault(dataset.samples.dtype.name, dataset.scaling)
        folders = {clean(file.path): clean(file.folder) for file in part}
        labels = np.array([folders[name] for name in dataset.ids.tolist()]) if by_folder else None
        yield replace(dataset, scaling=scaling, labels=labels)
    if not any_read and error is not None:
        raise error
