"""New data for a trained run, block by block: as many images or rows as there are, in the memory of a few.

Folders, ZIP archives, CSV and parquet files are read a block at a time, and so is a .npy file that is large enough to
be memory-mapped. The other formats are read whole first, within the limits of `limits.py`, and then cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.options import Options, clean, dataset_name, suffix_of
from dsc_core.data.readers.images import Member, NothingReadable, collect, natural_key

BLOCK = 1000  # samples
TABLES = (".csv", ".tsv", ".parquet")
COUNTS = re.compile(r"(?<=: )[\d,]*\d|(?<= of )[\d,]*\d(?=\.)")  # where a note tells how many


@dataclass
class Stream:
    """Samples on their way. total: how many there are, those that cannot be read included; None if not known.

    skipped, notes: as of a Dataset, of the blocks that have been taken so far.
    """

    name: str
    total: int | None
    blocks: Iterator[Dataset]
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Dataset]:
        for block in self.blocks:
            self.notes = together(self.notes, block.notes)
            self.skipped += block.skipped
            yield block


def together(notes: list[str], more) -> list[str]:
    """The notes of several blocks as those of one: of notes that differ in their counts, the sums."""
    found = {COUNTS.sub("{}", note): note for note in notes}
    for note in more:
        form = COUNTS.sub("{}", note)
        counts = [
            [int(n.replace(",", "")) for n in COUNTS.findall(one)] for one in (found.get(form), note) if one
        ]
        sums = iter([f"{sum(numbers):,}" for numbers in zip(*counts, strict=True)])
        found[form] = COUNTS.sub(lambda _: next(sums), note)  # noqa: B023 - used within this turn
    return list(found.values())


@contextmanager
def open_stream(data: str | Path, like: dict, block: int = BLOCK, **options):
    """The samples in `data` for a run trained on data like `like`, as a Stream, while the block of code lasts.

    options: as of `open_dataset`, which says what can be read; InputError as there, also while the blocks come.
    """
    from dsc_core.data import open_dataset
    from dsc_core.data.samples import known_sample

    path = None if isinstance(data, str) and known_sample(data) else Path(data).expanduser()
    by_block = path is not None and (
        path.is_dir() or (path.is_file() and suffix_of(path) in (".zip", *TABLES))
    )
    if not by_block or not path.exists() or (path.is_file() and not path.stat().st_size):
        dataset = open_dataset(data, like=like, **options)
        yield Stream(dataset.name, len(dataset), cut(dataset, block))
        return
    told = options.pop("progress", None)
    chosen = Options(
        name=options.pop("name", None) or dataset_name(path), like=like, progress=told, **options
    )
    if suffix_of(path) in TABLES:
        from dsc_core.data.readers.table import table_blocks

        yield Stream(chosen.name, None, table_blocks(path, chosen, block))
        return
    skipped: list[tuple[str, str]] = []
    with _members(path, chosen, skipped) as members:
        members.sort(key=lambda member: natural_key(member.path))
        stream = Stream(chosen.name, len(members) + len(skipped), iter(()), skipped)
        stream.blocks = _images(members, stream, chosen, block)
        yield stream


def cut(dataset: Dataset, block: int = BLOCK) -> Iterator[Dataset]:
    """A data set that is at hand, a block at a time; the first block tells what was noted and left out."""
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


def _members(path: Path, options: Options, skipped: list):
    from dsc_core.data.readers.folder import folder_members
    from dsc_core.data.readers.zip import zip_members

    return (
        nullcontext(folder_members(path, options, skipped))
        if path.is_dir()
        else zip_members(path, options, skipped)
    )


def _images(members: list[Member], stream: Stream, options: Options, block: int) -> Iterator[Dataset]:
    """Images in the natural order of their paths. What is found of the first ones holds for all that follow."""
    by_folder = options.labels_from_folders and len({member.folder for member in members}) > 1
    options = replace(options, labels_from_folders=False, progress=None)
    scalings: dict[str, tuple[float, float]] = {}
    refusal, any_read = None, False
    for start in range(0, max(len(members), 1), block):
        some, left = members[start : start + block], []
        try:
            dataset = collect(some, None, left, options, stream.name)
        except NothingReadable as problem:
            refusal = refusal or problem
            stream.skipped += left
            continue
        any_read = True
        # A type of pixel is scaled one way in all blocks: a dark block must not be stretched by itself.
        scaling = scalings.setdefault(dataset.samples.dtype.name, dataset.scaling)
        folders = {clean(member.path): clean(member.folder) for member in some}
        labels = np.array([folders[name] for name in dataset.ids.tolist()]) if by_folder else None
        yield replace(dataset, scaling=scaling, labels=labels)
    if not any_read and refusal is not None:
        raise refusal
