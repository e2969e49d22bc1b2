"""The runs of a workspace: one folder per run, which is the truth, and a SQLite index that several processes share.

If the index is lost or damaged, it is rebuilt from the folders; a run folder that was copied into another workspace
is added to its index.
"""

from __future__ import annotations

import builtins
import os
import shutil
import time
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsc_core.config import Config
from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.method.networks.sizes import check_encoder
from dsc_core.method.searches import check_search
from dsc_core.runs import branching, checkpoints, failures, finding, reserve, starting
from dsc_core.runs.controls import Controls, check_request
from dsc_core.runs.event_log import EventLog
from dsc_core.runs.facts import MAX_NAME, is_name
from dsc_core.runs.files import write_json, write_whole
from dsc_core.runs.folder import leave_last_words, prepare_last_words
from dsc_core.runs.index import Index
from dsc_core.runs.launcher import Launcher, LocalLauncher
from dsc_core.runs.rebuilding import NOTICE, rebuild
from dsc_core.runs.run import DAMAGED, Run, from_row, new_run, to_row
from dsc_core.runs.run_folder import to_json
from dsc_core.runs.schema import PATIENCE
from dsc_core.temporary import temporary_folder
from dsc_core.training.requests import Requests
from dsc_core.workspace import home as default_home

if TYPE_CHECKING:
    from dsc_core.data import Dataset

MAX_NOTE = 2000
TRASH = "trash"  # the folder of deleted runs


def check(dataset: Dataset, config: Config) -> None:
    """InputError where a data set cannot be trained on with such settings, which is known without training."""
    from dsc_core.data import check_trainable

    check_trainable(dataset, config.clusters)
    check_encoder(dataset.shape, config.encoder)
    check_search(config)


class Store:
    """The runs of one workspace. One Store may serve several threads; each process opens its own.

    Parameters
    ----------
    home
        The workspace's folder, made where it does not exist; None takes `dsc_core.workspace.home()`.
    launcher
        What starts the processes that train; None trains on this machine.
    patience
        Seconds to wait for another program that holds the index, such as a backup.

    Raises
    ------
    RunError
        If the workspace cannot be written, or belongs to a later version.
    """

    def __init__(
        self, home: Path | str | None = None, launcher: Launcher | None = None, patience: float = PATIENCE
    ):
        self.home = Path(home).absolute() if home else default_home()
        self.launcher: Launcher = launcher or LocalLauncher()
        try:
            for name in ("runs", TRASH):  # the trash too, since on a full disk no folder can be made
                (self.home / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"The workspace {self.home} cannot be written ({error.strerror}); set DSC_HOME to a folder."
            ) from error
        self.index = self._open_index(patience)
        reserve.keep(self.home)
        self.controls = Controls(self.index)
        self.event_log = EventLog(self.index, self.home / "runs")
        self.index.set_rebuild(lambda rescued: rebuild(self.index, self.event_log, self.home, rescued))

    def _open_index(self, patience: float) -> Index:
        """The index; on a full disk with the space that was kept for it."""
        path = self.home / "dsc.sqlite"
        try:
            return Index(path, patience)
        except RunError as error:
            if not (reserve.helps(error) and reserve.release(self.home)):
                raise
            return Index(path, patience)

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    # -- finding runs ----------------------------------------------------------------------------------------

    def folder(self, run_id: str) -> Path:
        """The folder of a run."""
        return self.home / "runs" / run_id

    def get(self, run_id: str) -> Run:
        """The run with exactly this id, which may be damaged. InputError if there is none."""
        return finding.get(self, run_id)

    def list(self) -> list[Run]:
        """All runs, newest first. Folders that are not in the index are added; rows without a folder are left out.

        A folder that cannot be read gives a damaged run, with the reason, and leaves the others alone.
        """
        return finding.listed(self)

    def find(self, text: str) -> Run:
        """The run whose id or name is `text`, or else the only one that begins with it. InputError if none is."""
        return finding.find(self, text)

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
        from dsc_core.data import is_stored, store_dataset

        check(dataset, config)
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
        return run.id

    def check_name(self, name: str | None, renamed: str = "") -> None:
        """InputError if a run cannot have this name. renamed: the id of the run that is renamed. None is allowed.

        Only within the transaction that gives the name is it certain that no other process takes it meanwhile.
        """
        if name is None:
            return
        if not is_name(name):
            raise InputError(f"A run's name has 1 to {MAX_NAME} letters, on one line.")
        finding.check_name(self, name, renamed)

    def _make_folder(self, run: Run, fill: Callable[[Path], None] | None) -> None:
        """Make the folder of a new run and its row, complete or not at all."""
        self.list()  # adds what is not in the index, so that no name is given twice
        temporary = temporary_folder(self.home / "runs")
        try:
            write_json(temporary / "config.json", run.config.to_dict())
            write_json(temporary / "dataset.json", run.dataset)
            write_json(temporary / "run.json", to_json(run))
            write_whole(temporary / "events.jsonl", "")
            (temporary / "log.txt").touch()
            prepare_last_words(temporary)
            if fill:
                fill(temporary)
            with self.index.transaction():
                self.check_name(run.name, run.id)
                self.index.insert_run(to_row(run))
                os.replace(temporary, run.folder)
                self.event_log.read_missing(run.id)
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
        self.list()  # adds what is not in the index, so that no name is given twice
        with self.index.transaction():
            if name != self.get(run_id).name:
                self.check_name(name, run_id)
                self._annotate(self.get(run_id), name=name)

    def annotate(self, run_id: str, note: str) -> None:
        """Save a note with the run, "" for none. InputError if it is too long."""
        note = note.strip()
        if len(note) > MAX_NOTE or any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in note):
            raise InputError(f"A note has up to {MAX_NOTE:,} letters.")
        self._annotate(self.get(run_id), note=note)

    def star(self, run_id: str, starred: bool = True) -> None:
        """Mark the run with a star, or take the star away."""
        self._annotate(self.get(run_id), starred=int(bool(starred)))

    def _annotate(self, run: Run, **values: Any) -> None:
        if run.status == DAMAGED:
            raise InputError(run.reason)
        self.index.update_run(run.id, **values)
        self.save_facts(run.id)

    # -- what happened to the index --------------------------------------------------------------------------

    def notice(self) -> str:
        """What happened to the index, if it had to be rebuilt and nobody has dismissed this yet; else ""."""
        return self.index.setting(NOTICE, "")

    def dismiss_notice(self) -> None:
        """Forget the notice."""
        self.index.set_setting(NOTICE, "")

    # -- index and folder ------------------------------------------------------------------------------------

    def save_facts(self, run_id: str) -> None:
        """Write run.json from the index. On a full disk it stays as it was: the index has the facts."""
        # In a transaction: else, of two processes, the one that read first might write last.
        with suppress(OSError, RunError), self.index.transaction():
            if row := self.index.run(run_id):
                write_json(
                    self.folder(run_id) / "run.json", to_json(from_row(row, self.home), row["process"])
                )
