"""How well confidence tells right from wrong, with labels, before and after tempering.

    DSC_DATA=/path/to/sets python -m tests.benchmarks.confidence --data digits usps mnist-test --seeds 0 1 2
    python -m tests.benchmarks.confidence --table

Each run is trained, or taken from --models where it was trained before, and writes one file,
tests/benchmarks/results/trust/confidence/DATA-PRESET-SEED.json: ACC, the area under the risk-coverage curve (AURC) and
the expected calibration error (ECE), of the head's own probability ("before") and of the confidence ("after"). For
mnist-test and fashion-mnist-test also of 10,000 new samples of the same source, whose clusters are matched with classes
by the training data.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dsc_core.analysis import calibration, metrics
from dsc_core.model import Fitted
from dsc_core.training.maps import scaled
from tests.benchmarks import methods
from tests.benchmarks.tables import markdown
from tests.benchmarks.trained import open_data, trained

RESULTS = Path(__file__).parent / "results" / "trust" / "confidence"
ORDER = ("digits", "usps", "mnist-test", "mnist-test-unbalanced", "fashion-mnist-test")
NEW = {"mnist-test": "mnist", "fashion-mnist-test": "fashion-mnist"}
NEW_SAMPLES = 10_000


def with_scaling(fitted: Fitted) -> Fitted:
    """The model, its temperature and biases as training would set them: models of before have none."""
    if fitted.biases is not None:
        return fitted
    latent = torch.from_numpy(np.array(fitted.latent))
    found = scaled(fitted.nets, fitted.maps, latent, fitted.affinity, fitted.config)
    return replace(fitted, temperature=found.temperature, biases=found.biases)


def figures(correct: np.ndarray, confidence: np.ndarray) -> dict[str, float]:
    """Mean confidence, calibration error and area of risk of (n,) bool and (n,)."""
    found = calibration.calibrate(correct, confidence)
    return {
        "mean": round(float(confidence.mean()), 4),
        "error": round(found.error, 4),
        "risk": round(found.risk, 5),
    }


def compared(fitted: Fitted, codes: np.ndarray, correct: np.ndarray) -> dict:
    """The figures of samples by their codes (n, d), before and after, and whether their clusters are right, (n,)."""
    latent = torch.from_numpy(np.array(codes))
    before = replace(fitted.maps, temperature=None).assign(fitted.nets, latent).confidence
    after = fitted.maps.assign(fitted.nets, latent).confidence
    return {
        "acc": round(float(correct.mean()), 4),
        "least risk": round(calibration.area_of_risk(correct, correct), 5),
        "before": figures(correct, before),
        "after": figures(correct, after),
    }


def matched(labels: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """The class that each cluster is matched with, (K,), by the training data; a cluster without one has −1."""
    codes = np.unique(labels, return_inverse=True)[1]
    right = metrics.correct(labels, clusters)
    found = np.full(clusters.max() + 1, -1)
    for cluster in range(len(found)):
        own = codes[(clusters == cluster) & right]
        found[cluster] = own[0] if len(own) else -1
    return found


def measure(data: str, name: str, seed: int, models: Path) -> dict:
    """The result of one run."""
    dataset = open_data(data)
    fitted = with_scaling(trained(data, name, dataset.classes, seed, models))
    labels = np.asarray(fitted.labels)
    right = metrics.correct(dataset.labels, labels)
    result = {"data": data, "preset": name, "seed": seed, "temperature": round(fitted.temperature, 3)}
    result["training"] = compared(fitted, fitted.latent, right)
    if data in NEW:
        larger = methods.open_data(NEW[data])
        new = fitted.assign(larger.samples[:NEW_SAMPLES], larger.scaling)
        codes = np.searchsorted(np.unique(dataset.labels), larger.labels[:NEW_SAMPLES])
        result["new"] = compared(fitted, new.latent, matched(dataset.labels, labels)[new.labels] == codes)
    return result


def table(folder: Path = RESULTS) -> str:
    """The results so far, means over the seeds."""
    groups: dict[tuple, list[dict]] = {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        for part in ("training", "new"):
            if part in result:
                key = ORDER.index(result["data"]), result["preset"], part == "new"
                groups.setdefault(key, []).append(result | result[part])
    rows = []
    for (position, name, new), results in sorted(groups.items()):
        title = ORDER[position] + f", {NEW_SAMPLES:,} new samples" * new
        cells = [f"{np.mean([each['acc'] for each in results]):.3f}"]
        for figure, digits in (("risk", 4), ("error", 3)):
            for when in ("before", "after"):
                cells.append(f"{np.mean([each[when][figure] for each in results]):.{digits}f}")
        cells.insert(3, f"{np.mean([each['least risk'] for each in results]):.4f}")
        rows.append([title, f"`{name}`", ", ".join(str(each["seed"]) for each in results), *cells])
    heads = ["data", "preset", "seeds", "ACC", "AURC before", "after", "least", "ECE before", "after"]
    return markdown(heads, rows)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=["digits"], choices=ORDER)
    parser.add_argument("--presets", nargs="+", default=["standard"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--models", type=Path, default=Path("models"), help="a folder for trained models")
    parser.add_argument("--table", action="store_true", help="only print the table of the results so far")
    given = parser.parse_args()
    runs = [(data, name, seed) for data in given.data for name in given.presets for seed in given.seeds]
    for data, name, seed in [] if given.table else runs:
        RESULTS.mkdir(parents=True, exist_ok=True)
        result = measure(data, name, seed, given.models)
        text = json.dumps(result, indent=1) + "\n"
        (RESULTS / f"{data}-{name}-{seed}.json").write_text(text, encoding="utf-8")
    print(table())


if __name__ == "__main__":
    main()
