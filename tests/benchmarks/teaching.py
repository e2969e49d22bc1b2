"""Answers of a simulated person: ACC and NMI over their number, on the last graphs of trained runs.

    python -m tests.benchmarks.teaching [DATA …] [--preset quick] [--seeds 0 1 2] [--errors 0 0.05] [--folder models]

The person answers by the labels: two sheets of nine are the same where their majorities are, and a sheet in which no
class has six of nine is mixed. `--errors`: the share of same and different answers that are wrong. Beside the program's
questions stand (a) random pairs of sheets of cells, with the same way of using the answers, (b) label spreading along
the same graph from as many named samples, (c) self-training of scikit-learn on the codes with the same samples named.
The models are kept in the folder; see `tests.benchmarks.trained`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import SelfTrainingClassifier

from dsc_core.analysis import metrics
from dsc_core.analysis.label_spreading import Spreader, spread
from dsc_core.analysis.questions import CELL, DIFFERENT, MIXED_FIRST, MIXED_SECOND, SAME, Question, Questions
from dsc_core.data import Dataset
from dsc_core.method import graph
from dsc_core.method.cut import at_scales, cut_graph
from dsc_core.method.edges import refine
from dsc_core.method.kmeans import principal
from dsc_core.model import Fitted
from tests.benchmarks import methods, trained

DATA = ("fashion-mnist-test", "mnist-test-unbalanced", "digits", "usps", "wine")
AT = (10, 25, 50, 100, 200)
CLEAR = 2 / 3  # share of a sheet that one class must have


def open_data(data: str) -> Dataset:
    """A data set of the quality harness, or the table `wine` of scikit-learn, standardised."""
    if data != "wine":
        return methods.open_data(data)
    table = load_wine()
    values = ((table.data - table.data.mean(0)) / table.data.std(0)).astype(np.float32)
    ids = np.arange(len(values)).astype(str)
    return Dataset("wine", values, ids, table.target, "table", (0.0, 1.0))


class Person:
    """Answers by the labels (n,), and errs in a share of the answers."""

    def __init__(self, labels: np.ndarray, errors: float, seed: int) -> None:
        self.labels, self.errors, self.rng = labels, errors, np.random.default_rng(seed)

    def majority(self, sheet: tuple[int, ...]) -> int | None:
        """The class of most samples of a sheet; None if it is mixed."""
        counts = np.bincount(self.labels[list(sheet)])
        return int(counts.argmax()) if counts.max() >= CLEAR * len(sheet) else None

    def answer(self, question: Question) -> str:
        """What the person says to a question."""
        first, second = self.majority(question.first), self.majority(question.second)
        if first is None:
            return MIXED_FIRST
        if second is None:
            return MIXED_SECOND
        return SAME if (first == second) != (self.rng.random() < self.errors) else DIFFERENT


class AtRandom(Questions):
    """The same use of answers, with questions about two cells drawn at random."""

    rng = np.random.default_rng(0)

    def next(self) -> Question | None:
        """Two cells at random."""
        first, second = (self.cells.sheet(int(c)) for c in self.rng.choice(len(self.cells.sizes), 2, False))
        return self._question(first, second, CELL, 0.0)


def curve(asker: Questions, person: Person) -> Iterator[np.ndarray]:
    """The clusters after so many answers as AT says."""
    for number in range(1, AT[-1] + 1):
        question = asker.next()
        if question is not None:
            asker.answer(question, person.answer(question))
        if number in AT:
            labels = np.unique(asker.labels, return_inverse=True)[1]
            yield refine(asker.affinity, labels, int(labels.max()) + 1)


def named(fitted: Fitted, labels: np.ndarray, clusters: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """(b) and (c): as many samples named at random as there are answers. → the classes by each."""
    order = np.random.default_rng(seed).permutation(len(labels))
    spreader = Spreader(fitted.affinity, clusters, fitted.confidence, int(clusters.max()) + 1)
    for number in AT:
        rows = order[:number]
        names = spread(spreader, {}, {int(row): str(labels[row]) for row in rows})
        yield np.where(names.index >= 0, names.index, 10_000 + clusters)
        known = np.full(len(labels), -1)
        known[rows] = labels[rows]
        model = SelfTrainingClassifier(LogisticRegression(max_iter=200))
        yield model.fit(np.asarray(fitted.latent), known).predict(np.asarray(fitted.latent))


def figures(labels: np.ndarray, found: list[np.ndarray]) -> str:
    """ACC/NMI of each."""
    scores = [metrics.scores(labels, clusters) for clusters in found]
    return "  ".join(f"{each['acc']:.4f}/{each['nmi']:.4f}" for each in scores)


def measure(data: str, preset: str, seed: int, errors: list[float], folder: Path) -> None:
    """One model: what it began with, and a line for each way to use the answers."""
    trained.open_data = open_data
    dataset = open_data(data)
    labels = np.unique(dataset.labels, return_inverse=True)[1]
    fitted = trained.trained(data, preset, dataset.classes, seed, folder)
    config, affinity = fitted.config, fitted.affinity
    clusters = cut_graph(affinity, config, np.asarray(fitted.labels)).labels
    values, vectors = graph.diffusion_map(affinity, 4 * config.clusters, config.seed)
    points = principal(torch.from_numpy(at_scales(values, vectors, config.damping))).numpy()
    print(f"{data} seed {seed}: {figures(labels, [np.asarray(fitted.labels), clusters])} (run, its graph)")
    for share in errors:
        asked = list(
            curve(Questions(affinity, points, clusters, config.clusters), Person(labels, share, seed))
        )
        print(f"  questions, {share:.0%} wrong  {figures(labels, asked)}", flush=True)
    random = curve(AtRandom(affinity, points, clusters, config.clusters), Person(labels, 0.0, seed))
    print(f"  (a) random questions  {figures(labels, list(random))}")
    others = list(named(fitted, labels, clusters, seed))
    print(f"  (b) label spreading   {figures(labels, others[::2])}")
    print(f"  (c) self-training     {figures(labels, others[1::2])}", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="*", default=list(DATA))
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--errors", type=float, nargs="+", default=[0.0, 0.05])
    parser.add_argument("--folder", type=Path, default=Path("models"))
    given = parser.parse_args()
    print(f"after {', '.join(map(str, AT))} answers: ACC/NMI")
    for data in given.data:
        for seed in given.seeds:
            measure(data, given.preset, seed, given.errors, given.folder)


if __name__ == "__main__":
    main()
