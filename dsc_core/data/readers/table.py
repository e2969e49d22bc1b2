"""Tables: CSV and parquet files, and matrices of numbers without column names."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
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


def table_blocks(path: Path, options: Options, size: int) -> Iterator[Dataset]:
    """A CSV or parquet file for a run that was trained on `options.like`, `size` rows at a time, in their order.

    Column by column it is read as the whole file would be; the rows are numbered on from block to block.
    """
    frames = _parquet_frames if path.suffix.lower() == ".parquet" else _csv_frames
    first, roles = 0, None
    for frame in frames(path, options, size):
        notes: list[str] = []
        if roles is None:
            roles = _roles(frame, path.name, options, notes)
        chosen = replace(options, label_column=roles[0] or "", id_column=roles[1] or "")
        yield from_frame(frame, path.name, chosen, notes, first)
        first += len(frame)


def _roles(frame, name: str, options: Options, notes: list[str]) -> tuple[str | None, str | None]:
    """The columns of labels and of ids, as asked for, as in training, or by their usual names."""
    if options.like is not None and options.like["preprocessing"] is not None:
        options = _columns_of_training(frame, options.like["preprocessing"], options)
    label = _pick(frame, options.label_column, "label", name, notes)
    return label, _pick_id(frame, options.id_column, name, notes, taken=label)


def from_frame(frame, name: str, options: Options, notes: list[str], first: int = 0) -> Dataset:
    """A Dataset from a pandas frame: a table, or with `options.image_shape` images of pixel columns.

    first: the number of the first row, which is its id where no column gives ids.
    """
    if not len(frame):
        raise InputError(f"{name} has no rows: choose a table with one row a sample.")
    like = options.like
    label, key = _roles(frame, name, options, notes)
    labels = None if label is None else labels_of(frame[label], notes)
    ids = row_ids(len(frame), first) if key is None else _ids_of(frame[key], first)
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
    from dsc_core.data.readers.arrays import from_images

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


def _ids_of(series, first: int = 0) -> np.ndarray:
    """A column as ids; a missing one takes its row's number."""
    numbered = enumerate(as_texts(series), start=first)
    return np.array([str(i) if text is None else clean(text) for i, text in numbered], dtype=str)


# --- CSV ---


def _csv_frame(path: Path, limits: Limits, notes: list[str], rows: int | None = None):
    """The file as a pandas frame with text column names; InputError when it is no table."""
    import pandas as pd

    encoding, form, columns = _csv_arguments(path, limits, notes)
    if rows is None:
        _check_cells(path, columns, limits)
    try:
        try:
            frame = pd.read_csv(path, encoding=encoding, nrows=rows, **form)
        except UnicodeDecodeError:
            frame = pd.read_csv(path, encoding="latin-1", nrows=rows, **form)
    except Exception as error:  # the parser has its own errors, and MemoryError
        raise _no_csv(path, error) from error
    return _named_columns(frame, form, path.name, limits)


def _csv_frames(path: Path, options: Options, size: int) -> Iterator:
    """The same, `size` rows at a time. Columns that are text as a whole are text in each block."""
    import pandas as pd

    limits = options.limits
    encoding, form, _ = _csv_arguments(path, limits, [])
    encoding = encoding if _decodes(path, encoding) else "latin-1"
    head = _csv_frame(path, limits, [], rows=1000)
    known = ((options.like or {}).get("preprocessing") or {}).get("columns", [])
    texts = {column["name"] for column in known if column["kind"] == "category"}
    texts |= {name for name in _roles(head, path.name, options, []) if name and not is_number(head[name])}
    form["dtype"] = {
        name if form["header"] == 0 else int(name) - 1: str for name in texts & set(head.columns)
    }
    try:
        for frame in pd.read_csv(path, encoding=encoding, chunksize=size, **form):
            yield _named_columns(frame, form, path.name, limits)
    except InputError:
        raise
    except Exception as error:  # see _csv_frame
        raise _no_csv(path, error) from error


def _decodes(path: Path, encoding: str) -> bool:
    """Whether the whole file is text of this encoding."""
    try:
        with open(path, encoding=encoding, newline="") as file:
            while file.read(HEAD_BYTES):
                pass
    except UnicodeDecodeError:
        return False
    return True


def _csv_arguments(path: Path, limits: Limits, notes: list[str]) -> tuple[str, dict, int]:
    """(encoding, what pandas' reader is to be told, columns), from the file's beginning."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    encoding, text = _decoded(head, path.name)
    delimiter, first, has_header = _csv_form(text, path.name, limits)
    if len(first) > limits.columns or ("\n" not in text.replace("\r", "\n") and len(head) == HEAD_BYTES):
        raise limits.refuse(path.name, "columns")
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
        "index_col": False,
    }
    return encoding, form, len(first)


def _named_columns(frame, form: dict, name: str, limits: Limits):
    """The frame with text for column names, its texts within the limits."""
    has_header = form["header"] == 0
    frame.columns = [
        str(title) if has_header else str(index + 1) for index, title in enumerate(frame.columns)
    ]
    _check_texts(frame, name, limits)
    return frame


def _no_csv(path: Path, error: Exception) -> InputError:
    return InputError(f"{path.name} is not a proper CSV table{_where(error)}: save it again as CSV.")


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
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            kept, left = _parquet_columns(file, path.name, limits)
            if file.metadata.num_rows * len(kept) * 8 > limits.memory_mb * MEBI:
                raise limits.refuse(path.name, "memory_mb")
            if rows is None:
                table = file.read(columns=kept)
            else:
                table = pa.Table.from_batches([next(file.iter_batches(rows, columns=kept))])
            frame = table.to_pandas(ignore_metadata=True)
    except InputError:
        raise
    except Exception as error:  # Arrow's errors, and StopIteration for a file without rows
        raise _no_parquet(path) from error
    if left:
        notes.append(f"Columns left out since they hold neither numbers nor text: {', '.join(left)[:200]}.")
    return _checked_parquet(frame, kept, path.name, limits)


def _parquet_frames(path: Path, options: Options, size: int) -> Iterator:
    """The same, `size` rows at a time."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            kept, _ = _parquet_columns(file, path.name, options.limits)
            for batch in file.iter_batches(size, columns=kept):
                yield _checked_parquet(batch.to_pandas(), kept, path.name, options.limits)
    except InputError:
        raise
    except Exception as error:  # Arrow's errors
        raise _no_parquet(path) from error


def _parquet_columns(file, name: str, limits: Limits) -> tuple[list[str], list[str]]:
    """The plain columns of an open parquet file, and the others."""
    schema = file.schema_arrow
    if len(schema) > limits.columns:
        raise limits.refuse(name, "columns")
    kept = [field.name for field in schema if _plain(field.type)]
    return kept, [field.name for field in schema if field.name not in kept]


def _checked_parquet(frame, kept: list[str], name: str, limits: Limits):
    """The frame with text for column names; InputError where they are not all different."""
    if not kept or len(set(kept)) < len(kept):
        raise InputError(
            f"{name} needs columns of numbers or text with different names: rename or add columns."
        )
    frame.columns = [str(title) for title in frame.columns]
    _check_texts(frame, name, limits)
    return frame


def _no_parquet(path: Path) -> InputError:
    return InputError(f"{path.name} is not a whole parquet file: save the table again as parquet.")


def _plain(kind) -> bool:
    """Whether an Arrow type is a number, a truth value or text (also as a dictionary of these)."""
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in (*tests, types.is_string, types.is_large_string, types.is_string_view))
