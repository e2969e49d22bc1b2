"""Parquet files, read in batches within the limits. Columns of lists, structures, dates or bytes are dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsc_core.data.columns import Roles, check_cells, choose_roles
from dsc_core.data.dataset import Dataset
from dsc_core.data.from_table import from_frame
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.readers.parquet_columns import Columns, as_frame, checked_batch, split_columns
from dsc_core.data.text import listed
from dsc_core.data.unpacking import Budget
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

HEAD_ROWS = 1000  # for the roles of the columns
BATCH_VALUES = 1 << 21  # of a batch: rows times columns
TEXT_ROWS = 4096  # of a batch that has text
# Of text stored as differences: the packing that is suspicious; what a batch may be.
DENSE, DELTA_BYTES = 50, 64 * MEBI


def read_parquet(path: Path, options: Options) -> Dataset:
    """A table or, with `options.image_shape`, images from a Parquet file; labels and ids as in `csv.read_csv`."""
    notes: list[Note] = []
    roles = choose_roles(read_head(path, options), path.name, options, notes)
    with _open(path, options.limits) as (file, columns):
        columns = _for_roles(columns, roles, notes)
        if file.metadata.num_rows * len(columns.kept) * 8 > options.limits.memory_mb * MEBI:
            raise options.limits.error(path.name, "memory_mb")
        budget = _budget(path, file, options.limits)
        batches = [checked_batch(batch, budget, notes) for batch in _batches(file, columns)]
        frame = _checked(batches, columns, path.name, options.limits)
    return from_frame(frame, path.name, options, notes, roles=roles)


def read_head(path: Path, options: Options) -> pd.DataFrame:
    """The first rows of the table."""
    with _open(path, options.limits) as (file, columns):
        budget = _budget(path, file, options.limits)
        columns = replace(columns, exact=frozenset(columns.long))  # which may be ids
        first = next(_batches(file, columns, HEAD_ROWS))
        return _checked([checked_batch(first, budget, [])], columns, path.name, options.limits)


def read_blocks(
    path: Path, options: Options, size: int, roles: Roles, notes: list[Note]
) -> Iterator[pd.DataFrame]:
    """The table, `size` rows at a time; see `csv.read_blocks`."""
    endless = replace(options.limits, unpacked_mb=1 << 40)  # the ratio is limited, the size is not
    with _open(path, options.limits) as (file, columns):
        columns = _for_roles(columns, roles, notes)
        budget = _budget(path, file, endless)
        first = 0
        for batch in _batches(file, columns, size):
            yield _checked([checked_batch(batch, budget, notes)], columns, path.name, options.limits, first)
            first += len(batch)


@contextmanager
def _open(path: Path, limits: Limits) -> Iterator[tuple[Any, Columns]]:
    """(file, columns) of a Parquet file, whose text is read as dictionaries; InputError if it is damaged."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = split_columns(file.schema_arrow, path.name, limits)
            if not file.metadata.num_rows:
                raise InputError(f"{path.name} has no rows: choose a table with one row per sample.")
            columns = replace(columns, deltas=tuple(_deltas(file.metadata) & set(columns.texts)))
            if columns.counted is not None and len(columns.counted[1]) != file.metadata.num_rows:
                columns = replace(columns, counted=None)  # of another table
        dictionaries = [name for name in columns.texts if name not in columns.deltas]
        with pq.ParquetFile(path, read_dictionary=dictionaries, pre_buffer=False) as file:
            yield file, columns
    except (InputError, OSError, MemoryError, GeneratorExit) as error:
        if isinstance(error, OSError) and error.errno is None:  # Arrow's own
            raise _damaged(path) from error
        raise
    except Exception as error:  # Arrow's errors
        raise _damaged(path) from error


def _deltas(metadata: Any) -> set[str]:
    """The columns of text that is stored as differences, which Arrow does not read as a dictionary."""
    chunks = _chunks(metadata)
    return {chunk.path_in_schema for chunk in chunks if any("DELTA" in name for name in chunk.encodings)}


def _chunks(metadata: Any) -> Iterator[Any]:
    """The metadata of every column of every group of rows."""
    for group in range(metadata.num_row_groups):
        part = metadata.row_group(group)
        yield from (part.column(index) for index in range(part.num_columns))


def _damaged(path: Path) -> InputError:
    return InputError(f"{path.name} is not a complete Parquet file: save the table again as Parquet.")


def _for_roles(columns: Columns, roles: Roles, notes: list[Note]) -> Columns:
    """The columns that are read for these roles, with notes on those that are not."""
    if columns.dropped:
        notes.append(Note("untyped_columns", about=listed(columns.dropped)))
    decimals = [name for name in columns.decimals if name not in roles.texts]
    if decimals:
        notes.append(Note("decimal_columns", about=listed(decimals)))
    return replace(columns, exact=frozenset(roles.texts))


def _budget(path: Path, file: Any, limits: Limits) -> Budget:
    """A budget for what the batches are unpacked to, after the packed pages of the columns were counted."""
    packed = path.stat().st_size
    pages = Budget(path.name, packed, limits)
    for chunk in _chunks(file.metadata):
        pages.take(chunk.total_uncompressed_size)
    return Budget(path.name, packed, limits)


def _batches(file: Any, columns: Columns, most: int | None = None) -> Iterator[Any]:
    """Arrow's batches of at most `most` rows, fewer where they would take much memory."""
    rows = min(most or BATCH_VALUES, max(1, BATCH_VALUES // len(columns.kept)))
    if columns.texts and most is None:
        rows = min(rows, TEXT_ROWS)
    if columns.deltas:  # each of whose values may be as long as all differences together
        chunks = [chunk for chunk in _chunks(file.metadata) if chunk.path_in_schema in columns.deltas]
        sizes = [(chunk.total_uncompressed_size, chunk.total_compressed_size) for chunk in chunks]
        largest = max((size for size, packed in sizes if size > DENSE * packed), default=1)
        rows = max(1, min(rows, DELTA_BYTES // largest))
    yield from file.iter_batches(rows, columns=list(columns.kept), use_threads=False)


def _checked(batches: list[Any], columns: Columns, name: str, limits: Limits, first: int = 0) -> pd.DataFrame:
    """The batches, from row number `first` on, as a frame whose names and texts are not too long."""
    frame = as_frame(batches, columns, first)
    check_cells(frame, name, limits)
    return frame
