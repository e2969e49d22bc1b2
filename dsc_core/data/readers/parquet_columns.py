"""The columns of a Parquet file: which are read, which are an index, and a batch of them as a pandas frame."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsc_core.data.limits import Limits
from dsc_core.data.notes import Note
from dsc_core.data.text import listed
from dsc_core.data.unpacking import Budget
from dsc_core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

HIDDEN_INDEX = "__index_level_0__"  # pandas' name of an index without a name
WHOLE_DIGITS = 18  # of a decimal number that fits into 64 bits


@dataclass(frozen=True)
class Columns:
    """The columns of a file by name.

    kept: those of numbers and text; dropped: the others. texts, decimals: of the kept ones. long: decimals that are
    whole and may have more digits than fit into a number. index: of an index that pandas wrote. exact: those whose
    decimals are read as text, digit by digit. deltas: texts that are stored as differences. counted: the name of an
    index that is stored as a range only, and the range.
    """

    kept: tuple[str, ...]
    texts: tuple[str, ...]
    decimals: tuple[str, ...]
    dropped: tuple[str, ...]
    long: tuple[str, ...]
    index: tuple[str, ...]
    exact: frozenset[str] = frozenset()
    deltas: tuple[str, ...] = ()
    counted: tuple[str, range] | None = None


def split_columns(schema: Any, name: str, limits: Limits) -> Columns:
    """The columns of an Arrow schema; InputError if there are too many, none to read, or two of the same name."""
    import pyarrow.types as types

    if len(schema) > limits.columns:
        raise limits.error(name, "columns")
    kept = tuple(field.name for field in schema if _is_plain(field.type))
    repeated = sorted({column for column in kept if schema.names.count(column) > 1})
    if repeated:
        raise InputError(f"{name} has several columns with the name {repeated[0][:40]!r}: rename them.")
    if not kept:
        held = listed(f"{field.name[:40]} ({str(field.type)[:40]})" for field in schema)
        raise InputError(
            f"{name} has no columns of numbers or text, but {held or 'no columns'}: write each number into a column of"
            " its own."
        )
    return Columns(
        kept,
        texts=tuple(field.name for field in schema if is_text(field.type)),
        decimals=tuple(field.name for field in schema if types.is_decimal(field.type)),
        dropped=tuple(column for column in schema.names if column not in kept),
        long=tuple(field.name for field in schema if types.is_decimal(field.type) and field.type.scale == 0),
        index=tuple(column for column in _index(schema) if isinstance(column, str) and column in kept),
        counted=next(
            (found for found in map(_range, _index(schema)) if found and found[0] not in kept), None
        ),
    )


def _index(schema: Any) -> list[Any]:
    """The index of the frame that pandas wrote: names of columns, or descriptions of ranges."""
    try:
        described = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        return list(described.get("index_columns", []))
    except (ValueError, AttributeError, TypeError):
        return []


def _range(described: Any) -> tuple[str, range] | None:
    """The name and the numbers of an index that counts in another way than from 0 on; None for others."""
    try:
        found = range(described["start"], described["stop"], described["step"])
        if len(found) < 2 or found[:2] == range(2) or max(abs(found[0]), abs(found[-1])) >= 1 << 63:
            return None
        return str(described.get("name") or HIDDEN_INDEX), found
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return None


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is text, also as a dictionary."""
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return is_text(kind.value_type)
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _is_plain(kind: Any) -> bool:
    """Whether an Arrow type is a number, a boolean or text (also as a dictionary of these)."""
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in tests) or is_text(kind)


def checked_batch(batch: Any, budget: Budget, notes: list[Note]) -> Any:
    """The batch with text that is UTF-8, counted as it is when unpacked: 8 bytes a number and 1 a letter."""
    import pyarrow as pa

    arrays = []
    for column, array in zip(batch.schema.names, batch.columns, strict=True):
        if is_text(array.type):
            array = _as_dictionary(array)
            budget.take(_letters(array))
            array = _as_utf8(array, column, notes)
        else:
            budget.take(8 * len(array))
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _as_dictionary(array: Any) -> Any:
    import pyarrow.types as types

    return array if types.is_dictionary(array.type) else array.dictionary_encode()


def _letters(array: Any) -> int:
    """The bytes of a dictionary-encoded text when it is written out."""
    import pyarrow.compute as pc

    lengths = pc.binary_length(array.dictionary)
    return int(pc.sum(lengths.take(array.indices)).as_py() or 0)


def _as_utf8(array: Any, column: str, notes: list[Note]) -> Any:
    """A dictionary-encoded text whose values are read as Latin-1, with a note, if they are not UTF-8."""
    import pyarrow as pa

    values = array.dictionary
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        texts = [value and value.decode("latin-1") for value in values.cast(pa.large_binary()).to_pylist()]
        note = Note("not_utf8_columns", about=column[:60])
        if note not in notes:
            notes.append(note)
        return pa.DictionaryArray.from_arrays(array.indices, pa.array(texts, pa.large_string()))
    return pa.DictionaryArray.from_arrays(array.indices, values.cast(pa.large_string()))


def as_frame(batches: list[Any], columns: Columns, first: int) -> pd.DataFrame:
    """Checked batches as one frame, in which whole numbers with gaps keep their digits. `batches` is emptied.

    first: the number of the first row, counted from 0.
    """
    import pandas as pd
    import pyarrow as pa

    chunks = {name: [batch.column(name) for batch in batches] for name in columns.kept}
    batches.clear()
    series = {}
    for name in columns.kept:  # each column is released when it is converted
        array = pa.chunked_array([_plain_array(chunk, name in columns.exact) for chunk in chunks.pop(name)])
        series[name] = array.to_pandas(types_mapper=_nullable(array))
        del array
    frame = pd.DataFrame(series, copy=False)
    index = columns.index
    if columns.counted is not None:
        name, numbers = columns.counted
        frame[name] = np.array(numbers[first : first + len(frame)], np.int64)
        index = (*index, name)
    if index:
        frame.attrs["index"] = index
    return frame


def _plain_array(array: Any, exact: bool) -> Any:
    """An Arrow array of a type that pandas keeps: text, float64 for decimals, text for numbers that are `exact`."""
    import pyarrow as pa
    import pyarrow.types as types

    if is_text(array.type):
        return array.cast(pa.large_string())
    if types.is_dictionary(array.type):
        return _plain_array(array.dictionary_decode(), exact)
    if types.is_decimal(array.type):
        whole = array.type.scale == 0 and array.type.precision <= WHOLE_DIGITS
        return array.cast(pa.string() if exact else pa.int64() if whole else pa.float64())
    return array.cast(pa.float32()) if types.is_float16(array.type) else array


def _nullable(array: Any) -> Any:
    """The type of pandas for whole numbers and booleans with gaps, None for others."""
    import pandas as pd
    import pyarrow as pa

    if not array.null_count:
        return None
    kinds = {pa.bool_(): pd.BooleanDtype()}
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        kinds[getattr(pa, name)()] = getattr(pd, f"{name.replace('i', 'I').replace('u', 'U')}Dtype")()
    return kinds.get
