"""A run's folder as one ZIP file, without its data, its checkpoints and what only this machine needs to know."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

from dsc_core.data.limits import Limits
from dsc_core.data.unpacking import Budget
from dsc_core.errors import InputError
from dsc_core.runs.files import read_json

FILES = ("config.json", "dataset.json", "run.json", "summary.json", "events.jsonl", "labels.parquet")
FOLDERS = ("model", "embeddings")
OF_THIS_MACHINE = ("home", "process", "pid", "heartbeat")
INSIDE = re.compile(
    rf"[\w-][\w.-]*/(?:{'|'.join(map(re.escape, FILES))}|(?:{'|'.join(FOLDERS)})/[\w-]+\.(?:npy|json|safetensors))"
)
PIECE = 1 << 20


def pack(run, out) -> None:
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
    """The files of a run's folder that make it whole elsewhere."""
    held = [folder / name for name in FILES]
    held += [path for name in FOLDERS for path in sorted((folder / name).glob("*"))]
    return [
        path
        for path in held
        if path.is_file() and INSIDE.fullmatch(f"x/{path.relative_to(folder).as_posix()}")
    ]


def unpack(path: Path) -> tempfile.TemporaryDirectory:
    """A temporary folder that holds the run's folder out of a ZIP; it goes when the returned object does.

    InputError where the file is no such ZIP. Only the files that `pack` writes are taken, each under the name that it
    has there, and no more bytes than `Limits` allow.
    """
    held = tempfile.TemporaryDirectory(prefix="dsc-run-")
    try:
        with zipfile.ZipFile(path) as archive:
            budget = Budget(path.name, path.stat().st_size, Limits.read())
            wanted = [one for one in archive.infolist() if INSIDE.fullmatch(one.filename)]
            if len({one.filename.partition("/")[0] for one in wanted}) != 1:
                raise InputError(
                    f"{path.name} holds no run: choose a ZIP that `export --what model` has written."
                )
            for one in wanted:
                target = Path(held.name, *one.filename.split("/"))
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(one) as source, open(target, "wb") as file:
                    while piece := source.read(PIECE):
                        budget.take(len(piece))
                        file.write(piece)
    except InputError:
        shutil.rmtree(held.name, ignore_errors=True)
        raise
    except Exception as error:  # zipfile and zlib have errors of their own for every kind of damage
        shutil.rmtree(held.name, ignore_errors=True)
        raise InputError(f"{path.name} is not a whole ZIP file: export the run again.") from error
    return held
