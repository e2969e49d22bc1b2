"""From k-means on Y to the whole graph, step by step, on the same codes: `python -m tests.benchmarks.ladder --help`.

The codes are those of a finished run of `paper`, and nothing trains them further. On these codes spectral networks are
trained by the spectral loss alone, with one graph per batch or with the edges of the whole graph, and each is read in
several ways. So each rung changes one thing, and shows where the published method stops and what lifts it. Each data
set and seed gives one file, tests/benchmarks/results/ladder/DATA/SEED.json; one that was made by the present algorithm
with the present settings is kept. Labels are used for the scores alone.

    DSC_DATA=/path/to/sets python -m tests.benchmarks.ladder --data usps mnist-test --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
import torch
from torch import Tensor

from dsc_core import objective
from dsc_core.analysis import metrics
from dsc_core.config import Config
from dsc_core.method.cut import cut_graph, k_means
from dsc_core.method.feed import build_graph
from dsc_core.method.graph import affinity_of, diffusion_map, row_normalised
from dsc_core.method.head import assign_softly
from dsc_core.method.networks.networks import Networks
from dsc_core.method.networks.spectral import orthonormalise
from dsc_core.method.optimiser import adam
from dsc_core.plots.picture import Picture
from dsc_core.presets import preset
from dsc_core.training.batches import Pairs
from dsc_core.training.loop import REVISION
from dsc_core.training.maps import damped_rotation
from tests.benchmarks import methods, quality
from tests.benchmarks.tables import markdown, spread

RESULTS = quality.RESULTS / "ladder"
STEPS = 400  # of a spectral network on fixed codes; after half of them the scores hardly move
WIDTH = 256  # of these networks: narrower than in `paper`, and trained in a fraction of the time
WHOLE_NEIGHBOURS = 10  # of the whole graph, as in `standard`
WHOLE, BATCH, RAW, ROWS = "whole graph", "graphs of batches", "", ", rows of norm 1"
ROTATED = ", rotated and damped, rows of norm 1"
PAPER, EXACT_CUT = "`paper`: k-means on its Y", "the cut of the whole graph, as in `standard`"
RUNGS = (
    PAPER,
    *(f"K eigenvectors of the {WHOLE}{how}" for how in (RAW, ROWS)),
    *(f"Y of {source}, K′ = 2·K{how}" for source in (BATCH, WHOLE) for how in (RAW, ROWS, ROTATED)),
    EXACT_CUT,
)
# Of the picture, in pixels.
NAME, BAR, LINE, TOP, GAP = 420, 150, 18, 44, 46


def climb(data: str, seed: int) -> dict:
    """The scores of each rung, as they are written to the file."""
    dataset = methods.open_data(data)
    config = preset("paper", clusters=dataset.classes, seed=seed)
    fitted, _ = methods.train(dataset, config, lambda sentence: quality.report(f"{data} {seed}: {sentence}"))
    codes = torch.from_numpy(np.array(fitted.latent))
    found = {PAPER: fitted.labels} | dict(rungs(codes, config))
    scores = {
        name: {key: round(value, 5) for key, value in metrics.scores(dataset.labels, labels).items()}
        for name, labels in found.items()
    }
    about = {"data": data, "seed": seed, "samples": len(dataset), "revision": REVISION, "steps": STEPS}
    return {**about, "config": config.to_dict(), "rungs": scores}


def rungs(codes: Tensor, config: Config) -> Iterator[tuple[str, np.ndarray]]:
    """The labels (n,) of each rung but the first, from codes (n, d). config: that of `paper`."""
    whole = config.replace(neighbours=WHOLE_NEIGHBOURS)
    affinity = build_graph(codes, [], whole)

    def labels(points: np.ndarray) -> np.ndarray:
        return k_means(np.ascontiguousarray(points, np.float32), config).labels

    _, vectors = diffusion_map(affinity, config.clusters, config.seed)
    for how, points in ((RAW, vectors), (ROWS, row_normalised(vectors))):
        yield f"K eigenvectors of the {WHOLE}{how}", labels(points)
    for source, graph in ((BATCH, None), (WHOLE, affinity)):
        coordinates = spectral_coordinates(codes, config, graph)
        rotated = coordinates @ damped_rotation(coordinates, affinity, config.damping)
        ways = ((RAW, coordinates), (ROWS, row_normalised(coordinates)), (ROTATED, row_normalised(rotated)))
        for how, points in ways:
            yield f"Y of {source}, K′ = 2·K{how}", labels(points)
    yield EXACT_CUT, cut_graph(affinity, whole).labels


def spectral_coordinates(codes: Tensor, config: Config, graph: sparse.csr_matrix | None) -> np.ndarray:
    """Y (n, 2·K) of a new spectral network, trained on fixed codes (n, d) by the spectral loss alone.

    graph: the whole graph, sparse (n, n), of which a batch has the edges among its samples, half of them neighbours of
    the other half; None for a graph per batch.
    """
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    config = config.replace(encoder="none", spectral_dims=2 * config.clusters, spectral_width=WIDTH)
    nets = Networks((codes.shape[1],), config)
    optimiser, affinity = (
        adam(nets.spectral.parameters(), config.learning_rate),
        affinities(config, graph, rng),
    )
    size = min(config.joint_batch, len(codes)) // (1 if graph is None else 2)
    for _ in range(STEPS):
        index, weights = affinity(rng.choice(len(codes), size, replace=False), codes)
        coordinates, _, _ = orthonormalise(nets.spectral(codes[index])[0])
        optimiser.zero_grad(set_to_none=True)
        objective.spectral_loss(coordinates, weights).backward()
        optimiser.step()
    raw, _ = assign_softly(nets, codes)
    return orthonormalise(raw.double())[0].numpy()


def affinities(
    config: Config, graph: sparse.csr_matrix | None, rng: np.random.Generator
) -> Callable[[np.ndarray, Tensor], tuple[np.ndarray, Tensor]]:
    """A function of positions (m,) and all codes (n, d): the positions in the batch and the affinities among them."""
    if graph is None:
        return lambda index, codes: (index, affinity_of(codes[index], config))
    pairs = Pairs(graph, rng)

    def joined(index: np.ndarray, codes: Tensor) -> tuple[np.ndarray, Tensor]:
        index = np.concatenate([index, pairs.neighbours(index)])
        return index, pairs.among(index, codes.device)

    return joined


# Results -----------------------------------------------------------------------------------------------------


def is_current(result: dict) -> bool:
    """Whether a result was made by the present algorithm, with the present settings of `paper` and the same rungs."""
    clusters = result["config"]["clusters"]
    config = preset("paper", clusters=clusters, seed=result["seed"]).to_dict()
    made = result["revision"] == REVISION and result["steps"] == STEPS
    return made and result["config"] == config and list(result["rungs"]) == list(RUNGS)


def collected(folder: Path = RESULTS) -> dict[str, list[dict]]:
    """The results by data set, sorted by seed; those that are not current among them."""
    by_data = defaultdict(list)
    for result in filter(None, map(quality.read, sorted(folder.glob("*/*.json")))):
        by_data[result["data"]].append(result)
    return {data: by_data[data] for data in methods.DATA if data in by_data}


def table(results: dict[str, list[dict]]) -> str:
    """ACC / NMI of each rung, one column per data set; a † marks what is not current."""
    if not results:
        return "No results yet."
    marks = {data: "" if all(map(is_current, some)) else " †" for data, some in results.items()}
    seeds = {data: ", ".join(str(one["seed"]) for one in some) for data, some in results.items()}
    head = [
        "read from the codes of `paper`",
        *(f"{data}{marks[data]}, seeds {seeds[data]}" for data in results),
    ]
    rows = [[rung, *(cell(some, rung) for some in results.values())] for rung in RUNGS]
    return markdown(head, rows)


def cell(results: list[dict], rung: str) -> str:
    """ACC and NMI of a rung over the seeds; – where it has none."""
    scored = [result["rungs"][rung] for result in results if rung in result["rungs"]]
    return " / ".join(spread(each[score] for each in scored) for score in ("acc", "nmi")) if scored else "–"


def picture(results: dict[str, list[dict]]) -> Picture:
    """The mean ACC of each rung as a bar, one column per data set, from the bottom of the ladder to its top."""
    made = Picture(NAME + (BAR + GAP) * len(results), TOP + LINE * len(RUNGS) + 12)
    made.text(12, 16, "ACC, read from the same codes", 13)
    for column, (data, some) in enumerate(results.items()):
        left = NAME + (BAR + GAP) * column
        made.text(left, TOP - 12, data, 12)
        for number, rung in enumerate(RUNGS):
            scored = [result["rungs"][rung]["acc"] for result in some if rung in result["rungs"]]
            top = TOP + LINE * number
            if column == 0:
                made.text(12, top + LINE / 2, rung.replace("`", ""), 11)
            if scored:
                wide = BAR * float(np.mean(scored))
                made.box(left, top + 3, wide, LINE - 6, shade(rung))
                made.text(left + wide + 5, top + LINE / 2, f"{np.mean(scored):.3f}".lstrip("0"), 11)
    return made


def shade(rung: str) -> str:
    """Grey for the published method, one colour for batches' graphs, another for the whole graph."""
    return "#8a949e" if rung == PAPER else "#d08c3f" if BATCH in rung else "#3f78b5"


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.ladder",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", nargs="+", default=["digits"], choices=methods.DATA, metavar="DATA")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--again", action="store_true", help="also repeat what has a current result")
    parser.add_argument("--table", action="store_true", help="only print the table of the results so far")
    given = parser.parse_args(arguments)
    for data in [] if given.table else given.data:
        for seed in given.seeds:
            path = RESULTS / data / f"{seed}.json"
            kept = quality.read(path)
            if kept and is_current(kept) and not given.again:
                quality.report(f"{data} {seed}: up to date")
                continue
            result = climb(data, seed)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(table(collected()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
