"""Whole jobs, from the start of `python -m dsc_core train` to its end, each in a workspace of its own."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.speed.trees import Failed, run

FACES = "faces"  # 400 images of 32×32 in 40 clusters, made here
LIMIT = 1800.0  # seconds for one job
SEED_OF_FACES, PEOPLE, EACH, SIDE = 0, 40, 10, 32


def train(
    tree: Path, data: str, preset: str, seed: int, limit: float = LIMIT, more: tuple[str, ...] = ()
) -> dict:
    """Seconds, processor seconds and scores of one job. more: further arguments of `train`."""
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        home = Path(folder) / "home"
        source, clusters = data, ()
        if data == FACES:
            source, clusters = str(write_faces(Path(folder) / "faces.npz")), ("--clusters", str(PEOPLE))
        command = [sys.executable, "-m", "dsc_core", "train", source, "--preset", preset, "--seed", str(seed)]
        job = run([*command, *clusters, *more], limit, cwd=tree, env={"DSC_HOME": str(home)})
        summaries = list(home.glob("runs/*/summary.json"))
        if len(summaries) != 1:
            raise Failed(f"{len(summaries)} summaries where one was expected")
        summary = json.loads(summaries[0].read_text(encoding="utf-8"))
    return {
        "wall": job.seconds,
        "processor": job.processor,
        "training": summary["train_seconds"],
        "device": summary["device"],
        **{name: summary[name] for name in ("samples", "acc", "nmi", "ari")},
    }


def write_faces(path: Path) -> Path:
    """Write the seeded set FACES, with labels, as one .npz; it stands for a small set of photographs.

    A smooth random pattern for each of 40 people; of each, ten images with other light, place and noise.
    """
    import numpy as np
    from scipy.ndimage import gaussian_filter, shift

    rng = np.random.default_rng(SEED_OF_FACES)
    images = np.empty((PEOPLE, EACH, SIDE, SIDE), np.uint8)
    for person in range(PEOPLE):
        pattern = gaussian_filter(rng.standard_normal((SIDE, SIDE)), 3)
        for number in range(EACH):
            light = gaussian_filter(rng.standard_normal((SIDE, SIDE)), 10)
            moved = shift(pattern, rng.uniform(-2, 2, 2), order=1, mode="nearest")
            face = moved / pattern.std() + 0.7 * light / light.std() + 0.2 * rng.standard_normal((SIDE, SIDE))
            images[person, number] = np.clip(128 + 40 * face, 0, 255)
    labels = np.repeat(np.arange(PEOPLE), EACH)
    np.savez(path, images=images.reshape(-1, SIDE, SIDE), labels=labels)
    return path
