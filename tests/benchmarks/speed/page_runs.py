"""Processor time of the app's pages: `python -m tests.benchmarks.speed.page_runs [--against TREE] [--rounds 5]`.

A workspace of 60 runs is made; one of them has 10,000 samples, a model, maps and a film and is finished, one trains
(its events are written here; nothing is computed beside the pages), one has 50,000 events. Each round starts a server
in a process of its own, without a browser, and opens every page, first and again, while the run trains; polls the
Train page with two new events each time; opens the run of 50,000 events in new tabs; and edits clusters: a name, a
merge, samples moved, an undo. With --against the rounds of this tree and another one alternate.

Printed are medians in milliseconds of processor time of the page's script on one thread (OMP_NUM_THREADS=1), which
hardly depend on what else the machine does; in brackets kilobytes sent to the browser. Then the large packages that
the server has loaded after each page.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

SAMPLES, CLUSTERS, EVENTS, LIVE_EVENTS, OTHER_RUNS, FRAMES, FILMED = 10_000, 10, 50_000, 2_000, 58, 40, 2_000
REPEATS = 5  # within a round
HEAVY = ("torch", "sklearn", "umap", "numba", "scipy", "pandas", "altair")
HERE = Path(__file__)
ROOT = HERE.parents[3]


# The workspace --------------------------------------------------------------------------------------------------


def build(home: Path) -> None:
    """Make the workspace with the code of the tree under test."""
    import numpy as np

    from dsc_core.config import Config
    from dsc_core.data import Dataset
    from dsc_core.runs import Store

    rng = np.random.default_rng(0)
    groups = rng.integers(0, CLUSTERS, SAMPLES)
    images = rng.integers(0, 255, (SAMPLES, 1, 28, 28), dtype=np.uint8)
    dataset = Dataset("blobs", images, np.arange(SAMPLES).astype(str), groups, "image", (0.0, 1 / 255))
    config = Config().replace(clusters=CLUSTERS, device="cpu")
    store = Store(home)
    for name, count in (("finished", 300), ("other seed", 300), ("long", EVENTS)):
        run_id = store.create(dataset, config, name=name)
        store.claim(run_id)
        write_events(store, run_id, count, config)
        write_results(store.folder(run_id), rng, groups, config, with_model=name == "finished")
        store.finish(run_id, "done")
    live = store.create(dataset, config, name="live")
    write_film(store.folder(live), rng)
    small = Dataset("small", images[:40], np.arange(40).astype(str), groups[:40], "image", (0.0, 1 / 255))
    for number in range(OTHER_RUNS - 2):
        run_id = store.create(small, config.replace(clusters=3), name=f"other {number}")
        store.claim(run_id)
        write_events(store, run_id, 3, config)
        (store.folder(run_id) / "summary.json").write_text(
            json.dumps({"run": run_id, "acc": 0.5, "nmi": 0.5})
        )
        store.finish(run_id, "stopped")
    store.close()


def write_events(store, run_id: str, count: int, config) -> None:
    """Add events as training reports them: steps, and every 50 events the end of an epoch with scores."""
    with store.index.transaction():
        for number in range(count):
            store.append(run_id, event_of(number, count, config))


def event_of(number: int, count: int, config):
    """The event with this number, of `count`."""
    from dsc_core.events import Event

    stage = "autoencoder" if number < count * 0.6 else "joint"
    losses = {"total": 30 / (number + 1) + 5.0, "reconstruction": 25 / (number + 1) + 4.0}
    if stage == "joint":
        losses |= {
            "mutual_information": 1.2,
            "spectral": 0.4 + number % 7 / 100,
            "relative_reconstruction": 0.5,
        }
    epoch, epochs = number // 50 + 1, count // 50 + 1
    facts = {"epoch": epoch, "epochs": epochs, "step": 10 * (number + 1), "seconds": 1.0 * number}
    if number % 50 == 49 and stage == "joint":
        scores = {"acc": 0.5 + number / count / 3, "nmi": 0.5, "ari": 0.4}
        return Event(
            "evaluation", stage, **facts, cluster_sizes=(SAMPLES // CLUSTERS,) * CLUSTERS, scores=scores
        )
    return Event("progress", stage, losses=losses, images_per_second=900.0, remaining=100.0, **facts)


def write_results(folder: Path, rng, groups, config, with_model: bool) -> None:
    """Embeddings, labels, a summary and perhaps a model, untrained: speed does not depend on what it has learned."""
    import numpy as np

    from dsc_core.runs.artifacts.labels import make_frame

    def blobs(dims: int, wide: float):
        return (
            rng.normal(size=(CLUSTERS, dims))[groups] * 5 + rng.normal(size=(SAMPLES, dims)) * wide
        ).astype("f4")

    arrays = {"latent": blobs(config.latent_dims, 1), "spectral": blobs(20, 0.5)}
    arrays |= {"latent_map": blobs(2, 1.5), "spectral_map": blobs(2, 0.8)}
    clusters = np.where(rng.random(SAMPLES) < 0.05, rng.integers(0, CLUSTERS, SAMPLES), groups)
    confidence = rng.uniform(0.2, 1, SAMPLES)
    if with_model:
        from dsc_core.method.networks.networks import Networks
        from dsc_core.model import Fitted

        nets = Networks((1, 28, 28), config).eval()
        ones = confidence.astype("f4")
        fitted = Fitted(
            nets, config, (1, 28, 28), arrays["latent"], arrays["spectral"], clusters, ones, np.eye(20)
        )
        fitted.save(folder / "model")
    (folder / "embeddings").mkdir()
    for name, array in arrays.items():
        np.save(folder / "embeddings" / f"{name}.npy", array)
    maps = np.hstack([arrays["latent_map"], arrays["spectral_map"]])
    frame = make_frame(np.arange(SAMPLES).astype(str), clusters, confidence, maps, groups)
    frame.to_parquet(folder / "labels.parquet", index=False)
    scores = {"acc": 0.95, "nmi": 0.9, "ari": 0.9, "silhouette_latent": 0.4, "silhouette_spectral": 0.5}
    (folder / "summary.json").write_text(json.dumps({"run": folder.name, "status": "done", **scores}))


def write_film(folder: Path, rng) -> None:
    """The frames of a film, as the process that lays them out leaves them."""
    import numpy as np

    from dsc_core.runs import film_frames

    film_frames.begin(folder, np.sort(rng.permutation(SAMPLES)[:FILMED]), -1)
    for epoch in range(FRAMES):
        points = rng.normal(size=(FILMED, 2)).astype("f4")
        film_frames.keep(folder, film_frames.Frame(epoch, points, np.zeros(FILMED, "i2")))


# One round ------------------------------------------------------------------------------------------------------


class Round:
    """A server of its own, and everything that is asked of it. answers: {what: [Answer, …]}."""

    def __init__(self, server, visitor: type, home: Path):
        from dsc_core.config import Config
        from dsc_core.runs import Store

        self.answers, self.loaded = defaultdict(list), dict[str, list[str]]()
        self.config = Config().replace(clusters=CLUSTERS, device="cpu")
        self.store = Store(home)
        self.runs = {run.name: run.id for run in self.store.list()}
        self.server, self.tab = server, visitor
        self.written = LIVE_EVENTS

    def measure(self) -> None:
        """Everything, in the order in which a person would do it."""
        self.store.claim(self.runs["live"])  # the run belongs to this process, and so is seen to train
        write_events(self.store, self.runs["live"], LIVE_EVENTS, self.config)
        self.first_and_again()
        self.polls()
        self.long_run()
        self.edits()

    def train(self, events: int = 2) -> None:
        """Let the run that trains report something."""
        for _ in range(events):
            self.written += 1
            event = event_of(self.written, LIVE_EVENTS, self.config)
            self.store.append(self.runs["live"], event)

    def first_and_again(self) -> None:
        """Each page for the first time in this server, again in a new tab, and again in the same one."""
        pages = {"data": "", "runs": "runs", "train": "train", "results": "results", "assign": "assign"}
        for title, page in pages.items():
            query = {} if title == "data" else {"run": self.runs["live" if title == "train" else "finished"]}
            tab = self.tab(self.server)
            self.answers[f"{title}, first"].append(tab.open(page, **query))
            self.loaded[title] = [name for name in HEAVY if name in sys.modules]
            for _ in range(REPEATS):
                self.train()
                self.answers[f"{title}, again"].append(tab.rerun())
            self.leave(tab)
            for _ in range(REPEATS):
                tab = self.tab(self.server)
                self.answers[f"{title}, new tab"].append(tab.open(page, **query))
                self.leave(tab)

    def polls(self) -> None:
        """The parts of the Train page that the browser asks for by itself."""
        tab = self.tab(self.server)
        tab.open("train", run=self.runs["live"])
        for number in range(len(tab.polled)):
            for _ in range(REPEATS):
                self.train()
                self.answers[f"train, poll {number + 1}"].append(tab.poll(number))
        self.leave(tab)

    def long_run(self) -> None:
        """The Train page of the run of 50,000 events."""
        for place in range(1 + REPEATS):
            tab = self.tab(self.server)
            answer = tab.open("train", run=self.runs["long"])
            self.answers["50,000 events, new tab" if place else "50,000 events, first"].append(answer)
            self.leave(tab)

    def edits(self) -> None:
        """Edits of the 10,000 samples."""
        tab = self.tab(self.server)
        tab.open("results", run=self.runs["finished"])
        for number in range(REPEATS):
            field = tab.key_like("cluster_name_")
            self.answers["name"].append(tab.submit(field, f"name {number}", "name_now"))
            tab.choose("merge_into", "9")
            self.answers["merge"].append(tab.click("merge_now"))
            self.answers["undo"].append(tab.click("undo"))
            self.answers["select a cluster"].append(tab.click("select_cluster"))
            tab.choose("move_into", "9")
            self.answers["move"].append(tab.click("move_now"))
            tab.click("undo")
        self.leave(tab)

    def leave(self, tab) -> None:
        """Close a tab; RuntimeError where a page has failed."""
        if tab.problems:
            raise RuntimeError(tab.problems[0])
        tab.close()


# All rounds -----------------------------------------------------------------------------------------------------


def run_child(tree: Path, home: Path, what: str) -> dict:
    """Run a part of this file with the code of `tree`, in a process of its own; what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "DSC_HOME": str(home), "OMP_NUM_THREADS": "1"}
    environment.pop("DSC_DATA", None)
    command = [sys.executable, str(HERE), what, str(tree), str(home)]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def child(what: str, tree: Path, home: Path, server: type, visitor: type) -> None:
    """A part of the work, in its own process."""
    if what == "build":
        build(home)
        print("{}")
        return
    round_ = Round(server(tree), visitor, home)
    round_.measure()
    answers = {name: [vars(answer) for answer in found] for name, found in round_.answers.items()}
    print(json.dumps({"answers": answers, "loaded": round_.loaded}), flush=True)
    os._exit(0)  # the runtime's threads need no ceremony


def measure(trees: list[Path], rounds: int = 5) -> list[dict]:
    """The medians of each tree: {"script": {what: seconds}, "process": …, "sent": {what: bytes}, "loaded": …}."""
    with tempfile.TemporaryDirectory() as folder:
        built = [Path(folder) / f"built-{place}" for place in range(len(trees))]
        for tree, home in zip(trees, built, strict=True):
            run_child(tree, home, "build")
        collected = [defaultdict(list) for _ in trees]
        loaded: list[dict] = [{} for _ in trees]
        for _ in range(rounds):
            for place, tree in enumerate(trees):
                home = Path(folder) / "home"
                shutil.copytree(built[place], home)
                found = run_child(tree, home, "round")
                shutil.rmtree(home)
                loaded[place] = found["loaded"]
                for name, answers in found["answers"].items():
                    collected[place][name] += answers
    return [summary(one) | {"loaded": packages} for one, packages in zip(collected, loaded, strict=True)]


def summary(collected: dict[str, list[dict]]) -> dict:
    """The median of every figure."""
    return {
        figure: {name: statistics.median(one[figure] for one in found) for name, found in collected.items()}
        for figure in ("script", "process", "sent", "runs")
    }


def show(results: list[dict]) -> None:
    """Print one line per request: this tree, then the other one and the ratio."""
    for name in results[0]["script"]:
        cells = [
            f"{1000 * one['script'][name]:8.1f} ms ({one['sent'][name] / 1000:,.0f} kB)"
            for one in results
            if name in one["script"]
        ]
        ratio = ""
        if len(cells) == 2:
            ratio = f"   {results[0]['script'][name] / max(results[1]['script'][name], 1e-9):.2f} of it"
        print(f"{name:<24}" + "   ".join(f"{cell:<22}" for cell in cells) + ratio)
    for one in results:
        print("; ".join(f"{page}: {', '.join(names) or 'none'}" for page, names in one["loaded"].items()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", type=Path, help="another tree, such as a worktree of an earlier commit")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    trees = [ROOT] + ([options.against.absolute()] if options.against else [])
    show(measure(trees, options.rounds))


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] in ("build", "round"):
        from page_session import Server, Visitor  # this folder comes first on the path, and then leaves it

        sys.path.remove(str(HERE.parent))
        child(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Server, Visitor)
    else:
        main()
