"""The process that trains a run: `python -m dsc_core.runs.worker RUN`, or `execute` in the very process.

Training's events go into the store, what the store's controls ask goes into training, and the results go into
the run's folder, moved into place when they are whole. A failure is one sentence in the store and a traceback
in the run's log.txt.
"""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dsc_core.analysis import live_metrics, map_film, metrics
from dsc_core.analysis.label_free import label_free_scores
from dsc_core.device import describe
from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.runs import checkpoints, failures, processes, queue, torchrun
from dsc_core.runs.artifacts import graph
from dsc_core.runs.artifacts.labels import write_frame
from dsc_core.runs.files import staged, write_json
from dsc_core.runs.film_process import Filming
from dsc_core.runs.run import Run
from dsc_core.runs.store import Store
from dsc_core.training import launch
from dsc_core.training.checkpoint import State

Echo = Callable[[Event], None]


def execute(
    store: Store, run_id: str, echo: Echo | None = None, stop_requested: Callable[[], bool] | None = None
) -> dict:
    """Train the run in this very process and return its summary, as it stands in summary.json.

    echo: told of every event. stop_requested: asked before every step; once it says True, training ends and
    the results are made from what is there, as with the store's own stop.
    InputError where the run is taken or the data are wrong; RunError, one sentence, for every other failure.
    The store and the log know of it by then.
    """
    run = store.claim(run_id)
    try:
        with beating(store, run_id):
            return Session(store, run, echo, stop_requested).work()
    except BaseException as error:
        reason = failures.sentence(error)
        if not isinstance(error, InputError):
            log(run.folder, traceback.format_exc())
        log(run.folder, reason)
        with suppress(RunError):  # on a full disk the reason stays in the folder, and is read from there
            store.finish(run_id, "failed", reason)
        if isinstance(error, InputError | RunError):
            raise
        raise RunError(reason) from error
    finally:  # whoever ends makes room for the next, so that the queue needs neither browser nor server
        with suppress(RunError, InputError):
            queue.advance(store)


@dataclass
class Session:
    """One execution of a run, from its data set to its summary."""

    store: Store
    run: Run
    echo: Echo | None
    stop_requested: Callable[[], bool] | None
    stopped: bool = False
    seq: int = 0  # the number of the last event
    unkept: bool = False  # the last checkpoint could not be written, which has been told
    last: Event = field(default_factory=lambda: Event("progress", "autoencoder"))
    rates: dict[str, list[float]] = field(default_factory=lambda: {"epoch": [], "progress": []})

    def work(self) -> dict:
        """Train, keep the model, draw the maps, keep the results."""
        from dsc_core.data import load_dataset

        state = self.pick_up()
        began = time.monotonic() - (state.seconds if state else 0.0)
        dataset = load_dataset(str(self.run.dataset.get("key", "")), self.store.home)
        device = torchrun.of_all(describe(self.run.config.device)[1])
        self.store.set_device(self.run.id, device)
        log(self.run.folder, f"Training on {device}: {len(dataset)} samples, {self.run.clusters} clusters.")
        with Filming(self.run.folder, self.run.config.seed, self.warn) as filming:
            fitted, done = self.train(dataset, state, filming)
            trained = time.monotonic()
            self.keep_model(fitted)
            maps = self.draw(fitted)
            filming.end()
        summary = {
            "run": self.run.id,
            "status": "stopped" if self.stopped else "done",
            "samples": len(dataset),
            "clusters": self.run.clusters,
            **self.scores(dataset, fitted),
            "seconds": round(time.monotonic() - began, 3),
            "train_seconds": round(trained - began, 3),
            "images_per_second": round(self.speed(), 1),
            "device": device,
        }
        self.keep_results(dataset, fitted, maps, summary)
        seconds = done.seconds + time.monotonic() - trained
        self.tell(replace(done, kind="done", stage="labels", seconds=seconds, remaining=None))
        self.store.finish(self.run.id, summary["status"])
        return summary

    def pick_up(self) -> State | None:
        """The newest checkpoint that can be read, told of; None where training begins at the beginning."""
        folder = self.run.folder
        state, last, unread = checkpoints.newest(folder)
        if state:
            self.last = Event(
                "note", state.stage, state.epoch, state.epochs, state.step, seconds=state.seconds
            )
        for path, reason in unread:
            told = f"{reason} Training takes the one before it." if state else reason
            self.tell(self.note(told, level="warning", back_to=last))
            with suppress(OSError):
                checkpoints.set_aside(path)
        with suppress(OSError):
            checkpoints.clear(folder / "checkpoints")
        for left in folder.glob(".new-*"):  # by a process that was killed while it kept its results
            shutil.rmtree(left, ignore_errors=True)
        if state:
            self.tell(self.note(f"Continues {state.position}.", back_to=last))
        elif any(folder.glob("events-*.jsonl")):
            told = "There is no checkpoint to go on from: the run begins anew, with the same settings."
            self.tell(self.note(told, back_to=0))
        return state

    def keep(self, state: State) -> None:
        """Keep a checkpoint; where the disk refuses it, training goes on and the one before stays."""
        try:
            checkpoints.save(self.run.folder, state, self.seq)
            self.unkept = False
        except OSError as error:
            if not self.unkept:
                self.unkept = True
                told = f"The checkpoint {state.position} could not be kept: {failures.plainly(error)}. "
                told += "Training goes on, and what was kept before stays."
                self.warn(told)

    def train(self, dataset, state: State | None, filming: Filming):
        """(Fitted, the last event of training)."""
        from dsc_core.training import loop

        def scores(clusters: np.ndarray) -> dict[str, float]:
            return live_metrics.measure(clusters, dataset.labels)

        filmed = bool(self.run.config.map_every)
        if filmed:
            filming.begin(map_film.film_rows(len(dataset), self.run.config), state.done if state else -1)
        torchrun.begin(self.run, state, len(dataset))
        steps = loop.fit(
            dataset.samples,
            self.run.config,
            control=self.control,
            observe=scores,
            scaling=dataset.scaling,
            checkpoint=self.keep,
            snapshot=filming.take if filmed else None,
            resume_from=state,
            scratch=self.run.folder,
        )
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                return end.value, self.last
            if event.kind == "done":
                self.last = event  # told when the results are in their place
            else:
                self.tell(event)

    def tell(self, event: Event) -> None:
        """Store an event, log it where it is worth a line, and hand it on."""
        self.seq = self.store.append(self.run.id, event)
        if event.kind in self.rates and event.images_per_second:
            self.rates[event.kind].append(event.images_per_second)
        self.last = event
        if event.kind != "progress" or event.message:
            log(self.run.folder, line(event))
        if self.echo:
            self.echo(event)

    def warn(self, message: str) -> None:
        """Tell of something that went wrong and ends nothing."""
        self.tell(self.note(message, level="warning"))

    def control(self) -> dict:
        """What has been asked of the run since the last step; called by training."""
        changes = self.store.take_controls(self.run.id)
        if self.stop_requested and self.stop_requested():
            changes["stop"] = True
        self.stopped = self.stopped or bool(changes.get("stop"))
        for wish, sentence in (("pause", "Paused."), ("resume", "Resumed.")):
            if changes.get(wish):
                self.store.set_paused(self.run.id, wish == "pause")
                self.tell(self.note(sentence))
        return changes

    def note(self, message: str, kind: str = "note", **more) -> Event:
        """An event that says `message`, at the place that training has reached."""
        return replace(
            self.last,
            **{"kind": kind, "message": message, "level": "info", "back_to": None} | more,
            losses={},
            scores={},
            changes={},
            cluster_sizes=(),
            images_per_second=0.0,
            remaining=None,
        )

    def draw(self, fitted) -> np.ndarray:
        """The latent and the spectral map side by side, (n, 4) float32."""
        from dsc_core.analysis.umap_map import project

        def draw(space: str, points) -> np.ndarray:
            def progress(sentence: str) -> None:
                self.tell(self.note(sentence, "progress", stage="labels"))

            progress(f"Drawing the {space} map")
            return project(points, self.run.config.seed, progress)

        return np.hstack([draw("latent", fitted.latent), draw("spectral", fitted.spectral)])

    def scores(self, dataset, fitted) -> dict:
        """acc, nmi and ari, None without labels, and the label-free scores."""
        known = dict.fromkeys(("acc", "nmi", "ari"))
        if dataset.labels is not None:
            known = metrics.scores(dataset.labels, fitted.labels)
        free = label_free_scores(
            fitted.latent, fitted.spectral, fitted.labels, self.run.config.seed, fitted.eigenvalues
        )
        return {**known, **free, "clusters_found": len(np.unique(fitted.labels))}

    def speed(self) -> float:
        """Images a second over the whole training: the harmonic mean of the epochs, all of equal length."""
        rates = self.rates["epoch"] or self.rates["progress"]
        return len(rates) / sum(1 / rate for rate in rates) if rates else 0.0

    def keep_model(self, fitted) -> None:
        """The model and the embeddings, kept before the maps are drawn: that may take a while."""
        for name in ("latent", "spectral"):  # of an earlier attempt by version 0.1.0, which also wrote them there
            (self.run.folder / "model" / f"{name}.npy").unlink(missing_ok=True)
        with staged(self.run.folder) as new:
            fitted.save(new / "model", embeddings=new / "embeddings")
            # On more samples than the graph of training has, questions about the run need another one.
            if fitted.affinity is not None and fitted.affinity.shape[0] == len(fitted.latent):
                mark = graph.mark_of(self.run, np.asarray(fitted.latent, dtype=np.float32))
                graph.save_graph(new / graph.FILE, fitted.affinity, mark)

    def keep_results(self, dataset, fitted, maps: np.ndarray, summary: dict) -> None:
        """The maps, the labels and last the summary, each in its place only when all are written."""
        with staged(self.run.folder) as new:
            (new / "embeddings").mkdir()
            np.save(new / "embeddings" / "latent_map.npy", maps[:, :2])
            np.save(new / "embeddings" / "spectral_map.npy", maps[:, 2:])
            columns = dataset.ids, fitted.labels, fitted.confidence, maps, dataset.labels
            write_frame(new / "labels.parquet", *columns)
            write_json(new / "summary.json", summary)


@contextmanager
def beating(store: Store, run_id: str):
    """A heartbeat every few seconds while the block runs."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(processes.BEAT):
            with suppress(RunError):  # training itself will meet the same trouble and tell of it
                store.heartbeat(run_id)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def line(event: Event) -> str:
    """An event as a line of the log."""
    parts = [f"{event.stage} {event.kind}"]
    if event.epoch and event.kind in ("epoch", "evaluation"):
        parts[0] += f" {event.epoch}/{event.epochs}"
    numbers = event.losses if event.kind == "epoch" else event.scores
    parts += [f"{name} {value:.4g}" for name, value in numbers.items()]
    if event.cluster_sizes:
        parts.append(f"sizes {', '.join(map(str, event.cluster_sizes))}")
    if event.images_per_second:
        parts.append(f"{event.images_per_second:.0f} images/s")
    return "  ".join([*parts, event.message] if event.message else parts)


def log(folder: Path, text: str) -> None:
    """Append to the run's log.txt; a log that cannot be written stops nothing."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    with suppress(OSError), open(folder / "log.txt", "a", encoding="utf-8") as file:
        file.write(f"{stamp}  {text.rstrip()}\n")


def main(arguments: list[str] | None = None) -> int:
    """Train one run; SIGTERM and SIGINT end it as Stop does. The exit code is 0, or 1 after a failure."""
    (run_id,) = sys.argv[1:] if arguments is None else arguments
    if not launch.first():
        return torchrun.follow()
    asked = threading.Event()
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda *_: asked.set())
    try:
        with torchrun.leading():
            execute(Store(), run_id, stop_requested=asked.is_set)
    except InputError as error:  # perhaps of a second start, which may not write into the first one's log
        print(error, file=sys.stderr)
        return 1
    except RunError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
