"""A run's folder as one ZIP file, without its data, its checkpoints and facts of this machine."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import zipfile
from io import BufferedIOBase
from pathlib import Path
from typing import IO

from dsc_core.data.limits import Limits
from dsc_core.data.unpacking import Budget
from dsc_core.errors import InputError
from dsc_core.runs.files import read_json
from dsc_core.runs.run import Run

FILES = ("config.json", "dataset.json", "run.json", "summary.json", "events.jsonl", "labels.parquet")
FOLDERS = ("model", "embeddings")
OF_THIS_MACHINE = ("home", "process", "pid", "heartbeat")
INSIDE = re.compile(
    rf"[\w-][\w.-]*/(?:{'|'.join(map(re.escape, FILES))}|(?:{'|'.join(FOLDERS)})/[\w-]+\.(?:npy|json|safetensors))"
)
CHUNK = 1 << 20


def pack(run: Run, out: IO[bytes] | BufferedIOBase) -> None:
    """Write the run's folder to the open binary file `out` as a ZIP that `load_run` opens."""
    top = re.sub(r"[^\w-]+", "-", run.folder.name) or "run"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in parts(run.folder):
            inside = f"{top}/{path.relative_to(run.folder).as_posix()}"
            if path.name == "run.json":
                card = {k: v for k, v in read_json(path).items() if k not in OF_THIS_MACHINE}
                archive.writestr(inside, json.dumps(card, indent=1, ensure_ascii=False))
            else:
                archive.write(path, inside)


def parts(folder: Path) -> list[Path]:
    """The files of a run's folder that other machines need."""
    paths = [folder / name for name in FILES]
    paths += [path for name in FOLDERS for path in sorted((folder / name).glob("*"))]
    return [
        path
        for path in paths
        if path.is_file() and INSIDE.fullmatch(f"x/{path.relative_to(folder).as_posix()}")
    ]


def unpack(path: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder with the run's folder from a ZIP; it is deleted with the returned object.

    InputError if the file is not such a ZIP. Only files that `pack` writes are extracted, and at most as many bytes as
    `Limits` allow.
    """
    temporary = tempfile.TemporaryDirectory(prefix="dsc-run-")
    try:
        with zipfile.ZipFile(path) as archive:
            budget = Budget(path.name, path.stat().st_size, Limits.read())
            entries = [entry for entry in archive.infolist() if INSIDE.fullmatch(entry.filename)]
            if len({entry.filename.partition("/")[0] for entry in entries}) != 1:
                raise InputError(
                    f"{path.name} contains no run: choose a ZIP that `export --what model` has written."
                )
            for entry in entries:
                target = Path(temporary.name, *entry.filename.split("/"))
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, open(target, "wb") as file:
                    while chunk := source.read(CHUNK):
                        budget.take(len(chunk))
                        file.write(chunk)
    except InputError:
        shutil.rmtree(temporary.name, ignore_errors=True)
        raise
    except Exception as error:  # zipfile and zlib raise many types of errors for damaged files
        shutil.rmtree(temporary.name, ignore_errors=True)
        raise InputError(f"{path.name} is not a complete ZIP file: export the run again.") from error
    return temporary
