"""The workspace's own copy of a data set: memory-mapped, named by the hash of its content.

A worker process and later pages open it by its key. `home/data/<key>/` holds samples.npy, rows.parquet (id
and, where there are labels, label) and dataset.json.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dsc_core.data.chunks import chunks
from dsc_core.data.dataset import Dataset
from dsc_core.data.notes import read_note
from dsc_core.data.options import Progress
from dsc_core.errors import RunError, UnreadableError, why_unreadable
from dsc_core.temporary import temporary_folder

SAMPLES, ROWS, DESCRIPTION = "samples.npy", "rows.parquet", "dataset.json"
ROWS_AT_ONCE = 50_000
KEY = re.compile(r"[0-9a-f]{32}")


def content_key(dataset: Dataset, progress: Progress | None = None) -> str:
    """The hash (BLAKE2b, 32 hexadecimal digits) of the content of a data set.

    Covers name, kind, scaling, preprocessing, shape, dtype, samples, ids, labels and skipped files, but not the
    notes. Equal content gives an equal key in every process and on every machine. progress(done, total):
    of samples.
    """
    digest = hashlib.blake2b(digest_size=16)
    samples = dataset.samples
    head = {
        "name": dataset.name,
        "kind": dataset.kind,
        "scaling": [float(value) for value in dataset.scaling],
        "preprocessing": dataset.preprocessing,
        "shape": list(samples.shape),
        "dtype": samples.dtype.newbyteorder("<").str,
        "labels": None if dataset.labels is None else dataset.labels.dtype.kind,
        "skipped": [list(pair) for pair in dataset.skipped],
    }
    digest.update(json.dumps(head, sort_keys=True).encode())
    for start, block in chunks(samples):
        if progress is not None:
            progress(start, len(samples))
        digest.update(np.ascontiguousarray(block, dtype=samples.dtype.newbyteorder("<")).data)
    for column in (dataset.ids, dataset.labels):
        if column is not None:
            for piece in _json_pieces(column):
                digest.update(piece)
    return digest.hexdigest()


def _json_pieces(column: np.ndarray):
    """`json.dumps(column.tolist())` in pieces, as bytes."""
    yield b"["
    for start in range(0, len(column), ROWS_AT_ONCE):
        part = json.dumps(column[start : start + ROWS_AT_ONCE].tolist())[1:-1]
        yield (", " * (start > 0) + part).encode()
    yield b"]"


def store_dataset(dataset: Dataset, home: Path, progress: Progress | None = None) -> str:
    """Copy `dataset` into `home/data/<key>/` and return the key; nothing is written if it is already there.

    The folder is written under another name and moved, so that it is complete or absent.
    RunError if the workspace cannot be written. progress(done, total): of samples, those hashed and those
    written; an error that it raises leaves nothing behind.
    """
    total = 2 * len(dataset)
    key = content_key(dataset, progress and (lambda done, _: progress(done, total)))
    target = Path(home) / "data" / key
    if _complete(target):
        return key
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_folder(target.parent)
        _write(dataset, temporary, progress and (lambda done: progress(len(dataset) + done, total)))
        if target.exists() and not _complete(target):
            shutil.rmtree(target)
        os.replace(temporary, target)
    except OSError as error:
        if not _complete(target):  # else another process was faster, which is as good
            reason = error.strerror or "the disk refused it"
            raise RunError(
                f"The data set could not be saved in the workspace ({reason}); check that its disk has room and can be "
                "written."
            ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return key


def load_dataset(key: str, home: Path) -> Dataset:
    """The data set stored under `key`, its samples memory-mapped and read-only.

    RunError if there is none, or if it is damaged.
    """
    folder = Path(home) / "data" / key
    if not KEY.fullmatch(key) or not folder.is_dir():
        raise RunError(f"The workspace has no data set {key[:40]!r}: import the data again.")
    try:
        return _read(folder)
    except Exception as error:  # parquet, JSON and NumPy each have their own errors for a damaged file
        if why := why_unreadable(error):
            raise UnreadableError(f"The stored data set {key} cannot be read: {why}.") from error
        raise RunError(
            f"The stored data set {key} is damaged: delete its folder in the workspace and open the data"
            " again."
        ) from error


def is_stored(key: str, home: Path) -> bool:
    """Whether the workspace has a complete copy of the data set `key`."""
    return bool(KEY.fullmatch(key)) and _complete(Path(home) / "data" / key)


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (SAMPLES, ROWS, DESCRIPTION))


def _write(dataset: Dataset, folder: Path, progress: Callable[[int], None] | None) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    samples = np.lib.format.open_memmap(
        folder / SAMPLES,
        mode="w+",
        dtype=dataset.samples.dtype.newbyteorder("="),
        shape=dataset.samples.shape,
    )
    for start, block in chunks(dataset.samples):
        if progress is not None:
            progress(start)
        samples[start : start + len(block)] = block
    samples.flush()
    del samples

    def rows(start: int) -> pa.Table:
        part = slice(start, start + ROWS_AT_ONCE)
        columns = {"id": pa.array(dataset.ids[part].tolist(), pa.string())}
        if dataset.labels is not None:
            columns["label"] = pa.array(dataset.labels[part].tolist())
        return pa.table(columns)

    with pq.ParquetWriter(folder / ROWS, rows(0).schema) as writer:
        for start in range(0, len(dataset), ROWS_AT_ONCE):
            writer.write_table(rows(start))
    description = dataset.describe() | {
        "skipped": [list(pair) for pair in dataset.skipped],
        "notes": [note.to_json() for note in dataset.notes],
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1), encoding="utf-8")


def _read(folder: Path) -> Dataset:
    import pyarrow.parquet as pq

    if odd := [name for name in (SAMPLES, ROWS, DESCRIPTION) if not (folder / name).is_file()]:
        raise ValueError(f"{odd[0]} is missing")  # or a named pipe, which would be waited for
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    _check_description(description)
    samples = np.load(folder / SAMPLES, mmap_mode="r", allow_pickle=False)
    if samples.dtype.kind not in "uifb":
        raise ValueError("the samples are no numbers")
    if len(samples) != description["samples"] or list(samples.shape[1:]) != description["shape"]:
        raise ValueError("the samples are not those described")
    with pq.ParquetFile(folder / ROWS) as rows:
        ids, labels = (_column(rows, name) for name in ("id", "label"))
    return Dataset(
        name=description["name"],
        samples=samples,
        ids=np.asarray(ids).astype(str, copy=False),
        labels=labels,
        kind=description["kind"],
        scaling=tuple(description["scaling"]),
        skipped=tuple((name, reason) for name, reason in description["skipped"]),
        notes=tuple(read_note(note) for note in description["notes"]),
        preprocessing=description["preprocessing"],
    )


def _check_description(description: dict) -> None:
    """ValueError if a value in dataset.json is not of its type."""
    name, scaling, preprocessing = (description[key] for key in ("name", "scaling", "preprocessing"))
    if not isinstance(name, str) or not isinstance(preprocessing, dict | None):
        raise ValueError("the name or the preprocessing is of a wrong type")
    name.encode()  # half a character cannot be shown
    numbers = [value for value in scaling if isinstance(value, int | float) and math.isfinite(value)]
    if len(scaling) != 2 or len(numbers) != 2:
        raise ValueError("the scaling is not two numbers")
    if not all(isinstance(text, str) for pair in description["skipped"] for text in pair):
        raise ValueError("the list of skipped files is not of text")


def _column(rows, name: str) -> np.ndarray | None:
    """A column of a parquet file, some rows at a time: no Python object a sample. None where there is none."""
    if name not in rows.schema_arrow.names:
        return None
    batches = rows.iter_batches(ROWS_AT_ONCE, columns=[name])
    parts = []
    for batch in batches:
        column = batch.column(0)
        if column.null_count or column.type.num_fields:
            raise ValueError(f"the column {name} has gaps or is nested")
        parts.append(np.array(column.to_pylist()))
    return np.concatenate(parts) if parts else np.empty(0, str)
