"""What the classes cost as a cut of the graph, and what the cut that was found costs, by two rules.

    DSC_DATA=/path/to/sets python -m tests.benchmarks.class_costs --seeds 0 1 2
    python -m tests.benchmarks.class_costs --table

The rules are that of before, which charged unequal sizes, and the present one. A rule that prefers what is not there
charges the classes more than what it finds. Each data set and seed is a run of
`standard`, trained or taken from --models, of whose last graph all candidates are made again and refined: k-means, and
every cut of merged cells. Both rules choose among the same ones, as `cut.best_cut` does without a previous clustering.
The classes are refined too: what is left of them is the best cut near them. Labels serve this table alone. Each run
writes one file, tests/benchmarks/results/trust/class-costs/DATA-SEED.json.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
import torch

from dsc_core.analysis import metrics
from dsc_core.config import Config
from dsc_core.method import cut, graph, kmeans
from dsc_core.method.dendrogram import weights_between
from dsc_core.method.edges import CPU, Edges, cost, normalised_cut, refine
from dsc_core.plots.picture import Picture
from dsc_core.training.loop import REVISION
from tests.benchmarks.quality import RESULTS as ALL_RESULTS
from tests.benchmarks.quality import read
from tests.benchmarks.tables import markdown, spread
from tests.benchmarks.trained import MADE_UP, open_data, trained

RESULTS = ALL_RESULTS / "trust" / "class-costs"
DATA = ("digits", "usps", "mnist-test", "mnist-test-unbalanced", "fashion-mnist-test", MADE_UP)
Cost = Callable[[Edges, np.ndarray, int], float]
# Of the picture, in pixels; the widest bar is a cost of 1.
NAME, UNIT, LINE, TOP, END = 300, 420, 16, 40, 120


def with_unevenness(edges: Edges, labels: np.ndarray, clusters: int) -> float:
    """The cost of before: the normalised cut and the KL divergence of the sizes from equal ones, in nats."""
    shares = np.bincount(labels, minlength=clusters) / len(labels)
    unevenness = (shares * np.log(np.maximum(shares * clusters, 1e-12))).sum()
    return normalised_cut(edges, labels, clusters) + float(unevenness)


RULES: dict[str, Cost] = {"before": with_unevenness, "now": cost}


def candidates(edges: Edges, affinity: sparse.csr_matrix, config: Config) -> Iterator[np.ndarray]:
    """All cuts (n,) among which one is chosen, refined; k-means first."""
    clusters, seed = config.clusters, config.seed
    dims = cut.DIMS_PER_CLUSTER * clusters
    points = cut.at_scales(*graph.diffusion_map(affinity, dims, seed, None, CPU), config.damping)
    yield refine(edges, cut.k_means(points, config).labels, clusters)
    reduced = kmeans.principal(torch.from_numpy(np.ascontiguousarray(points, np.float32)))
    cells, centres = cut.fine_cells(reduced, cut.CELLS[-1] * clusters, seed)
    weights = weights_between(affinity, cells, len(centres))
    for merged in cut.different_merges(weights, centres, clusters, seed):
        yield refine(edges, merged[cells], clusters)


def chosen(cuts: list[np.ndarray], price: Callable[[np.ndarray], float]) -> np.ndarray:
    """The cut that a rule takes: the cheapest merged one where it is clearly less, else k-means, the first."""
    best = min(cuts[1:], key=price)
    return best if price(best) < cut.CLEARLY_LESS * price(cuts[0]) else cuts[0]


def measure(data: str, seed: int, models: Path) -> dict:
    """The result of one run."""
    dataset = open_data(data)
    classes = np.unique(dataset.labels, return_inverse=True)[1].astype(np.int64)
    clusters = int(classes.max()) + 1
    fitted = trained(data, "standard", clusters, seed, models)
    edges = Edges(fitted.affinity)
    cuts = list(candidates(edges, fitted.affinity, fitted.config))
    near = refine(edges, classes, clusters)
    result: dict = {"data": data, "seed": seed, "revision": REVISION, "candidates": len(cuts)}
    for name, rule in RULES.items():

        def price(labels: np.ndarray, rule: Cost = rule) -> float:
            return round(rule(edges, labels, clusters), 5)

        found = chosen(cuts, price)
        scores = metrics.scores(dataset.labels, found)
        result[name] = {
            "classes": price(classes),
            "near the classes": price(near),
            "charged to the classes": round(price(classes) - normalised_cut(edges, classes, clusters), 5),
            "found": price(found),
            "acc": round(scores["acc"], 5),
            "nmi": round(scores["nmi"], 5),
        }
    return result


# Results -----------------------------------------------------------------------------------------------------


def collected(folder: Path = RESULTS) -> dict[str, list[dict]]:
    """The results by data set, sorted by seed."""
    by_data = defaultdict(list)
    for result in filter(None, map(read, sorted(folder.glob("*.json")))):
        by_data[result["data"]].append(result)
    return {data: by_data[data] for data in DATA if data in by_data}


def table(results: dict[str, list[dict]]) -> str:
    """Costs and scores by data set and rule; a † marks models of an earlier revision."""
    if not results:
        return "No results yet."
    rows = []
    for data, some in results.items():
        for rule in RULES:
            figures = [
                spread(one[rule][key] for one in some)
                for key in ("charged to the classes", "classes", "near the classes", "found", "acc", "nmi")
            ]
            mark = "" if all(one["revision"] == REVISION for one in some) else " †"
            rows.append([data + mark, ", ".join(str(one["seed"]) for one in some), rule, *figures])
    heads = [
        "charged to the classes for their sizes",
        "cost of the classes",
        "refined",
        "cost of what is found",
    ]
    return markdown(["data", "seeds", "rule", *heads, "ACC", "NMI"], rows)


def picture(results: dict[str, list[dict]]) -> Picture:
    """The mean cost of the refined classes beside that of what was found, by data set and rule."""
    rows = [(data, rule, some) for data, some in results.items() for rule in RULES]
    made = Picture(NAME + UNIT + END, TOP + 2 * LINE * len(rows) + 12 * len(results) + 20)
    made.text(12, 16, "Cost of the classes (grey), refined, and of the cut that was found (blue)", 13)
    top = TOP
    for data, rule, some in rows:
        if rule == "before":
            top += 12
            made.text(12, top + LINE, data, 12)
        made.text(NAME - 60, top + LINE, rule, 11)
        for key, shade in (("near the classes", "#8a949e"), ("found", "#3f78b5")):
            mean = float(np.mean([one[rule][key] for one in some]))
            made.box(NAME, top + 2, UNIT * min(mean, 1.2), LINE - 4, shade)
            made.text(NAME + UNIT * min(mean, 1.2) + 5, top + LINE / 2, f"{mean:.3f}".lstrip("0"), 11)
            top += LINE
    return made


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=DATA)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--models", type=Path, default=Path("models"), help="a folder for trained models")
    parser.add_argument("--table", action="store_true", help="only print the table of the results so far")
    given = parser.parse_args()
    for data in [] if given.table else given.data:
        for seed in given.seeds:
            RESULTS.mkdir(parents=True, exist_ok=True)
            text = json.dumps(measure(data, seed, given.models), indent=1) + "\n"
            (RESULTS / f"{data}-{seed}.json").write_text(text, encoding="utf-8")
    print(table(collected()))


if __name__ == "__main__":
    main()
