"""Tables: CSV and parquet files, and matrices of numbers without column names."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.layout import pixels_as_images
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.options import Options, clean, row_ids
from dsc_core.data.preprocessing import (
    apply_matrix,
    apply_table,
    as_numbers,
    as_texts,
    fit_matrix,
    fit_table,
    is_number,
)
from dsc_core.errors import InputError

HEAD_BYTES = 1 << 20
DELIMITERS = (",", ";", "\t", "|")
MISSING = ("?", "")  # besides those that pandas knows (NA, NaN, null, ...)
LABEL_NAMES = ("label", "labels", "class", "target", "y", "category", "species")
ID_NAMES = ("id", "index", "key", "uuid", "name", "filename", "file")
UNNAMED = "Unnamed: 0"  # what pandas calls a first column without a name: another frame's index
MISSING_LABEL = "missing"


@dataclass(frozen=True)
class Columns:
    """What `guess_columns` thinks of a table, for the user to confirm.

    image_shape: where columns look like pixels.
    """

    names: tuple[str, ...]
    numeric: tuple[str, ...]
    label: str | None
    id: str | None
    image_shape: tuple[int, ...] | None


def read_csv(path: Path, options: Options) -> Dataset:
    """A CSV file with or without a header, separated by comma, semicolon, tab or bar, UTF-8 or Latin-1.

    Without `label_column`, a column named exactly "label" gives the labels; without `id_column`, one named
    "id" the ids. An empty string asks for none.
    """
    notes: list[str] = []
    return from_frame(_csv_frame(path, options.limits, notes), path.name, options, notes)


def read_parquet(path: Path, options: Options) -> Dataset:
    """A parquet file; labels and ids as in `read_csv`.

    Columns of lists, structures, dates or bytes are left out.
    """
    notes: list[str] = []
    return from_frame(_parquet_frame(path, options.limits, notes), path.name, options, notes)


def from_matrix(samples: np.ndarray, labels, ids: np.ndarray, options: Options, notes: list[str]) -> Dataset:
    """A table from a matrix (n, F) of numbers, standardised."""
    like = options.like
    if like is not None:
        preprocessing = like["preprocessing"] or {}
    else:
        preprocessing = fit_matrix(samples, options.limits, notes)
        side = math.isqrt(samples.shape[1])
        if side * side == samples.shape[1] and side >= 8:
            notes.append(
                f"Rows of {side * side} values, read as a table; to read them as images, give {side}x{side}."
            )
    table = apply_matrix(samples, preprocessing)
    return _table(table, ids, labels, preprocessing, options, notes)


def from_frame(frame, name: str, options: Options, notes: list[str]) -> Dataset:
    """A Dataset from a pandas frame: a table, or with `options.image_shape` images of pixel columns."""
    if not len(frame):
        raise InputError(f"{name} has no rows: choose a table with one row a sample.")
    like = options.like
    if like is not None and like["preprocessing"] is not None:
        options = _columns_of_training(frame, like["preprocessing"], options)
    label = _pick(frame, options.label_column, "label", name, notes)
    key = _pick_id(frame, options.id_column, name, notes, taken=label)
    labels = None if label is None else labels_of(frame[label], notes)
    ids = row_ids(len(frame)) if key is None else _ids_of(frame[key])
    features = frame.drop(columns=[column for column in (label, key) if column is not None])
    if not len(features.columns):
        raise InputError(
            f"{name} has no columns besides labels and ids: choose a table with numbers or categories."
        )
    if options.image_shape is not None or (like is not None and like["kind"] == "image"):
        return _images(features, labels, ids, options, name, notes)
    preprocessing = fit_table(features, options.limits, notes) if like is None else like["preprocessing"]
    table = apply_table(features, preprocessing, notes)
    if like is None:
        preprocessing = preprocessing | {"label_column": label, "id_column": key}
    return _table(table, ids, labels, preprocessing, options, notes)


def guess_columns(path: str | Path) -> Columns:
    """A first guess at a CSV's or parquet's label column, id column and image shape, from its first rows.

    InputError when the file is no table or cannot be opened.
    """
    path, limits = Path(path), Limits.read()
    read = _parquet_frame if path.suffix.lower() == ".parquet" else _csv_frame
    try:
        frame = read(path, limits, [], rows=1000)
    except OSError as error:
        raise InputError(
            f"{path.name} cannot be read: {error.strerror or 'the system refuses it'}."
        ) from error
    names = list(frame.columns)
    lower = {name.lower().strip(): name for name in reversed(names)}
    label = next((lower[word] for word in LABEL_NAMES if word in lower), None)
    key = next((lower[word] for word in ID_NAMES if word in lower and frame[lower[word]].is_unique), None)
    if key is None and UNNAMED in names and frame[UNNAMED].is_unique:
        key = UNNAMED
    numeric = [name for name in names if is_number(frame[name])]
    features = [name for name in names if name not in (label, key)]
    shape = _pixel_shape(frame[features]) if features and set(features) <= set(numeric) else None
    return Columns(tuple(names), tuple(numeric), label, key, shape)


def _pixel_shape(frame) -> tuple[int, ...] | None:
    """The image shape of columns like pixels: whole numbers of 0 to 255, in a square number of columns."""
    width = len(frame.columns)
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    if not values.size or not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
        return None
    if (values % 1).any() or values.max() < 2:
        return None
    for channels in (1, 3):
        side = math.isqrt(width // channels)
        if side >= 8 and channels * side * side == width:
            return (side, side) if channels == 1 else (3, side, side)
    return None


def _table(table, ids, labels, preprocessing, options: Options, notes) -> Dataset:
    if options.like is not None and options.like["kind"] != "table":
        raise InputError("The run was trained on images, and this is a table: choose images.")
    return Dataset(
        name=options.name,
        samples=table,
        ids=ids,
        labels=labels,
        kind="table",
        notes=tuple(notes),
        preprocessing=preprocessing,
    )


def _images(features, labels, ids, options: Options, name: str, notes: list[str]) -> Dataset:
    """Pixel columns as images: bytes where all values are whole numbers of 0 to 255, else float32."""
    from dsc_core.data.arrays import from_images

    shape = options.image_shape or tuple(options.like["shape"])
    trained = ((options.like or {}).get("preprocessing") or {}).get("pixel_columns")
    if trained is not None:
        missing = [column for column in trained if column not in features.columns]
        if missing:
            raise InputError(
                f"{name} lacks {len(missing)} pixel columns, the first {missing[0]!r}: add what is missing."
            )
        features = features[trained]
    text = [column for column in features.columns if not is_number(features[column])]
    if text:
        raise InputError(
            f"{name} cannot be read as images since the column {text[0][:40]!r} holds text: pick it as the"
            " label or id"
            " column, or remove it."
        )
    if features.size * 4 > options.limits.memory_mb * MEBI:
        raise options.limits.refuse(name, "memory_mb")
    values = np.stack([as_numbers(features[column]) for column in features.columns], axis=1)
    gaps = int(np.isnan(values).sum())
    if gaps:
        notes.append(f"Missing pixels filled with 0: {gaps:,}.")
        values[np.isnan(values)] = 0
    whole = np.isfinite(values).all() and values.min() >= 0 and values.max() <= 255 and not (values % 1).any()
    with np.errstate(over="ignore"):
        images = pixels_as_images(values.astype(np.uint8 if whole else np.float32), shape)
    dataset = from_images(images, labels, ids, options, notes)
    more = {"pixel_columns": list(features.columns)}
    return replace(dataset, preprocessing=(dataset.preprocessing or {}) | more)


def _columns_of_training(frame, preprocessing: dict, options: Options) -> Options:
    """`options` with the training's label and id columns, where the table has them and none are asked for."""
    wanted = {}
    for name in ("label_column", "id_column"):
        trained = preprocessing.get(name)
        if getattr(options, name) is None and trained in frame.columns:
            wanted[name] = trained
    return replace(options, **wanted)


def _pick(frame, asked: str | None, usual: str, name: str, notes: list[str]) -> str | None:
    """The column asked for ("" for none), else the one with the usual name, said in a note."""
    if asked == "":
        return None
    if asked is not None:
        if asked not in frame.columns:
            has = ", ".join(str(column) for column in frame.columns[:12])[:200]
            raise InputError(f"{name} has no column {asked[:60]!r}: choose one of {has}.")
        return asked
    if usual in frame.columns:
        notes.append(f"The column '{usual}' was taken for the {usual}s; it is not trained on.")
        return usual
    return None


def _pick_id(frame, asked: str | None, name: str, notes: list[str], taken: str | None) -> str | None:
    """As `_pick`, and a first column without a name whose values differ, as pandas writes an index."""
    key = _pick(frame, asked, "id", name, notes)
    if key is not None and key == taken:
        raise InputError(f"The column {key[:60]!r} cannot give both labels and ids: choose two columns.")
    if key is None and asked is None and frame.columns[0] == UNNAMED and frame[UNNAMED].is_unique:
        notes.append("The first column, which has no name, was taken for the ids; it is not trained on.")
        return UNNAMED
    return key


def labels_of(series, notes: list[str]) -> np.ndarray:
    """A column as labels (n,): whole numbers as int, else text; missing ones are a class of their own."""
    texts = as_texts(series)
    gaps = sum(text is None for text in texts)
    if gaps:
        notes.append(f"Rows without a label, which count as the class '{MISSING_LABEL}': {gaps:,}.")
    if is_number(series) and not gaps:
        numbers = as_numbers(series)
        if np.isfinite(numbers).all() and not (numbers % 1).any() and np.abs(numbers).max() < 2**53:
            return numbers.astype(np.int64)
    return np.array([MISSING_LABEL if text is None else clean(text) for text in texts], dtype=str)


def _ids_of(series) -> np.ndarray:
    """A column as ids; a missing one takes its row's number."""
    return np.array(
        [str(i) if text is None else clean(text) for i, text in enumerate(as_texts(series))], dtype=str
    )


# --- CSV ---


def _csv_frame(path: Path, limits: Limits, notes: list[str], rows: int | None = None):
    """The file as a pandas frame with text column names; InputError when it is no table."""
    import pandas as pd

    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    encoding, text = _decoded(head, path.name)
    delimiter, first, has_header = _csv_form(text, path.name, limits)
    if len(first) > limits.columns or ("\n" not in text.replace("\r", "\n") and len(head) == HEAD_BYTES):
        raise limits.refuse(path.name, "columns")
    if rows is None:
        _check_cells(path, len(first), limits)
    if not has_header:
        notes.append(
            "The first line holds numbers, so it was read as data, and the columns are called 1, 2, 3 ..."
        )
    form = {
        "sep": delimiter,
        "decimal": "," if delimiter == ";" and _decimal_comma(text) else ".",
        "header": 0 if has_header else None,
        "na_values": list(MISSING),
        "low_memory": False,
        "nrows": rows,
        "index_col": False,
    }
    try:
        try:
            frame = pd.read_csv(path, encoding=encoding, **form)
        except UnicodeDecodeError:
            frame = pd.read_csv(path, encoding="latin-1", **form)
    except Exception as error:  # the parser has its own errors, and MemoryError
        raise InputError(
            f"{path.name} is not a proper CSV table{_where(error)}: save it again as CSV."
        ) from error
    frame.columns = [str(name) if has_header else str(index + 1) for index, name in enumerate(frame.columns)]
    _check_texts(frame, path.name, limits)
    return frame


def _decoded(head: bytes, name: str) -> tuple[str, str]:
    """(encoding, text) of a file's beginning; InputError where it is empty or no text."""
    if not head.strip():
        raise InputError(f"{name} is empty: choose a CSV table with one row a sample.")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16", head.decode("utf-16", "replace")
    if b"\0" in head or head[:4] in (b"\x89PNG", b"PK\x03\x04", b"PAR1", b"%PDF"):
        raise InputError(
            f"{name} is not a CSV table: it is no text, so give it the name that its content has."
        )
    try:
        # the last bytes may be the beginning of a letter that the cut went through
        return "utf-8-sig", head[: len(head) - 4 if len(head) == HEAD_BYTES else None].decode("utf-8-sig")
    except UnicodeDecodeError:
        return "latin-1", head.decode("latin-1")


def _csv_form(text: str, name: str, limits: Limits) -> tuple[str, list[str], bool]:
    """(delimiter, first row, whether it is a header), from a table's beginning."""
    lines = text.splitlines(keepends=True)[:50]
    best, delimiter = 0, ","
    for candidate in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines[:20], delimiter=candidate) if row]
        except csv.Error:
            continue
        agree = sum(width == widths[0] for width in widths) if widths and widths[0] > 1 else 0
        if agree and agree * min(widths[0], 3) > best:
            best, delimiter = agree * min(widths[0], 3), candidate
    try:
        rows = [row for row in csv.reader(io.StringIO("".join(lines)), delimiter=delimiter) if row]
    except csv.Error as error:
        if "field larger" in str(error):  # than the csv module's own limit, which lies above ours
            raise limits.refuse(f"A cell of {name}", "cell") from error
        raise InputError(f"{name} is not a proper CSV table: save it again as CSV.") from error
    if not rows:
        raise InputError(f"{name} is empty: choose a CSV table with one row a sample.")
    first = rows[0]
    counted = [str(i) for i in range(len(first))], [str(i + 1) for i in range(len(first))]
    numbers = all(_is_number(cell) for cell in first)
    return delimiter, first, not numbers or (len(first) > 2 and first in counted)


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return False
    return True


def _decimal_comma(text: str) -> bool:
    """Whether a table separated by semicolons writes 1,5 for one and a half."""
    cells = [cell.strip() for line in text.splitlines()[:50] for cell in line.split(";")]
    commas = sum("," in cell and _is_number(cell) for cell in cells)
    return commas > sum("." in cell and _is_number(cell) for cell in cells)


def _check_cells(path: Path, columns: int, limits: Limits) -> None:
    """Refuse a table whose cells would not fit the memory, from the number of its lines."""
    lines = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            lines += block.count(b"\n") or block.count(b"\r")
    if lines * columns * 8 > limits.memory_mb * MEBI:
        raise limits.refuse(path.name, "memory_mb")


def _check_texts(frame, name: str, limits: Limits) -> None:
    for column in frame.columns:
        if len(column) > limits.cell:
            raise limits.refuse(f"A column's name in {name}", "cell")
        if not is_number(frame[column]):
            longest = frame[column].astype(str).str.len().max() if len(frame) else 0
            if longest > limits.cell:
                raise limits.refuse(f"The column {column[:40]!r} of {name}", "cell")


def _where(error: Exception) -> str:
    """ " in line 7" where the parser's message tells the line."""
    words = str(error).replace(",", " ").split()
    after = [
        words[i + 1]
        for i, word in enumerate(words[:-1])
        if word in ("line", "row") and words[i + 1].isdecimal()
    ]
    return f" in line {after[0]}" if after else ""


# --- parquet ---


def _parquet_frame(path: Path, limits: Limits, notes: list[str], rows: int | None = None):
    """The file's plain columns as a pandas frame; InputError when it is no parquet file or too large."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema, total = file.schema_arrow, file.metadata.num_rows
            kept = [field.name for field in schema if _plain(field.type)]
            if len(schema) > limits.columns:
                raise limits.refuse(path.name, "columns")
            if total * len(kept) * 8 > limits.memory_mb * MEBI:
                raise limits.refuse(path.name, "memory_mb")
            if rows is None:
                table = file.read(columns=kept)
            else:
                import pyarrow as pa

                table = pa.Table.from_batches([next(file.iter_batches(rows, columns=kept))])
            frame = table.to_pandas(ignore_metadata=True)
    except InputError:
        raise
    except Exception as error:  # Arrow's errors, and StopIteration for a file without rows
        raise InputError(
            f"{path.name} is not a whole parquet file: save the table again as parquet."
        ) from error
    left = [field.name for field in schema if field.name not in kept]
    if left:
        notes.append(f"Columns left out since they hold neither numbers nor text: {', '.join(left)[:200]}.")
    if not kept or len(set(kept)) < len(kept):
        raise InputError(
            f"{path.name} needs columns of numbers or text with different names: rename or add columns."
        )
    frame.columns = [str(name) for name in frame.columns]
    _check_texts(frame, path.name, limits)
    return frame


def _plain(kind) -> bool:
    """Whether an Arrow type is a number, a truth value or text (also as a dictionary of these)."""
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in (*tests, types.is_string, types.is_large_string, types.is_string_view))
