"""How long one move of the noise explorer's slider takes on the CPU: `python -m tests.benchmarks.explorer`.

Shakes, decodes and places 20 noisy codes of one sample and of four, and makes the pictures and the map's
figure, for models that have learnt nothing: speed does not depend on what they know. Prints milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from dsc_core.analysis import noise
from dsc_core.config import Config
from dsc_core.method.networks.networks import Networks
from dsc_core.model import Fitted
from dsc_core.plots import interactive

CASES = {"digits": (1_797, (1, 8, 8)), "mnist": (70_000, (1, 28, 28)), "photos": (5_000, (3, 96, 96))}


def untaught(count: int, shape: tuple[int, ...]) -> Fitted:
    """A model with random weights and codes."""
    config = Config().replace(device="cpu")
    latent = np.random.default_rng(0).normal(size=(count, config.latent_dims)).astype(np.float32)
    nets = Networks(shape, config).eval()
    ones = np.ones(count, np.float32)
    return Fitted(nets, config, shape, latent, latent[:, :20], np.arange(count) % 10, ones, np.eye(20))


def move(fitted: Fitted, samples: list[int], level: float, latent_map: np.ndarray, rows: np.ndarray) -> None:
    """All that the page computes when the slider is moved."""
    found = noise.explore(fitted, samples, level, seed=0)
    landed = noise.landings(found, fitted.latent, latent_map)
    for place in range(len(samples)):
        for picture in (found.clean[place], *found.noisy[place]):
            interactive.image_sheet(picture[None], 1, tile=96)
    named = [{"name": str(n), "own": latent_map[n], "draws": landed[i]} for i, n in enumerate(samples)]
    interactive.landing_map(latent_map[rows], fitted.labels[rows], named)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, median and slowest of {options.repeats} moves")
    for name, (count, shape) in CASES.items():
        fitted = untaught(count, shape)
        latent_map = np.random.default_rng(1).normal(size=(count, 2)).astype(np.float32)
        rows = interactive.drawn(count, interactive.LANDING_LIMIT)
        for samples in ([5], [5, 6, 7, 8]):
            move(fitted, samples, 0.5, latent_map, rows)
            took = []
            for repeat in range(options.repeats):
                began = time.perf_counter()
                move(fitted, samples, repeat / options.repeats, latent_map, rows)
                took.append(1000 * (time.perf_counter() - began))
            size = "×".join(map(str, shape))
            told = f"median {statistics.median(took):.0f} ms, slowest {max(took):.0f} ms"
            print(f"{name:<7} {count:>6,} of {size:<8} {len(samples)} at a time: {told}", flush=True)


if __name__ == "__main__":
    main()
