"""Files of a finished run that are missing or damaged, made again from those that are left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dsc_core.analysis import metrics
from dsc_core.analysis.label_free import label_free_scores
from dsc_core.errors import RunError
from dsc_core.runs.artifacts.arrays import FOLDER, read_latent, read_map, read_spectral
from dsc_core.runs.artifacts.labels import FILE as LABELS
from dsc_core.runs.artifacts.labels import labels_frame, map_of, write_frame
from dsc_core.runs.artifacts.summary import FILE as SUMMARY
from dsc_core.runs.artifacts.summary import read_summary
from dsc_core.runs.files import check_regular, damaged, staged, write_json
from dsc_core.runs.run import Run

Report = Callable[[str, int, int], object]
SPACES = {"latent": read_latent, "spectral": read_spectral}


def mend(run: Run, report: Report = lambda *_: None) -> list[str]:
    """Make the labels, the maps and the summary of a run again where they cannot be read. → the names of the files.

    The labels come from the model and the data set; the maps from the labels' file, which holds them too, or are drawn
    again; of the summary the scores are computed, and the times stay unknown. RunError where what is needed for a file
    cannot be read either.
    """
    made = []
    frame = _readable(labels_frame, run)
    with staged(run.folder) as new:
        (new / FOLDER).mkdir()
        maps = []
        for space in SPACES:
            points = _readable(read_map, run, space)
            if points is None:
                report(f"Making the {space} map", 0, 0)
                points = map_of(frame, space) if frame is not None else _drawn(run, space)
                np.save(new / FOLDER / f"{space}_map.npy", points)
                made.append(f"{space}_map.npy")
            maps.append(points)
        if frame is None:
            report("Reading the clusters from the model", 0, 0)
            frame = _write_labels(run, np.hstack(maps), new / LABELS)
            made.append(LABELS)
        if _readable(read_summary, run) is None:
            report("Computing the scores", 0, 0)
            write_json(new / SUMMARY, _summary(run, frame))
            made.append(SUMMARY)
    return made


def _readable(read: Callable[..., Any], *arguments: Any) -> Any:
    """What `read` gives; None where its file is missing or damaged."""
    try:
        return read(*arguments)
    except RunError:
        return None


def _drawn(run: Run, space: str) -> np.ndarray:
    """A map that is drawn again, as the run drew it."""
    from dsc_core.analysis import umap_map

    return umap_map.project(SPACES[space](run), run.config.seed)


def _write_labels(run: Run, maps: np.ndarray, path: Path) -> pd.DataFrame:
    """Write labels.parquet from the model and the data set. → its rows."""
    from dsc_core.data import load_dataset

    dataset = load_dataset(str(run.dataset.get("key", "")), run.home)
    if len(dataset) != run.samples:
        raise RunError("The data set in this workspace is not the one that was trained on: open it again.")
    clusters, confidence = (_of_model(run, name) for name in ("labels", "confidence"))
    write_frame(path, dataset.ids, clusters, confidence, maps, dataset.labels)
    return pd.read_parquet(path)


def _of_model(run: Run, name: str) -> np.ndarray:
    """An array of the model with a value for each sample, (n,)."""
    path = run.folder / "model" / f"{name}.npy"
    try:
        check_regular(path)
        array = np.load(path, allow_pickle=False)
    except Exception as error:  # see `arrays.read_array`
        raise damaged(run.folder / path.name) from error
    if array.shape != (run.samples,) or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise damaged(run.folder / path.name, "it has not a value for each sample")
    return np.asarray(array)


def _summary(run: Run, frame: pd.DataFrame) -> dict[str, Any]:
    """The contents of summary.json, as far as they can be computed again."""
    clusters = frame["cluster"].to_numpy()
    scores: dict[str, float | None] = dict.fromkeys(("acc", "nmi", "ari"))
    if "label" in frame:
        scores.update(metrics.scores(frame["label"].to_numpy(), clusters))
    free = label_free_scores(read_latent(run), read_spectral(run), clusters, run.config.seed)
    unknown = dict.fromkeys(("seconds", "train_seconds", "paused_seconds", "images_per_second"))
    about = {"run": run.id, "status": run.status, "samples": run.samples, "clusters": run.clusters}
    return {
        **about,
        **scores,
        **free,
        "clusters_found": len(np.unique(clusters)),
        **unknown,
        "device": run.device,
    }
