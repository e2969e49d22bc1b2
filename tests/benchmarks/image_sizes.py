"""What a step of stage 1 takes on images of several sizes: processor seconds for 64 colour images, by the first layer.

Run by hand: `python -m tests.benchmarks.image_sizes --sides 64 96 128 224`
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from dsc_core import objective
from dsc_core.config import Config
from dsc_core.method.batch import autoencoder_terms
from dsc_core.method.feed import Feed
from dsc_core.method.networks.networks import Networks
from dsc_core.method.networks.sizes import STEMS
from dsc_core.method.share import Share
from dsc_core.training import allocation
from dsc_core.training.trainer import make_optimiser

COUNT = 64


def step_seconds(side: int, stem: str, rounds: int) -> float:
    """The median of `rounds` steps, in processor seconds."""
    config, rng = Config(stem=stem, device="cpu"), np.random.default_rng(0)
    samples = rng.integers(0, 255, (COUNT, 3, side, side)).astype(np.uint8)
    feed, index = Feed(samples, (0.0, 1 / 255), torch.device("cpu")), np.arange(COUNT)
    nets = Networks((3, side, side), config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = make_optimiser(nets, "autoencoder", config)
    times = []
    for _ in range(rounds + 2):
        began = time.process_time()
        terms = autoencoder_terms(nets, feed, index, config, Share(COUNT))
        optimiser.zero_grad(set_to_none=True)
        objective.total(terms, config, "autoencoder").backward()
        optimiser.step()
        times.append(time.process_time() - began)
    return statistics.median(times[2:])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 96, 128, 224])
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    allocation.keep_blocks()
    print("| pixels | " + " | ".join(STEMS) + " |\n|" + "---|" * (1 + len(STEMS)))
    for side in chosen.sides:
        cells = (f"{step_seconds(side, stem, chosen.rounds):.2f} s" for stem in STEMS)
        print(f"| {side}×{side} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
