"""Parquet files. Columns of lists, structures, dates or bytes are dropped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsc_core.data.columns import check_cells
from dsc_core.data.dataset import Dataset
from dsc_core.data.from_table import from_frame
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

HEAD_ROWS = 1000


def read_parquet(path: Path, options: Options) -> Dataset:
    """A table or, with `options.image_shape`, images from a Parquet file; labels and ids as in `csv.read_csv`."""
    notes: list[Note] = []
    return from_frame(_read_frame(path, options.limits, notes), path.name, options, notes)


def read_head(path: Path, limits: Limits) -> pd.DataFrame:
    """The first rows of the table."""
    return _read_frame(path, limits, [], rows=HEAD_ROWS)


def read_blocks(path: Path, options: Options, size: int) -> Iterator[pd.DataFrame]:
    """The table, `size` rows at a time."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            kept, _ = _split_columns(file, path.name, options.limits)
            for batch in file.iter_batches(size, columns=kept):
                yield _checked(batch.to_pandas(), kept, path.name, options.limits)
    except InputError:
        raise
    except Exception as error:  # Arrow's errors
        raise _damaged(path) from error


def _read_frame(path: Path, limits: Limits, notes: list[Note], rows: int | None = None) -> pd.DataFrame:
    """The file's columns of numbers and text; InputError if it is not a Parquet file or too large."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            kept, dropped = _split_columns(file, path.name, limits)
            if file.metadata.num_rows * len(kept) * 8 > limits.memory_mb * MEBI:
                raise limits.error(path.name, "memory_mb")
            if rows is None:
                table = file.read(columns=kept)
            else:
                table = pa.Table.from_batches([next(file.iter_batches(rows, columns=kept))])
            frame = table.to_pandas(ignore_metadata=True)
    except InputError:
        raise
    except Exception as error:  # Arrow's errors, and StopIteration for a file without rows
        raise _damaged(path) from error
    if dropped:
        notes.append(Note("untyped_columns", about=", ".join(dropped)[:200]))
    return _checked(frame, kept, path.name, limits)


def _split_columns(file: Any, name: str, limits: Limits) -> tuple[list[str], list[str]]:
    """(kept, dropped) names of the columns of an open Parquet file."""
    schema = file.schema_arrow
    if len(schema) > limits.columns:
        raise limits.error(name, "columns")
    kept = [field.name for field in schema if _is_plain(field.type)]
    return kept, [field.name for field in schema if field.name not in kept]


def _checked(frame: pd.DataFrame, kept: list[str], name: str, limits: Limits) -> pd.DataFrame:
    """The frame with text for column names; InputError unless these are distinct."""
    if not kept or len(set(kept)) < len(kept):
        raise InputError(
            f"{name} needs columns of numbers or text with distinct names: rename or add columns."
        )
    frame.columns = [str(title) for title in frame.columns]
    check_cells(frame, name, limits)
    return frame


def _damaged(path: Path) -> InputError:
    return InputError(f"{path.name} is not a complete Parquet file: save the table again as Parquet.")


def _is_plain(kind: Any) -> bool:
    """Whether an Arrow type is a number, a boolean or text (also as a dictionary of these)."""
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in (*tests, types.is_string, types.is_large_string, types.is_string_view))
