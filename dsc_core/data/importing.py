"""Import once: from a file, a folder or a sample's name to the workspace's copy, and its key at once next time.

`home/imports/<hash>` names the key of what was made of a source, by the hash of its content and of the options.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dsc_core.data.dataset import check_trainable
from dsc_core.data.options import dataset_name
from dsc_core.data.readers.idx import labels_beside
from dsc_core.data.readers.images import is_hidden
from dsc_core.data.samples import known_sample, sample_file
from dsc_core.data.store import is_stored, store_dataset

FORMAT = 1  # counts up when the readers make something else of the same file
PIECE = 1 << 22
COMPARING, READING, COPYING = "Comparing with what was imported", "Reading", "Copying into the workspace"


class Cancelled(Exception):
    """The import was not wanted any more. For `progress` to raise."""


def import_data(
    source: str | Path, home: Path, progress: Callable[[str, int, int], None] | None = None, **options
) -> str:
    """Open `source`, check that it can be trained on and keep it in `home`; the key of the copy.

    options: as for `open_dataset`. The same content with the same options is not read again: only its hash is
    taken (of a folder: of its files' paths, sizes and times). progress(stage, done, total), total 0 where it is
    not known; an error that it raises, such as Cancelled, ends the import and leaves nothing behind.
    InputError as for `open_dataset` and `check_trainable`; RunError when the workspace cannot be written.
    """
    from dsc_core.data import open_dataset

    def telling(stage: str):
        return progress and (lambda done, total: progress(stage, done, total))

    known = _known(source, Path(home), options, telling(COMPARING))
    if known is not None and (key := _remembered(known)) and is_stored(key, home):
        return key
    dataset = open_dataset(source, **options, progress=telling(READING))
    check_trainable(dataset, 2)
    key = store_dataset(dataset, home, telling(COPYING))
    known = known or _known(
        source, Path(home), options, telling(COMPARING)
    )  # a set that was fetched just now
    if known is not None:
        with suppress(OSError):  # then the next import takes its time again
            _remember(known, key)
    return key


def _known(source, home: Path, options: dict, progress) -> Path | None:
    """The file that names, or would name, the key of this source; None for one that is not there."""
    digest = hashlib.blake2b(digest_size=16)
    name = options.get("name") or dataset_name(Path(source))
    given = sorted((key, value) for key, value in options.items() if value not in (None, False))
    digest.update(json.dumps([FORMAT, str(name), given], default=str).encode())
    try:
        if isinstance(source, str) and known_sample(source):
            path = sample_file(source)
            if path is None and source != "digits":
                return None
            files = [path] if path else []
        else:
            path = Path(source).expanduser()
            if path.is_dir():
                digest.update(_listing(path))
                return home / "imports" / digest.hexdigest()
            files = [path, *filter(None, [labels_beside(path)])]
        total, done = sum(file.stat().st_size for file in files), 0
        for file in files:
            digest.update(f"\n{file.suffix} {file.stat().st_size}\n".encode())
            with open(file, "rb") as content:
                while piece := content.read(PIECE):
                    digest.update(piece)
                    done += len(piece)
                    if progress is not None:
                        progress(done, total)
    except (OSError, RuntimeError):  # told of by `open_dataset`, in a sentence
        return None
    return home / "imports" / digest.hexdigest()


def _listing(folder: Path) -> bytes:
    """What a folder holds, without reading it: a line a file, with its size and the time of its last change."""
    lines = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(files):
            status = os.stat(os.path.join(place, name))
            inside = os.path.relpath(os.path.join(place, name), folder)
            lines.append(os.fsencode(f"{inside}\0{status.st_size}\0{status.st_mtime_ns}\n"))
    return os.fsencode(str(folder.resolve().name)) + b"\n" + b"".join(lines)


def _remembered(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _remember(file: Path, key: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=".new-", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(key + "\n")
        os.replace(draft, file)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
