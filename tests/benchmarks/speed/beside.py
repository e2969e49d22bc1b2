"""(b) Seconds and scores of `quick` and `standard` beside what others offer, on the same arrays, in turns.

Each method is a command of its own, from whose start to whose end the seconds count; those of the call that clusters
stand beside them. Packages that this project does not use are installed by pip into an environment of their own, in
~/.cache/dsc-benchmarks; one that cannot be installed is reported as such.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.speed import jobs
from tests.benchmarks.speed.kept import Task, report, rounds_option
from tests.benchmarks.speed.trees import ROOT, Failed, ask, cache, run

SCRIPTS = Path(__file__).parent / "peers"
INSTALLING, LIMIT = 1800.0, 3600.0


@dataclass(frozen=True)
class Peer:
    """A script of `peers/`, its further argument, and the package to install for it; "": this project has it."""

    script: str
    argument: str = ""
    package: str = ""


PEERS = {
    "spectralnet": Peer("run_spectralnet.py", "all", "spectralnet"),
    "spectralnet-plain": Peer("run_spectralnet.py", "plain", "spectralnet"),
    "clustpy-dec": Peer("run_clustpy.py", "dec", "clustpy"),
    "clustpy-vade": Peer("run_clustpy.py", "vade", "clustpy"),
    "spectral-clustering": Peer("run_scikit_learn.py"),
    "umap-mixture": Peer("run_umap.py"),
}
OURS = ("quick", "standard")
TITLES = {
    **{name: f"`{name}`" for name in OURS},
    "spectralnet": "SpectralNet, its autoencoder and Siamese net on",
    "spectralnet-plain": "SpectralNet, package defaults (both off)",
    "clustpy-dec": "DEC (ClustPy)",
    "clustpy-vade": "VaDE (ClustPy)",
    "spectral-clustering": "spectral clustering (scikit-learn)",
    "umap-mixture": "UMAP + Gaussian mixture",
}
DATA = ("digits", "usps", "mnist-test")


def options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    rounds_option(parser)
    parser.add_argument("--data", nargs="+", default=list(DATA))
    parser.add_argument("--methods", nargs="+", default=[*OURS, *PEERS], choices=(*OURS, *PEERS))
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one method on one data set")


def tasks(given: argparse.Namespace, stack: ExitStack) -> Iterator[Task]:
    """One command per data set, method and round; the round's number is its seed."""
    for number in range(given.rounds):
        for data in given.data:
            for method in given.methods:
                settings = {"data": data, "method": method, "round": number}
                yield Task(
                    "beside",
                    f"{data}-{method}-{number}",
                    settings,
                    lambda data=data, method=method, number=number: measure(
                        data, method, number, given.limit
                    ),
                )


def measure(data: str, method: str, seed: int, limit: float) -> dict:
    """Seconds and scores of one method."""
    if method in OURS:
        job = jobs.train(ROOT, data, method, seed, limit)
        return job | {"inside": job["training"], "package": "this project"}
    peer = PEERS[method]
    python = environment(peer.package) if peer.package else Path(sys.executable)
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        ask(ROOT, "beside:write_values", {"data": data, "folder": folder}, limit)
        clusters = json.loads((Path(folder) / "clusters.json").read_text())
        arguments = [f"{folder}/values.npz", folder, str(clusters), str(seed), peer.argument]
        job = run([str(python), str(SCRIPTS / peer.script), *arguments], limit)
        facts = json.loads((Path(folder) / "facts.json").read_text())
        scores = ask(ROOT, "beside:score", {"data": data, "folder": folder}, limit)
    took = {"wall": job.seconds, "processor": job.processor, "inside": facts["seconds"]}
    return took | scores | {"package": facts["package"], "device": "CPU", "threads": facts["threads"]}


def environment(package: str) -> Path:
    """The interpreter of an environment that has this package; made once. Failed where pip cannot install it."""
    folder = cache() / "peers" / package
    python, ready = folder / "bin" / "python", folder / "installed.txt"
    if not ready.exists():
        report(f"installing {package}, once, into {folder}")
        run([sys.executable, "-m", "venv", "--clear", str(folder)], INSTALLING)
        try:
            run([str(python), "-m", "pip", "install", "--quiet", package], INSTALLING)
        except Failed as error:
            raise Failed(f"{package} could not be installed: {error}") from error
        ready.write_text(run([str(python), "-m", "pip", "freeze"], INSTALLING).output)
    return python


# In a process that reads the data ------------------------------------------------------------------------------------


def write_values(data: str, folder: str) -> dict:
    """Write the values of a data set, (n, F) float32 from 0 to 1, and the number of its classes; no labels."""
    import numpy as np

    from dsc_core.data import open_dataset

    dataset = open_dataset(data)
    np.savez(
        Path(folder) / "values.npz", values=dataset.values().reshape(len(dataset), -1).astype(np.float32)
    )
    (Path(folder) / "clusters.json").write_text(json.dumps(dataset.classes))
    return {}


def score(data: str, folder: str) -> dict:
    """The scores of the clusters that a peer has written."""
    import numpy as np

    from dsc_core.analysis import metrics
    from dsc_core.data import open_dataset

    dataset = open_dataset(data)
    scores = metrics.scores(dataset.labels, np.load(Path(folder) / "clusters.npy"))
    return {"samples": len(dataset), **{name: scores[name] for name in ("acc", "nmi", "ari")}}


# Tables ------------------------------------------------------------------------------------------------------------


def table(results: list[dict]) -> tuple[list[str], list[list[str]]]:
    """Medians of the seconds, means of the scores; one row per data set and method."""
    head = [
        "data",
        "method",
        "package",
        "rounds",
        "ACC",
        "NMI",
        "s, whole command",
        "s, of clustering",
        "processor s",
    ]
    groups: dict[tuple[str, str], list[dict]] = {}
    for result in results:
        groups.setdefault((result["settings"]["data"], result["settings"]["method"]), []).append(result)
    rows = []
    for data in dict.fromkeys(data for data, _ in groups):
        for method in TITLES:
            if members := groups.get((data, method)):
                rows.append([data, TITLES[method], *cells(members)])
    return head, rows


def cells(members: list[dict]) -> list[str]:
    """The figures of one method on one data set; the reason where every round failed."""
    whole = [member for member in members if "failed" not in member]
    if not whole:
        return [members[0]["failed"], *[""] * 6]
    scores = [f"{statistics.mean(member[name] for member in whole):.3f}" for name in ("acc", "nmi")]
    seconds = [
        f"{statistics.median(member[name] for member in whole):.1f}"
        for name in ("wall", "inside", "processor")
    ]
    failed = len(members) - len(whole)
    count = f"{len(whole)}, {failed} failed" if failed else str(len(whole))
    return [whole[0]["package"], count, *scores, *seconds]
