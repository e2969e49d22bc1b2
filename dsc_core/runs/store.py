"""The runs of a workspace: one folder per run, which is the truth, and a SQLite index that several processes share.

If the index is lost or damaged, it is rebuilt from the folders; a run folder that was copied into another workspace
is added to its index.
"""

from __future__ import annotations

import builtins
import os
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsc_core.config import Config
from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.method.networks.sizes import check_encoder
from dsc_core.runs import branching, checkpoints, failures, processes, starting
from dsc_core.runs.controls import Controls, check_request
from dsc_core.runs.event_log import EventLog
from dsc_core.runs.files import write_json, write_whole
from dsc_core.runs.folder import is_run, leave_last_words, prepare_last_words, read_last_words
from dsc_core.runs.index import Index, Row
from dsc_core.runs.launcher import Launcher, LocalLauncher
from dsc_core.runs.run import Run, from_row, new_run, read_run, to_json, to_row
from dsc_core.training.requests import Requests
from dsc_core.workspace import home as default_home

if TYPE_CHECKING:
    from dsc_core.data import Dataset

MAX_NAME = 80  # letters
MAX_NOTE = 2000


class Store:
    """The runs of one workspace. One Store may serve several threads; each process opens its own.

    Parameters
    ----------
    home
        The workspace's folder, made where it does not exist; None takes `dsc_core.workspace.home()`.
    launcher
        What starts the processes that train; None trains on this machine.

    Raises
    ------
    RunError
        If the workspace cannot be written, or belongs to a later version.
    """

    def __init__(self, home: Path | str | None = None, launcher: Launcher | None = None):
        self.home = Path(home).absolute() if home else default_home()
        self.launcher: Launcher = launcher or LocalLauncher()
        try:
            (self.home / "runs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"The workspace {self.home} cannot be written ({error.strerror}); set DSC_HOME to a folder."
            ) from error
        self.index = Index(self.home / "dsc.sqlite")
        self.controls = Controls(self.index)
        self.event_log = EventLog(self.index, self.home / "runs")

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    # -- finding runs ----------------------------------------------------------------------------------------

    def folder(self, run_id: str) -> Path:
        """The folder of a run."""
        return self.home / "runs" / run_id

    def get(self, run_id: str) -> Run:
        """The run with exactly this id. InputError if there is none."""
        row = None
        if run_id == Path(run_id).name:  # an id from an address must be no path
            row = self.index.run(run_id)
            if row is None and is_run(self.folder(run_id)):
                row = self._adopt(self.folder(run_id))
        if row is None or not self.folder(run_id).is_dir():
            raise InputError(f"There is no run '{run_id}'; `python -m dsc_core list` shows the runs.")
        return self._checked(row)

    def list(self) -> list[Run]:
        """All runs, newest first. Folders that are not in the index are added; rows without a folder are left out."""
        with os.scandir(self.home / "runs") as entries:
            folders = {entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()}
        rows: dict[str, Row | None] = {row["id"]: row for row in self.index.runs()}
        for name in folders - rows.keys():
            if is_run(self.folder(name)):
                rows[name] = self._adopt(self.folder(name))
        runs = [self._checked(row) for name, row in rows.items() if name in folders and row is not None]
        return sorted(runs, key=lambda run: (run.created, run.id), reverse=True)

    def find(self, text: str) -> Run:
        """The run whose id or name is `text`, or else the only one that begins with it. InputError if none is."""
        runs = self.list()
        exact = [run for run in runs if text in (run.id, run.name)]
        matching = exact or [run for run in runs if run.id.startswith(text) or run.name.startswith(text)]
        if not text or not matching:
            raise InputError(f"There is no run '{text}'; `python -m dsc_core list` shows the runs.")
        if len(matching) > 1:
            some = ", ".join(run.id for run in matching[:3]) + (", …" if len(matching) > 3 else "")
            raise InputError(f"'{text}' matches {len(matching)} runs ({some}); write more of the name.")
        return matching[0]

    def checkpoints(self, run_id: str) -> builtins.list[checkpoints.Checkpoint]:
        """The checkpoints of a run, the newest first."""
        return checkpoints.available(self.folder(run_id))

    # -- creating runs ---------------------------------------------------------------------------------------

    def create(
        self, dataset: Dataset, config: Config, name: str | None = None, key: str | None = None
    ) -> str:
        """Create a run of `dataset` with the settings `config`. → its id, such as "digits-20261124-231955-ab3f".

        key: of the workspace's copy, if `dataset` is that copy; else a copy is made. InputError if the data cannot
        be trained on or the name is taken; RunError if the disk is full.
        """
        from dsc_core.data import check_trainable, is_stored, store_dataset

        check_trainable(dataset, config.clusters)
        check_encoder(dataset.shape, config.encoder)
        self.check_name(name)
        key = key if key and is_stored(key, self.home) else store_dataset(dataset, self.home)
        return self.add(new_run(name, dataset.name, {**dataset.describe(), "key": key}, config, self.home))

    def branch(
        self,
        run_id: str,
        checkpoint: str | None = None,
        changes: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> str:
        """A new run that continues from a checkpoint of another one, with other weights. → its id.

        It holds the events and the film until then; `start` or `execute` trains it further.

        Parameters
        ----------
        run_id
            The other run.
        checkpoint
            The name of one of its `checkpoints`; None takes the newest that leaves something to train.
        changes
            New values of live settings.
        name
            The new run's name; None gives it its id.

        Raises
        ------
        InputError
            If a setting cannot be changed, the name is taken, or there is no such checkpoint.
        RunError
            If the checkpoint is damaged or the disk is full.
        """
        return branching.branch(self, run_id, checkpoint, changes or {}, name)

    def add(self, run: Run, fill: Callable[[Path], None] | None = None) -> str:
        """Add a new run: its folder, which `fill` may write to, and its row. → its id. RunError if the disk is full."""
        try:
            self._make_folder(run, fill)
        except OSError as error:
            raise RunError(f"The run could not be created: {failures.os_reason(error)}.") from error
        with self.index.transaction():
            self.index.insert_run(to_row(run))
            self.event_log.read_missing(run.id)
        return run.id

    def check_name(self, name: str | None, renamed: str = "") -> None:
        """InputError if a run cannot have this name. renamed: the id of the run that is renamed. None is allowed."""
        if name is None:
            return
        if not name.strip() or len(name) > MAX_NAME or any(unicodedata.category(c) == "Cc" for c in name):
            raise InputError(f"A run's name has 1 to {MAX_NAME} letters, on one line.")
        if any(name in (run.id, run.name) for run in self.list() if run.id != renamed):
            raise InputError(f"There is a run named '{name}' already; choose another name.")

    def _make_folder(self, run: Run, fill: Callable[[Path], None] | None) -> None:
        """Make the folder of a new run, complete or not at all."""
        temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=self.home / "runs"))
        try:
            os.chmod(temporary, 0o755)
            write_json(temporary / "config.json", run.config.to_dict())
            write_json(temporary / "dataset.json", run.dataset)
            write_json(temporary / "run.json", to_json(run))
            write_whole(temporary / "events.jsonl", "")
            (temporary / "log.txt").touch()
            prepare_last_words(temporary)
            if fill:
                fill(temporary)
            os.replace(temporary, run.folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    # -- starting and ending ---------------------------------------------------------------------------------

    def start(self, run_id: str) -> None:
        """Train the run in a process of its own, which outlives this one.

        A run that ended early continues from its newest readable checkpoint; without one it begins anew.
        InputError if it is running or done; RunError if the process cannot be started.
        """
        starting.start(self, run_id)

    def claim(self, run_id: str) -> Run:
        """Take the run for this very process, which is going to train it. InputError if another process has it."""
        return starting.claim(self, run_id)

    def finish(self, run_id: str, status: str, reason: str = "") -> None:
        """Note that the run has ended as `status`. For a failure `reason` is one sentence."""
        if status == "failed":
            leave_last_words(self.folder(run_id), reason)
        self.index.update_run(run_id, status=status, reason=reason, ended=time.time(), queued=None)
        self.save_facts(run_id)

    def heartbeat(self, run_id: str) -> None:
        """Note that the run's process lives."""
        self.index.update_run(run_id, heartbeat=time.time())

    def set_device(self, run_id: str, device: str) -> None:
        """Note what the run computes on, in words."""
        self.index.update_run(run_id, device=device)

    # -- events ----------------------------------------------------------------------------------------------

    def append(self, run_id: str, event: Event) -> int:
        """Add an event. → its number, counted from 1. RunError if the run has been deleted, OSError on a full disk."""
        return self.event_log.append(run_id, event)

    def events(self, run_id: str, after: int = 0) -> builtins.list[tuple[int, Event]]:
        """(number, event) of the events with a number above `after`, in order."""
        return self.event_log.read(run_id, after)

    def last_event(self, run_id: str) -> Event | None:
        """The newest event of a run."""
        return self.event_log.last(run_id)

    # -- requests --------------------------------------------------------------------------------------------

    def control(self, run_id: str, **changes: Any) -> None:
        """Send requests to a running run: stop=True, pause=True, resume=True, or new values of live settings.

        InputError if the run is not running, or a setting is unknown, out of range or not live.
        """
        run = self.get(run_id)
        changes = {name: check_request(name, value) for name, value in changes.items()}
        if run.status in ("created", "queued") and changes.get("stop"):
            self.finish(run_id, "stopped", "It was stopped before it began.")
            return
        if run.status != "running":
            raise InputError(f"The run '{run.name}' is not running: it is {run.status}.")
        self.controls.add(run_id, changes)

    def take_controls(self, run_id: str) -> Requests:
        """The requests since the last call, merged; {} if there are none."""
        return self.controls.take(run_id)

    def requests_in_force(self, run_id: str) -> frozenset[str]:
        """Which of "pause" and "stop" the present attempt is under."""
        return self.controls.in_force(run_id)

    def pausing(self, run_id: str) -> bool:
        """Whether the run is paused, or will be after its pending requests."""
        return self.controls.pausing(run_id, self.get(run_id).paused)

    def set_paused(self, run_id: str, paused: bool) -> None:
        """Note whether the run's process is paused."""
        self.index.update_run(run_id, paused=paused)

    # -- names, notes and stars ------------------------------------------------------------------------------

    def rename(self, run_id: str, name: str) -> None:
        """Give the run another name. InputError if it is taken or no valid name."""
        if name != self.get(run_id).name:
            self.check_name(name, run_id)
            self._annotate(run_id, name=name)

    def annotate(self, run_id: str, note: str) -> None:
        """Save a note with the run, "" for none. InputError if it is too long."""
        note = note.strip()
        if len(note) > MAX_NOTE or any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in note):
            raise InputError(f"A note has up to {MAX_NOTE:,} letters.")
        self._annotate(self.get(run_id).id, note=note)

    def star(self, run_id: str, starred: bool = True) -> None:
        """Mark the run with a star, or take the star away."""
        self._annotate(self.get(run_id).id, starred=int(bool(starred)))

    def _annotate(self, run_id: str, **values: Any) -> None:
        self.index.update_run(run_id, **values)
        self.save_facts(run_id)

    # -- index and folder ------------------------------------------------------------------------------------

    def save_facts(self, run_id: str) -> None:
        """Write run.json from the index. On a full disk it stays as it was: the index has the facts."""
        # In a transaction: else, of two processes, the one that read first might write last.
        with suppress(OSError, RunError), self.index.transaction():
            if row := self.index.run(run_id):
                write_json(
                    self.folder(run_id) / "run.json", to_json(from_row(row, self.home), row["process"])
                )

    def _adopt(self, folder: Path) -> Row | None:
        """Add a folder from another workspace, or one whose index was lost, to the index. → its row."""
        run, process = read_run(folder, self.home)
        with self.index.transaction():
            self.index.insert_run(to_row(run, process))
            self.event_log.read_missing(run.id)
        return self.index.run(run.id)

    def _checked(self, row: Row) -> Run:
        """The run of a row; if its process is gone, it is marked as failed first."""
        run = from_row(row, self.home)
        if run.status != "running" or starting.alive(row):
            return run
        lost = failures.KILLED if processes.same_boot(row["process"]) else failures.RESTARTED
        reason = read_last_words(run.folder) or lost
        try:
            with self.index.transaction():
                self.index.end_lost_run(row, reason, _last_sign(run))
                self.event_log.read_missing(run.id)
            self.save_facts(run.id)
            return from_row(self.index.run(run.id) or row, self.home)
        except (RunError, OSError):  # a full disk must not keep the state from being shown
            return replace(run, status="failed", reason=reason, ended=_last_sign(run))


def _last_sign(run: Run) -> float:
    """When a lost run was last heard of, by this machine's clock; neither in the future nor before its start."""
    return max(min(run.heartbeat or time.time(), time.time()), run.started or 0.0)
