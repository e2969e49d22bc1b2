"""Reads clusters from the same codes by two versions of the code, side by side: cost, scores, processor time.

    python -m tests.benchmarks.cuts codes/*.npz --against TREE [--rounds 3] [--seeds 0 1] [--neighbours] [--json FILE]

Each file holds `codes` (n, d) and `labels` (n,), for the scores alone; `--train DATA …` writes such files from stage 1
of `quick`. TREE is a checkout of another commit (`git worktree add TREE COMMIT`). Both versions run on one thread each,
in processes that stay, and take turns; the graph of a case is built once, and its cost is computed by this version.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parents[2]
# Runs in either version: answers each line {graph, codes, clusters, seed, out} by the processor seconds of the parts.
READER = """
import json, sys, time
import numpy as np, torch
from scipy import sparse
from dsc_core.method.cut import cut_graph
from dsc_core.method.graph import whole_graph
from dsc_core.presets import preset
torch.set_num_threads(1)
for line in sys.stdin:
    case = json.loads(line)
    config = preset("quick", clusters=case["clusters"], seed=case["seed"])
    seconds = {}
    if case["codes"]:
        codes = torch.from_numpy(np.load(case["codes"])["codes"])
        began = time.process_time()
        whole_graph(codes, config.neighbours)
        seconds["neighbours"] = time.process_time() - began
    affinity = sparse.load_npz(case["graph"])
    began = time.process_time()
    labels = cut_graph(affinity, config).labels
    seconds["cut"] = time.process_time() - began
    np.save(case["out"], labels)
    print("answer", json.dumps(seconds), flush=True)
"""


class Reader:
    """A process that reads clusters by the code of one checkout, on one thread."""

    def __init__(self, tree: Path) -> None:
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self.process = subprocess.Popen(
            [sys.executable, "-c", READER],
            cwd=tree,
            env=os.environ | one | {"PYTHONPATH": str(tree)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self, case: dict) -> tuple[dict[str, float], np.ndarray]:
        """Processor seconds by part, and the labels (n,)."""
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("answer "):
                return json.loads(line.removeprefix("answer ")), np.load(case["out"])
        raise SystemExit("A reader ended; its message stands above.")


def compare(path: Path, readers: dict[str, Reader], seed: int, rounds: int, neighbours: bool) -> dict:
    """One case: for each version the median seconds of each part, the cost and the scores, and their ratios."""
    import torch
    from scipy import sparse

    from dsc_core.analysis import metrics
    from dsc_core.method.edges import cost
    from dsc_core.method.graph import whole_graph
    from dsc_core.presets import preset

    with np.load(path) as file:
        codes, labels = file["codes"], file["labels"]
    clusters = len(np.unique(labels))
    with tempfile.TemporaryDirectory() as folder:
        graph, out = f"{folder}/graph.npz", f"{folder}/labels.npy"
        affinity = whole_graph(torch.from_numpy(codes), preset("quick").neighbours)
        sparse.save_npz(graph, affinity)
        case = {"graph": graph, "out": out, "clusters": clusters, "seed": seed}
        case["codes"] = str(path.resolve()) if neighbours else ""
        times: dict[str, list[dict]] = {name: [] for name in readers}
        found = {}
        for _ in range(rounds):
            for name, reader in readers.items():
                seconds, found[name] = reader.read(case)
                times[name].append(seconds)
    result: dict = {"case": path.stem, "seed": seed, "samples": len(codes)}
    for name in readers:
        scores = metrics.scores(labels, found[name])
        result[name] = {
            part: statistics.median(each[part] for each in times[name]) for part in times[name][0]
        }
        result[name] |= {
            "cost": cost(affinity, found[name], clusters),
            "acc": scores["acc"],
            "nmi": scores["nmi"],
        }
    return result


def line(result: dict, names: list[str]) -> str:
    """A result as a line: each figure of both versions, and how many times faster the second is."""
    first, second = (result[name] for name in names)
    figures = [f"{key} {first[key]:.4f} {second[key]:.4f}" for key in ("cost", "acc", "nmi")]
    times = [
        f"{part} {first[part]:.3f} s {second[part]:.3f} s ({first[part] / max(second[part], 1e-9):.1f}×)"
        for part in ("neighbours", "cut")
        if part in first
    ]
    above = second["cost"] / max(first["cost"], 1e-9) - 1
    return f"{result['case']} seed {result['seed']}: {', '.join(times + figures)}, cost {above:+.2%}"


def train(data: str, seed: int, folder: Path) -> None:
    """Write the codes of stage 1 of `quick` of a data set."""
    from dsc_core.presets import preset
    from dsc_core.training.loop import fit
    from tests.benchmarks.methods import open_data

    dataset = open_data(data)
    config = preset("quick", clusters=dataset.classes, seed=seed, joint_epochs=0)
    steps = fit(dataset.samples, config, scaling=dataset.scaling)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            codes = end.value.latent
            break
    np.savez(folder / f"{data}-{seed}.npz", codes=np.asarray(codes, np.float32), labels=dataset.labels)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--against", type=Path, help="a checkout of the other version")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="of the cut; with --train, of training"
    )
    parser.add_argument("--neighbours", action="store_true", help="build the graph in each version too")
    parser.add_argument("--json", type=Path, help="write the results there")
    parser.add_argument(
        "--train", nargs="+", default=[], help="data sets whose codes are written to the folder"
    )
    parser.add_argument("--folder", type=Path, default=Path("codes"))
    given = parser.parse_args()
    for data in given.train:
        given.folder.mkdir(parents=True, exist_ok=True)
        for seed in given.seeds:
            train(data, seed, given.folder)
    if not given.paths:
        return
    if given.against is None:
        parser.error("--against is missing")
    readers = {"before": Reader(given.against.resolve()), "after": Reader(HERE)}
    results = []
    for path in given.paths:
        for seed in given.seeds:
            results.append(compare(path, readers, seed, given.rounds, given.neighbours))
            print(line(results[-1], list(readers)), flush=True)
    ratios = [each["before"]["cut"] / each["after"]["cut"] for each in results]
    worst = max(each["after"]["cost"] / max(each["before"]["cost"], 1e-9) for each in results) - 1
    print(f"median {statistics.median(ratios):.1f} times faster; the largest cost is {worst:+.2%} above")
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
