"""The film of a run's latent map on disk, in `frames/` of the run's folder.

`latent-#####.npz` is queued for layout: the latents of the filmed samples after that epoch, and their clusters.
`map-#####.npz` is the finished frame. `rows.npy` holds the positions of the filmed samples, the same in all files.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsc_core.analysis import map_film
from dsc_core.errors import RunError
from dsc_core.runs.files import check_regular, write_whole

FOLDER = "frames"
KEPT = 200  # frames of a run; of a longer film every other earlier frame is deleted
WAITING = KEPT  # queued latents; of more, no more frames would be kept
NAME = re.compile(r"(latent|map)-(\d{5,})\.npz")
UNKNOWN = -1  # the cluster of a sample before there are clusters


@dataclass(frozen=True)
class Frame:
    """The map after one epoch. points: (n, 2) float32. clusters: (n,) int16, UNKNOWN in stage 1."""

    epoch: int
    points: np.ndarray
    clusters: np.ndarray


def epochs(folder: Path, kind: str = "map") -> list[int]:
    """The epochs of the run in `folder` that have a frame, or a "latent" queued for one, ascending."""
    numbers: list[int] = []
    with suppress(OSError):
        for path in (folder / FOLDER).iterdir():
            if (name := NAME.fullmatch(path.name)) and name[1] == kind:
                numbers.append(int(name[2]))
    return sorted(numbers)


def path_of(folder: Path, kind: str, epoch: int) -> Path:
    """The path of the frame ("map") or the "latent" of an epoch."""
    return folder / FOLDER / f"{kind}-{epoch:05d}.npz"


def begin(folder: Path, rows: np.ndarray, after: int) -> None:
    """Prepare the folder for training that continues after the epoch `after`, -1 at the beginning.

    Later frames are deleted, and all frames of other samples. rows: (m,) positions of the filmed samples.
    """
    home = folder / FOLDER
    home.mkdir(exist_ok=True)
    same = False
    with suppress(RunError):
        same = np.array_equal(read_rows(folder), rows)
    cut(folder, after if same else -1)
    for partial in home.glob(".*"):  # left by a killed process
        partial.unlink(missing_ok=True)
    if not same:
        write_whole(home / "rows.npy", packed(np.save, np.asarray(rows, np.int64)))


def cut(folder: Path, after: int) -> None:
    """Delete the frames and queued latents of epochs above `after`."""
    for kind in ("latent", "map"):
        for epoch in epochs(folder, kind):
            if epoch > after:
                path_of(folder, kind, epoch).unlink(missing_ok=True)


def copy(source: Path, target: Path, last: int) -> None:
    """Copy the film of the run in `source` up to and including the epoch `last` to the run in `target`."""
    if not (source / FOLDER / "rows.npy").is_file():
        return
    (target / FOLDER).mkdir(exist_ok=True)
    shutil.copyfile(source / FOLDER / "rows.npy", target / FOLDER / "rows.npy")
    for kind in ("latent", "map"):
        for epoch in epochs(source, kind):
            if epoch <= last:
                with suppress(FileNotFoundError):  # the source's process may be working on its queue
                    shutil.copyfile(path_of(source, kind, epoch), path_of(target, kind, epoch))


def offer(folder: Path, epoch: int, latent: np.ndarray, clusters: np.ndarray | None) -> None:
    """Queue latents (m, d) and clusters (m,) for layout. OSError if they cannot be written."""
    clusters = np.full(len(latent), UNKNOWN) if clusters is None else clusters
    latent, clusters = np.asarray(latent, np.float32), np.asarray(clusters, np.int16)
    content = packed(np.savez, latent=latent, clusters=clusters)
    write_whole(path_of(folder, "latent", epoch), content)
    drop(folder, "latent", map_film.surplus_frames(epochs(folder, "latent"), WAITING))


def keep(folder: Path, frame: Frame) -> None:
    """Save a frame and remove its latents from the queue. OSError if it cannot be written."""
    content = packed(np.savez, points=frame.points, clusters=frame.clusters)
    write_whole(path_of(folder, "map", frame.epoch), content)
    drop(folder, "latent", [frame.epoch])
    drop(folder, "map", map_film.surplus_frames(epochs(folder), KEPT))


def drop(folder: Path, kind: str, numbers: list[int]) -> None:
    """Delete the files of these epochs, if they exist."""
    for epoch in numbers:
        path_of(folder, kind, epoch).unlink(missing_ok=True)


def read(folder: Path, epoch: int) -> Frame:
    """The frame of an epoch. RunError if it is missing or damaged."""
    points, clusters = unpacked(path_of(folder, "map", epoch), "points", "clusters")
    if points.shape[1:] != (2,):
        raise damaged(epoch)
    return Frame(epoch, points, clusters)


def read_latent(folder: Path, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """The queued latents (m, d) and clusters (m,) of an epoch. RunError if they are missing or damaged."""
    return unpacked(path_of(folder, "latent", epoch), "latent", "clusters")


def read_rows(folder: Path) -> np.ndarray:
    """Positions of the filmed samples, (m,) int64, ascending. RunError if they cannot be read."""
    try:
        check_regular(folder / FOLDER / "rows.npy")
        rows = np.load(folder / FOLDER / "rows.npy", allow_pickle=False)
    except Exception as error:  # the header of a damaged array is read as Python's own literals
        raise RunError("The film's list of samples is missing or damaged.") from error
    if rows.dtype != np.int64 or rows.ndim != 1 or (np.diff(rows, prepend=-1) < 1).any():
        raise RunError("The film's list of samples is missing or damaged.")
    return rows


def packed(save: Callable[..., None], *arrays: np.ndarray, **named: np.ndarray) -> bytes:
    """The bytes that `np.save` or `np.savez` writes for arrays."""
    out = io.BytesIO()
    save(out, *arrays, **named)
    return out.getvalue()


def unpacked(path: Path, coordinates: str, clusters: str) -> tuple[np.ndarray, np.ndarray]:
    """Finite float32 coordinates (m, …) and int16 clusters (m,) of a file; RunError if they are not there."""
    epoch = int(path.stem.rpartition("-")[2])
    try:
        check_regular(path)
        with np.load(path, allow_pickle=False) as file:
            points, groups = file[coordinates], file[clusters]
        fits = points.dtype == np.float32 and groups.dtype == np.int16 and points.ndim == 2
        if not fits or groups.shape != (len(points),) or not np.isfinite(points).all():
            raise ValueError("unexpected content")
    except Exception as error:  # zipfile, zlib and NumPy each have their own errors for a damaged file
        raise damaged(epoch) from error
    return points, groups


def damaged(epoch: int) -> RunError:
    """The error for a frame that cannot be read."""
    return RunError(f"The frame of epoch {epoch} is missing or damaged.")
