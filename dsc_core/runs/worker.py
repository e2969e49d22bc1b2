"""The process that trains a run: `python -m dsc_core.runs.worker RUN`, or `execute` in the very process.

Training's events go into the store, the requests in the store go into training, and the results go into the run's
folder, moved into place when they are complete. A failure is one sentence in the store and a traceback in the run's
log.txt.
"""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dsc_core.analysis import live_metrics, map_film, metrics, umap_map
from dsc_core.analysis.label_free import label_free_scores
from dsc_core.device import describe
from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.runs import checkpoints, claim, expectation, failures, queue, run_threads, torchrun
from dsc_core.runs.artifacts import graph
from dsc_core.runs.artifacts.labels import write_frame
from dsc_core.runs.files import staged, write_json
from dsc_core.runs.film_process import Filming
from dsc_core.runs.log import line, log
from dsc_core.runs.run import Run
from dsc_core.runs.saving import Saver
from dsc_core.runs.store import Store
from dsc_core.training import launch
from dsc_core.training.checkpoint import State
from dsc_core.training.costs import RESULTS
from dsc_core.training.countdown import Countdown
from dsc_core.training.requests import Requests

if TYPE_CHECKING:
    from dsc_core.data import Dataset
    from dsc_core.model import Fitted

Echo = Callable[[Event], None]


def execute(
    store: Store, run_id: str, echo: Echo | None = None, stop_requested: Callable[[], bool] | None = None
) -> dict[str, Any]:
    """Train a run in this very process.

    Parameters
    ----------
    store, run_id
        The run.
    echo
        Called with every event.
    stop_requested
        Called before every step; once it returns True, training ends and the results are made from the present
        state, as after a stop request in the store.

    Returns
    -------
    dict
        The contents of summary.json.

    Raises
    ------
    InputError
        If another process trains the run, or the data cannot be trained on.
    RunError
        On any other failure, in one sentence; the store and the log hold it by then.
    """
    run = store.claim(run_id)
    try:
        with claim.beating(store, run):
            return Session(store, run, echo, stop_requested).work()
    except BaseException as error:
        reason = failures.sentence(error)
        if not isinstance(error, InputError):
            log(run.folder, traceback.format_exc())
        log(run.folder, reason)
        with suppress(RunError):  # on a full disk the reason is read from the folder
            claim.check(store, run)
            store.finish(run_id, "failed", reason)
        if isinstance(error, InputError | RunError):
            raise
        raise RunError(reason) from error
    finally:  # the process that ends a run starts the next: the queue needs neither browser nor server
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
    countdown: Countdown = field(default_factory=lambda: Countdown({}))
    last: Event = field(default_factory=lambda: Event("progress", "autoencoder"))
    rates: dict[str, list[float]] = field(default_factory=lambda: {"epoch": [], "progress": []})

    def __post_init__(self) -> None:
        self.saver = Saver(self.store, self.run, self.warn)

    def work(self) -> dict[str, Any]:
        """Train, save the model, draw the maps, save the results."""
        from dsc_core.data import load_dataset

        state = self.pick_up()
        began = time.monotonic() - (state.seconds + state.paused if state else 0.0)
        dataset = load_dataset(str(self.run.dataset.get("key", "")), self.store.home)
        self.countdown = expectation.countdown(self.store, self.run.config, len(dataset), dataset.shape)
        self.countdown.enter("start")
        run_threads.apply(self.store, self.run)
        device = torchrun.device_title(describe(self.run.config.device)[1])
        self.store.set_device(self.run.id, device)
        log(self.run.folder, f"Training on {device}: {len(dataset)} samples, {self.run.clusters} clusters.")
        with Filming(self.run.folder, self.run.config.seed, self.warn) as filming:
            fitted, done = self.train(dataset, state, filming)
            trained, paused = time.monotonic(), done.paused or 0.0
            self.countdown.enter("saving", RESULTS)
            self.keep_model(fitted)
            self.countdown.enter("maps")
            maps = self.draw(fitted)
            self.countdown.enter("film")
            filming.end()
        self.countdown.enter("scores")
        scores = self.scores(dataset, fitted)
        self.countdown.enter("saving")
        status = "stopped" if self.stopped else "done"
        summary: dict[str, Any] = {
            "run": self.run.id,
            "status": status,
            "samples": len(dataset),
            "clusters": self.run.clusters,
            **scores,
            "seconds": round(time.monotonic() - began - paused, 3),
            "train_seconds": round(trained - began - paused, 3),
            "paused_seconds": paused,
            "images_per_second": round(self.speed(), 1),
            "device": device,
        }
        self.keep_results(dataset, fitted, maps, summary)
        seconds = done.seconds + time.monotonic() - trained
        self.countdown.enter("")
        parts = {part: [round(spent, 3), pieces] for part, (spent, pieces) in self.countdown.spent.items()}
        self.tell(replace(done, kind="done", stage="labels", seconds=seconds, remaining=None, parts=parts))
        with self.store.index.transaction():
            claim.check(self.store, self.run)
            self.store.finish(self.run.id, status)
        return summary

    def pick_up(self) -> State | None:
        """The newest readable checkpoint, noted in an event; None if training begins anew."""
        folder = self.run.folder
        state, last, unread = checkpoints.newest(folder)
        if state:
            self.last = Event(
                "note", state.stage, state.epoch, state.epochs, state.step, seconds=state.seconds
            )
        for path, reason in unread:
            message = f"{reason} Training uses the one before it." if state else reason
            self.tell(self.note(message, level="warning", back_to=last))
            with suppress(OSError):
                checkpoints.set_aside(path)
        with suppress(OSError):
            checkpoints.clear(folder / "checkpoints")
        for left in folder.glob(".new-*"):  # by a process that was killed while it saved its results
            shutil.rmtree(left, ignore_errors=True)
        if state:
            self.tell(self.note(f"Continues {state.position}.", back_to=last))
        elif any(folder.glob("events-*.jsonl")):
            message = "There is no checkpoint to continue from: the run begins anew, with the same settings."
            self.tell(self.note(message, back_to=0))
        return state

    def keep(self, state: State) -> None:
        """Take a state of training, to be written as a checkpoint."""
        self.saver.keep(state, self.seq)

    def train(self, dataset: Dataset, state: State | None, filming: Filming) -> tuple[Fitted, Event]:
        """Train. → the model, the last event."""
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
            countdown=self.countdown,
        )
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                self.saver.save()
                return end.value, self.last
            except BaseException:
                with suppress(RunError):  # the first error is the one to tell
                    self.saver.save()
                raise
            if event.kind == "done":
                self.last = event  # emitted when the results are in place
            else:
                self.tell(event)

    def tell(self, event: Event) -> None:
        """Store an event, log it unless it is mere progress, and pass it on."""
        with self.store.index.transaction():  # no other process takes the run in between
            claim.check(self.store, self.run)
            self.seq = self.store.append(self.run.id, event)
        if event.kind in self.rates and event.images_per_second:
            self.rates[event.kind].append(event.images_per_second)
        self.last = event
        if event.kind != "progress" or event.message:
            log(self.run.folder, line(event))
        if self.echo:
            self.echo(event)

    def warn(self, message: str) -> None:
        """Emit a warning; training continues."""
        self.tell(self.note(message, level="warning"))

    def control(self) -> Requests:
        """The requests since the last step; called by training."""
        requests = self.store.take_controls(self.run.id)
        if self.stop_requested and self.stop_requested():
            requests["stop"] = True
        self.stopped = self.stopped or bool(requests.get("stop"))
        self.saver.requested = self.saver.requested or bool(requests)
        for name, message in (("pause", "Paused."), ("resume", "Resumed.")):
            if requests.get(name):
                self.store.set_paused(self.run.id, name == "pause")
                self.tell(self.note(message))
        return requests

    def note(self, message: str, kind: str = "note", **more: Any) -> Event:
        """An event with `message`, at the present position of training."""
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

    def draw(self, fitted: Fitted) -> np.ndarray:
        """The latent and the spectral map side by side, (n, 4) float32."""

        def progress(message: str) -> None:
            note = self.note(message, "progress", stage="labels")
            self.tell(replace(note, remaining=self.countdown.remaining()))

        def draw(space: str, points: np.ndarray) -> np.ndarray:
            progress(f"Drawing the {space} map")
            return umap_map.project(points, self.run.config.seed, progress)

        return np.hstack([draw("latent", fitted.latent), draw("spectral", fitted.spectral)])

    def scores(self, dataset: Dataset, fitted: Fitted) -> dict[str, float | None]:
        """acc, nmi and ari, None without labels, and the label-free scores."""
        supervised: dict[str, float | None] = dict.fromkeys(("acc", "nmi", "ari"))
        if dataset.labels is not None:
            supervised.update(metrics.scores(dataset.labels, fitted.labels))
        free = label_free_scores(
            fitted.latent, fitted.spectral, fitted.labels, self.run.config.seed, fitted.eigenvalues
        )
        return {**supervised, **free, "clusters_found": len(np.unique(fitted.labels))}

    def speed(self) -> float:
        """Images per second over the whole training: the harmonic mean over the epochs, all of equal length."""
        rates = self.rates["epoch"] or self.rates["progress"]
        return len(rates) / sum(1 / rate for rate in rates) if rates else 0.0

    def keep_model(self, fitted: Fitted) -> None:
        """Save the model, the embeddings and the last graph, before the maps are drawn, which may take a while."""
        claim.check(self.store, self.run)
        for name in ("latent", "spectral"):  # version 0.1.0 also wrote them there
            (self.run.folder / "model" / f"{name}.npy").unlink(missing_ok=True)
        with staged(self.run.folder) as new:
            fitted.save(new / "model", embeddings=new / "embeddings")
            # On more samples than the graph of training has, questions about the run need another one.
            if fitted.affinity is not None and fitted.affinity.shape[0] == len(fitted.latent):
                mark = graph.mark_of(self.run, np.asarray(fitted.latent, dtype=np.float32))
                graph.save_graph(new / graph.FILE, fitted.affinity, mark)

    def keep_results(
        self, dataset: Dataset, fitted: Fitted, maps: np.ndarray, summary: dict[str, Any]
    ) -> None:
        """Save the maps, the labels and the summary; they are moved into place when all are written."""
        claim.check(self.store, self.run)
        with staged(self.run.folder) as new:
            (new / "embeddings").mkdir()
            np.save(new / "embeddings" / "latent_map.npy", maps[:, :2])
            np.save(new / "embeddings" / "spectral_map.npy", maps[:, 2:])
            columns = dataset.ids, fitted.labels, fitted.confidence, maps, dataset.labels
            write_frame(new / "labels.parquet", *columns)
            write_json(new / "summary.json", summary)


def main(arguments: list[str] | None = None) -> int:
    """Train one run; SIGTERM and SIGINT stop it as the Stop button does. → exit code: 0, or 1 after a failure."""
    (run_id,) = sys.argv[1:] if arguments is None else arguments
    if not launch.first():
        return torchrun.follow()
    stopping = threading.Event()
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda *_: stopping.set())
    try:
        with torchrun.leading():
            execute(Store(), run_id, stop_requested=stopping.is_set)
    except InputError as error:  # perhaps of a second start, which must not write into the log of the first
        print(error, file=sys.stderr)
        return 1
    except RunError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
