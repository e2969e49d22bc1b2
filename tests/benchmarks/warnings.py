"""How often the warnings about clusters are right, with labels, by the rules of before and by the graph.

    DSC_DATA=/path/to/sets python -m tests.benchmarks.warnings --seeds 0
    python -m tests.benchmarks.warnings --table

The right number of clusters by `standard`, wrong ones by `quick`: see CASES. Each run is trained, or taken from
--models where it was trained before, and writes one file, tests/benchmarks/results/trust/warnings/DATA-K-SEED.json.

A cluster holds several groups where its second class has a tenth of its samples and 25 of them. Two clusters are one
where they have the same largest class. Before, a cluster was "loose" by its silhouette in the spectral space, and two
were "mixed" by the share of edges between them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from dsc_core.analysis import cluster_warnings
from dsc_core.analysis.conductance import LEAST_PART, LEAST_SHARE
from dsc_core.analysis.label_free import cluster_silhouettes
from dsc_core.method.dendrogram import weights_between
from dsc_core.model import Fitted
from tests.benchmarks.tables import markdown
from tests.benchmarks.trained import MADE_UP, OBJECTS, open_data, trained

RESULTS = Path(__file__).parent / "results" / "trust" / "warnings"
CASES = {
    "digits": (5, 8, 10, 20),
    "usps": (5, 8, 10, 12, 20, 40),
    "mnist-test": (5, 8, 10, 20, 40),
    "mnist-test-unbalanced": (5, 10),
    "fashion-mnist-test": (5, 10, 20),
    MADE_UP: (5, 20, 30),
}
LOOSE, MIXED = 0.05, 0.1  # the limits of before: of a silhouette, and of a cluster's edge weight

Found = tuple[set[int], set[tuple[int, int]]]  # clusters that hold several groups; pairs that are one


def by_the_graph(fitted: Fitted) -> Found:
    """What the warnings say."""
    labels, clusters = np.asarray(fitted.labels), fitted.config.clusters
    signs = cluster_warnings.diagnose(labels, clusters, fitted.affinity, fitted.config.seed)
    warnings = cluster_warnings.find_warnings(signs)
    several = {warning.clusters[0] for warning in warnings if warning.kind == "several"}
    return several, {warning.clusters for warning in warnings if warning.kind == "one"}


def by_the_rules_of_before(fitted: Fitted) -> Found:
    """What the rules "loose" and "mixed" said: of each cluster, at most one pair."""
    labels, clusters = np.asarray(fitted.labels), fitted.config.clusters
    means = cluster_silhouettes(np.asarray(fitted.spectral), labels, fitted.config.seed)
    shares = weights_between(fitted.affinity, labels, clusters)
    shares /= np.maximum(shares.sum(1, keepdims=True), 1e-12)
    np.fill_diagonal(shares, 0)
    nearest = shares.argmax(1)
    mixed = np.flatnonzero(shares.max(1) > MIXED)
    pairs = {(min(one, other), max(one, other)) for one, other in zip(mixed, nearest[mixed], strict=True)}
    return {cluster for cluster, mean in means.items() if mean < LOOSE}, pairs


def by_the_labels(labels: np.ndarray, clusters: np.ndarray, count: int) -> Found:
    """What is so, by classes."""
    classes = np.unique(labels, return_inverse=True)[1]
    table = np.zeros((count, classes.max() + 1), dtype=np.int64)
    np.add.at(table, (clusters, classes), 1)
    second, sizes = np.sort(table, 1)[:, -2], table.sum(1)
    several = (second >= LEAST_SHARE * sizes) & (second >= LEAST_PART)
    largest = np.where(sizes > 0, table.argmax(1), -1 - np.arange(count))
    pairs = np.argwhere(np.triu(largest[:, None] == largest, 1))
    return set(np.flatnonzero(several).tolist()), {(int(one), int(other)) for one, other in pairs}


def compared(found: Found, true: Found) -> dict[str, int]:
    """Counts of warnings, of those that are right, and of what should be found."""
    of_pairs = {cluster for pair in true[1] for cluster in pair}
    return {
        "several": len(found[0]),
        "several right": len(found[0] & true[0]),
        "several true": len(true[0]),
        "one": len(found[1]),
        "one right": len(found[1] & true[1]),
        "clusters in one": len(of_pairs),
        "clusters found": len(of_pairs & {cluster for pair in found[1] for cluster in pair}),
    }


def measure(data: str, clusters: int, seed: int, models: Path) -> dict:
    """The result of one run."""
    dataset = open_data(data)
    right = clusters == (OBJECTS if data == MADE_UP else dataset.classes)
    fitted = trained(data, "standard" if right else "quick", clusters, seed, models)
    true = by_the_labels(dataset.labels, np.asarray(fitted.labels), clusters)
    result = {"data": data, "clusters": clusters, "seed": seed, "right": right}
    result["before"] = compared(by_the_rules_of_before(fitted), true)
    result["after"] = compared(by_the_graph(fitted), true)
    return result


def share(part: int, whole: int) -> str:
    """A share with its counts; a dash of nothing."""
    return f"{part / whole:.2f} ({part}/{whole})" if whole else "–"


def table(folder: Path = RESULTS) -> str:
    """The results so far, summed over each data set with the right and with wrong numbers of clusters."""
    groups: dict[tuple, list[dict]] = {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        key = tuple(CASES).index(result["data"]), not result["right"]
        groups.setdefault(key, []).append(result)
    rows = []
    everything = [result for results in groups.values() for result in results]
    for (position, _), results in [*sorted(groups.items()), ((-1, True), everything)]:
        for when in ("before", "after"):
            total = {name: sum(each[when][name] for each in results) for name in results[0][when]}
            numbers = ", ".join(str(each) for each in sorted({each["clusters"] for each in results}))
            rows.append(
                [
                    tuple(CASES)[position] if position >= 0 else "all",
                    numbers if position >= 0 else "",
                    when,
                    share(total["several right"], total["several"]),
                    share(total["several right"], total["several true"]),
                    share(total["one right"], total["one"]),
                    share(total["clusters found"], total["clusters in one"]),
                ]
            )
    heads = ["data", "clusters", "rules", "several groups: right", "found", "one group: right", "found"]
    return markdown(heads, rows)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--models", type=Path, default=Path("models"), help="a folder for trained models")
    parser.add_argument("--table", action="store_true", help="only print the table of the results so far")
    given = parser.parse_args()
    runs = [(data, count, seed) for seed in given.seeds for data in given.data for count in CASES[data]]
    for data, count, seed in [] if given.table else runs:
        RESULTS.mkdir(parents=True, exist_ok=True)
        text = json.dumps(measure(data, count, seed, given.models), indent=1) + "\n"
        (RESULTS / f"{data}-{count}-{seed}.json").write_text(text, encoding="utf-8")
    print(table())


if __name__ == "__main__":
    main()
