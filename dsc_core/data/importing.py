"""Importing data into the workspace once: a file that was imported before is recognised by its hash.

`home/imports/<hash of the content and the options>` holds the key of the imported data set.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dsc_core.data.catalog import is_sample, sample_file
from dsc_core.data.formats import dataset_name
from dsc_core.data.image_files import is_hidden
from dsc_core.data.opening import open_dataset
from dsc_core.data.options import Progress
from dsc_core.data.readers.idx import labels_beside
from dsc_core.data.store import is_stored, load_dataset, store_dataset
from dsc_core.data.trainable import check_trainable
from dsc_core.errors import RunError
from dsc_core.temporary import temporary_file, temporary_folder

FORMAT = 2  # increased when readers change what they make of the same file
PIECE = 1 << 22
COMPARING, READING, COPYING = "Comparing with earlier imports", "Reading", "Copying into the workspace"
StageProgress = Callable[[str, int, int], None]


class Cancelled(Exception):
    """The import was cancelled. For `progress` to raise."""


def import_data(source: str | Path, home: Path, progress: StageProgress | None = None, **options: Any) -> str:
    """Open `source`, check that it can be trained on and store it in `home`; the key of the copy.

    options: those of `open_dataset`. The same content with the same options is not read again: only its hash is
    computed (of a folder: of its files' paths, sizes and times). progress(stage, done, total), total 0 if unknown; an
    error that it raises, such as Cancelled, ends the import and leaves nothing behind. InputError as from
    `open_dataset` and `check_trainable`; RunError if the workspace cannot be written.
    """
    home = Path(home)
    record = _record(source, home, options, _of_stage(COMPARING, progress))
    if record is not None and (key := _read(record)) and _opens(key, home):
        return key
    dataset = open_dataset(source, **options, progress=_of_stage(READING, progress))
    check_trainable(dataset, 2)
    key = store_dataset(dataset, home, _of_stage(COPYING, progress))
    if record is None:  # a data set that was only just downloaded
        record = _record(source, home, options, _of_stage(COMPARING, progress))
    if record is not None:
        with suppress(OSError):  # then the next import reads the source again
            _write(record, key)
    return key


def _opens(key: str, home: Path) -> bool:
    """Whether the workspace has a copy that can be read; a damaged one is renamed, so that it is made anew."""
    if not is_stored(key, home):
        return False
    try:
        load_dataset(key, home)
    except RunError:
        folder = home / "data" / key
        with suppress(OSError):
            folder.rename(temporary_folder(folder.parent, f"damaged-{key}-") / key)
        return False
    return True


def _of_stage(stage: str, progress: StageProgress | None) -> Progress | None:
    """progress(done, total) of one stage."""
    if progress is None:
        return None
    return lambda done, total: progress(stage, done, total)


def _record(
    source: str | Path, home: Path, options: dict[str, Any], progress: Progress | None
) -> Path | None:
    """The file that holds, or will hold, the key of this source; None if the source cannot be read."""
    digest = hashlib.blake2b(digest_size=16)
    name = options.get("name") or dataset_name(Path(source))
    given = sorted((key, value) for key, value in options.items() if _is_given(key, value))
    digest.update(json.dumps([FORMAT, str(name), given], default=str).encode())
    try:
        path = Path(source).expanduser()
        if not is_sample(source) and path.is_dir():
            digest.update(_listing(path))
        else:
            files = _files(source)
            if files is None:
                return None
            _hash_files(digest, files, progress)
    except (OSError, RuntimeError):  # which `open_dataset` reports
        return None
    return home / "imports" / digest.hexdigest()


def _is_given(option: str, value: object) -> bool:
    """Whether an option has another value than by default. That there is no header is not the default."""
    return (
        value not in (None, (), [])
        and (option, value) != ("pages", "first")
        and (value is not False or option in ("header", "columns_first"))
    )


def _files(source: str | Path) -> list[Path] | None:
    """The files that a source is read from; None for a named data set that is not on this machine."""
    if is_sample(source):
        path = sample_file(str(source))
        if path is None:
            return [] if source == "digits" else None  # digits come with scikit-learn
        return [path]
    path = Path(source).expanduser()
    return [path, *filter(None, [labels_beside(path)])]


def _hash_files(digest: hashlib.blake2b, files: list[Path], progress: Progress | None) -> None:
    """Add suffix, size and content of the files to `digest`."""
    total, done = sum(file.stat().st_size for file in files), 0
    for file in files:
        digest.update(f"\n{file.suffix} {file.stat().st_size}\n".encode())
        with open(file, "rb") as content:
            while piece := content.read(PIECE):
                digest.update(piece)
                done += len(piece)
                if progress is not None:
                    progress(done, total)


def _listing(folder: Path) -> bytes:
    """What a folder contains, without reading it: a line per file, with its size and its time of modification."""
    lines = []
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(files):
            status = os.stat(os.path.join(path, name))
            inside = os.path.relpath(os.path.join(path, name), folder)
            lines.append(os.fsencode(f"{inside}\0{status.st_size}\0{status.st_mtime_ns}\n"))
    return os.fsencode(str(folder.resolve().name)) + b"\n" + b"".join(lines)


def _read(record: Path) -> str | None:
    try:
        return record.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _write(record: Path, key: str) -> None:
    record.parent.mkdir(parents=True, exist_ok=True)
    draft, file = temporary_file(record.parent)
    try:
        with file:
            file.write(f"{key}\n".encode("ascii"))
        os.replace(draft, record)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
