"""The film of a run's latent map on the disk, in the run's folder `frames/`.

`latent-#####.npz` waits to be laid out: where the filmed samples lie in the latent space after that epoch, and their
clusters. `map-#####.npz` is what came of it, a frame. `rows.npy` tells which samples they are, in all of them.
"""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsc_core.analysis import map_film
from dsc_core.errors import RunError
from dsc_core.runs.files import write_whole

FOLDER = "frames"
KEPT = 200  # frames of a run; of a longer film every second of the earlier ones is let go
WAITING = 24  # latents that may wait: those of a start, while UMAP is compiled; beyond it frames are left out
NAME = re.compile(r"(latent|map)-(\d{5,})\.npz")
UNKNOWN = -1  # the cluster of a sample before there are clusters


@dataclass(frozen=True)
class Frame:
    """The map after one epoch. points: (n, 2) float32. clusters: (n,) int16, UNKNOWN in stage 1."""

    epoch: int
    points: np.ndarray
    clusters: np.ndarray


def epochs(folder: Path, kind: str = "map") -> list[int]:
    """The epochs of the run in `folder` that have a frame, or a "latent" that waits for one, ascending."""
    found = []
    with suppress(OSError):
        for path in (folder / FOLDER).iterdir():
            if (name := NAME.fullmatch(path.name)) and name[1] == kind:
                found.append(int(name[2]))
    return sorted(found)


def path_of(folder: Path, kind: str, epoch: int) -> Path:
    """Where the frame ("map") or the "latent" of an epoch lies."""
    return folder / FOLDER / f"{kind}-{epoch:05d}.npz"


def begin(folder: Path, rows: np.ndarray, after: int) -> None:
    """Get ready for a training that goes on after the epoch `after`, -1 at the beginning.

    What came later is let go, as it comes again; so is a film of other samples. rows: (m,), which samples are filmed.
    """
    home = folder / FOLDER
    home.mkdir(exist_ok=True)
    same = False
    with suppress(RunError):
        same = np.array_equal(read_rows(folder), rows)
    cut(folder, after if same else -1)
    for left in home.glob(".*"):  # half written, by a process that was killed
        left.unlink(missing_ok=True)
    if not same:
        write_whole(home / "rows.npy", packed(np.save, np.asarray(rows, np.int64)))


def cut(folder: Path, after: int) -> None:
    """Let go of all frames, and of all that wait, of epochs above `after`."""
    for kind in ("latent", "map"):
        for epoch in epochs(folder, kind):
            if epoch > after:
                path_of(folder, kind, epoch).unlink(missing_ok=True)


def copy(source: Path, target: Path, upto: int) -> None:
    """The film of the run in the folder `source`, until and with the epoch `upto`, for the one in `target`."""
    if not (source / FOLDER / "rows.npy").is_file():
        return
    (target / FOLDER).mkdir(exist_ok=True)
    shutil.copyfile(source / FOLDER / "rows.npy", target / FOLDER / "rows.npy")
    for kind in ("latent", "map"):
        for epoch in epochs(source, kind):
            if epoch <= upto:
                with suppress(FileNotFoundError):  # the source's own process goes on with what waits
                    shutil.copyfile(path_of(source, kind, epoch), path_of(target, kind, epoch))


def offer(folder: Path, epoch: int, latent: np.ndarray, clusters: np.ndarray | None) -> None:
    """Let (m, d) latents and their (m,) clusters wait for their map. OSError where they cannot be written."""
    clusters = np.full(len(latent), UNKNOWN) if clusters is None else clusters
    parts = {"latent": np.asarray(latent, np.float32), "clusters": np.asarray(clusters, np.int16)}
    write_whole(path_of(folder, "latent", epoch), packed(np.savez, **parts))
    drop(folder, "latent", map_film.surplus_frames(epochs(folder, "latent"), WAITING))


def keep(folder: Path, frame: Frame) -> None:
    """Put a frame into its place; what waited for it is done with. OSError where it cannot be written."""
    content = packed(np.savez, points=frame.points, clusters=frame.clusters)
    write_whole(path_of(folder, "map", frame.epoch), content)
    drop(folder, "latent", [frame.epoch])
    drop(folder, "map", map_film.surplus_frames(epochs(folder), KEPT))


def drop(folder: Path, kind: str, numbers: list[int]) -> None:
    """Let go of the files of these epochs; those that are gone are gone."""
    for epoch in numbers:
        path_of(folder, kind, epoch).unlink(missing_ok=True)


def read(folder: Path, epoch: int) -> Frame:
    """The frame of an epoch. RunError, one sentence, where it is gone or damaged."""
    points, clusters = unpacked(path_of(folder, "map", epoch), "points", "clusters")
    if points.shape[1:] != (2,):
        raise damaged(epoch)
    return Frame(epoch, points, clusters)


def read_latent(folder: Path, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """What waits for the map of an epoch: latents (m, d), clusters (m,). RunError where it is gone or damaged."""
    return unpacked(path_of(folder, "latent", epoch), "latent", "clusters")


def read_rows(folder: Path) -> np.ndarray:
    """Which samples the film shows, (m,) int64, ascending. RunError where that is not known."""
    try:
        rows = np.load(folder / FOLDER / "rows.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RunError("Which samples the film shows is no longer known.") from error
    if rows.dtype != np.int64 or rows.ndim != 1:
        raise RunError("Which samples the film shows is no longer known.")
    return rows


def packed(save, *given, **named) -> bytes:
    """What `np.save` or `np.savez` makes of arrays, to be written whole."""
    out = io.BytesIO()
    save(out, *given, **named)
    return out.getvalue()


def unpacked(path: Path, coordinates: str, clusters: str) -> tuple[np.ndarray, np.ndarray]:
    """Finite float32 coordinates (m, …) and int16 clusters (m,) of a file; RunError where they are not there."""
    epoch = int(NAME.fullmatch(path.name)[2])
    try:
        with np.load(path, allow_pickle=False) as found:
            places, groups = found[coordinates], found[clusters]
        fits = places.dtype == np.float32 and groups.dtype == np.int16 and places.ndim == 2
        if not fits or groups.shape != (len(places),) or not np.isfinite(places).all():
            raise ValueError("not what was written")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zipfile.zlib.error) as error:
        raise damaged(epoch) from error
    return places, groups


def damaged(epoch: int) -> RunError:
    """The error for a frame that cannot be read."""
    return RunError(f"The frame of epoch {epoch} is gone or damaged.")
