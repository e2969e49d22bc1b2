"""Time of one move of the noise explorer's slider on the CPU: `python -m tests.benchmarks.explorer`.

Draws, decodes and places 20 noisy codes of one sample and of four, and makes the images and the figure of the map.
The models are untrained, since speed does not depend on what they have learned. Prints milliseconds.
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
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.plots.noise_map import NOISE_MAP_LIMIT, noise_map
from dsc_core.sampling import sample_rows

CASES = {"digits": (1_797, (1, 8, 8)), "mnist": (70_000, (1, 28, 28)), "photos": (5_000, (3, 96, 96))}


def untrained(count: int, shape: tuple[int, ...]) -> Fitted:
    """A model with random weights and codes."""
    config = Config().replace(device="cpu")
    latent = np.random.default_rng(0).normal(size=(count, config.latent_dims)).astype(np.float32)
    nets = Networks(shape, config).eval()
    ones = np.ones(count, np.float32)
    return Fitted(nets, config, shape, latent, latent[:, :20], np.arange(count) % 10, ones, np.eye(20))


def move(fitted: Fitted, samples: list[int], level: float, latent_map: np.ndarray, rows: np.ndarray) -> None:
    """Everything that the page computes when the slider moves."""
    explored = noise.explore(fitted.latent[samples], level, 0, fitted.decode, fitted.decode_noisy)
    landed = noise.place_noisy_codes(explored, fitted.latent, latent_map)
    for place in range(len(samples)):
        for picture in (explored.clean[place], *explored.noisy[place]):
            image_sheet(picture[None], 1, tile=96)
    named = [{"name": str(n), "own": latent_map[n], "draws": landed[i]} for i, n in enumerate(samples)]
    noise_map(latent_map[rows], fitted.labels[rows], named)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, median and slowest of {options.repeats} moves")
    for name, (count, shape) in CASES.items():
        fitted = untrained(count, shape)
        latent_map = np.random.default_rng(1).normal(size=(count, 2)).astype(np.float32)
        rows = sample_rows(count, NOISE_MAP_LIMIT, 0)
        for samples in ([5], [5, 6, 7, 8]):
            move(fitted, samples, 0.5, latent_map, rows)
            milliseconds = []
            for repeat in range(options.repeats):
                began = time.perf_counter()
                move(fitted, samples, repeat / options.repeats, latent_map, rows)
                milliseconds.append(1000 * (time.perf_counter() - began))
            size = "×".join(map(str, shape))
            text = f"median {statistics.median(milliseconds):.0f} ms, slowest {max(milliseconds):.0f} ms"
            print(f"{name:<7} {count:>6,} of {size:<8} {len(samples)} at a time: {text}", flush=True)


if __name__ == "__main__":
    main()
