"""The maps against `umap-learn`: `python -m tests.benchmarks.maps [--data digits mnist-test] [--rounds 5]`.

Both draw the first principal components of the pixels, from the same exact neighbours, in alternation. Reported are
processor seconds (median; of umap-learn also those of the first call, in which it loads and compiles), and what the map
keeps: trustworthiness (of 3,000 points) and the share of the 15 nearest neighbours, and the accuracy of a vote of 10
neighbours on the map, where the data have labels. `--pictures FOLDER` saves both maps as images.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

from dsc_core.analysis import umap_map
from dsc_core.data import Dataset, open_dataset
from dsc_core.method.neighbours import nearest

FEATURES, NEAR, VOTES, TRUSTED = 50, 15, 10, 3000
Draw = Callable[[np.ndarray, int], np.ndarray]


def package(points: np.ndarray, seed: int) -> np.ndarray:
    """The map by umap-learn, in the 200 epochs that maps of runs had before."""
    return umap_map.run_umap(points, 2, seed, umap_map.NEIGHBOURS, umap_map.MIN_DIST, epochs=200)


DRAWS: dict[str, Draw] = {"own": umap_map.lay_out, "umap-learn": package}


def features(dataset: Dataset) -> np.ndarray:
    """The first principal components of the values, (n, at most 50) float32."""
    values = np.asarray(dataset.samples, np.float32).reshape(len(dataset), -1)
    return umap_map.principal_axes(values, min(FEATURES, values.shape[1]))


def kept(points: np.ndarray, mapped: np.ndarray, labels: np.ndarray | None) -> str:
    """What a map (n, 2) of `points` (n, d) keeps, in words."""
    from sklearn.manifold import trustworthiness

    some = np.random.default_rng(0).permutation(len(points))[:TRUSTED]
    trust = trustworthiness(points[some], mapped[some], n_neighbors=NEAR)
    before, after = (nearest(torch.from_numpy(each), NEAR)[0] for each in (points, mapped))
    shared = np.mean([len(np.intersect1d(*rows)) / NEAR for rows in zip(before, after, strict=True)])
    text = f"trustworthiness {trust:.4f}, neighbours kept {shared:.3f}"
    if labels is None:
        return text
    classes = np.unique(labels, return_inverse=True)[1]
    voted = [np.bincount(row).argmax() for row in classes[after[:, :VOTES]]]
    return f"{text}, vote {np.mean(voted == classes):.3f}"


def save_picture(mapped: np.ndarray, labels: np.ndarray | None, path: Path) -> None:
    """A map (n, 2) as an image, a colour for each class."""
    from PIL import Image, ImageDraw

    size, pad = 800, 20
    image = Image.new("RGB", (size, size), "white")
    draw = ImageDraw.Draw(image)
    low, extent = mapped.min(0), np.ptp(mapped, axis=0).max()
    classes = np.zeros(len(mapped), int) if labels is None else np.unique(labels, return_inverse=True)[1]
    for (x, y), hue in zip(
        (mapped - low) / extent * (size - 2 * pad) + pad, classes * 137 % 360, strict=True
    ):
        draw.ellipse([x - 2, y - 2, x + 2, y + 2], fill=f"hsl({hue}, 80%, 45%)")
    image.save(path)


def compare(name: str, rounds: int, pictures: Path | None) -> None:
    """Draw the maps of a data set in both ways, and print a line for each."""
    dataset = open_dataset(name)
    points = features(dataset)
    seconds: dict[str, list[float]] = {way: [] for way in DRAWS}
    maps: dict[str, np.ndarray] = {}
    for seed in range(rounds + 1):  # the first counts apart
        for way, draw in DRAWS.items():
            began = time.process_time()
            maps[way] = draw(points, seed)
            seconds[way].append(time.process_time() - began)
    for way, mapped in maps.items():
        first, *others = seconds[way]
        figures = f"{median(others):6.2f} s, first {first:6.2f} s"
        print(
            f"{name} ({len(points):,})  {way:10}  {figures}, {kept(points, mapped, dataset.labels)}",
            flush=True,
        )
        if pictures:
            save_picture(mapped, dataset.labels, pictures / f"{name}-{way}.png")


def main() -> None:
    """Compare the maps of the data sets that the command names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=["digits"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    for name in options.data:
        compare(name, options.rounds, options.pictures)


if __name__ == "__main__":
    main()
