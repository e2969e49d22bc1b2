"""The run store: a folder a run, which is the truth, and a SQLite index that several processes share.

The index (`dsc.sqlite`, WAL) holds what is asked often or written by two sides: the state of each run, its
events and its controls. Lost or damaged, it is made anew from the folders; a run folder copied into another
workspace is found there. Every change is one short transaction.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsc_core.config import KNOBS, Config, checked
from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.method.networks.sizes import check_encoder
from dsc_core.runs import checkpoints, failures, film_frames, processes
from dsc_core.runs.files import ROOT, read_json, write_json, write_whole
from dsc_core.runs.files import home as default_home
from dsc_core.runs.folder import (
    append_line,
    cut_events,
    is_run,
    leave_last_words,
    prepare_last_words,
    read_events,
    read_last_words,
    slug,
)
from dsc_core.runs.index import open_index
from dsc_core.training import launch

STATUSES = ("created", "queued", "running", "done", "stopped", "failed")
ASK = "INSERT INTO controls (run_id, changes, written) VALUES (?, ?, ?)"
# The fields of a Run that are stored as they are, in the index and in the folder's run.json.
PLAIN = (
    "id",
    "name",
    "status",
    "reason",
    "pid",
    "created",
    "started",
    "ended",
    "heartbeat",
    "device",
    "note",
    "starred",
    "queued",
)
LONGEST_NOTE = 2000  # letters


@dataclass(frozen=True)
class Run:
    """What the store knows of one run. Times are epoch seconds, None until they come.

    paused: whether it runs and has been told to wait. parent: of a branch, where it comes from: "run" (id),
    "name", "checkpoint", "epoch", "step" and "changes" ({setting: [old, new]}); {} of other runs.
    """

    id: str
    name: str
    status: str
    reason: str
    pid: int | None
    created: float
    started: float | None
    ended: float | None
    heartbeat: float | None
    device: str
    dataset: dict
    config: Config
    home: Path
    at: Path | None = None  # the folder of a run that lies in no workspace
    paused: bool = False
    parent: dict = field(default_factory=dict)
    note: str = ""  # what a person wrote about it
    starred: bool = False
    queued: float | None = None  # when it was put into the queue, while it waits there
    cards: tuple[int, ...] = ()  # the graphics cards that it was given when it was last started

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.at or self.home / "runs" / self.id

    @property
    def finished(self) -> bool:
        """Whether nothing more will come of it by itself: done, stopped or failed."""
        return self.status in ("done", "stopped", "failed")

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.dataset.get("samples") or 0)

    @property
    def clusters(self) -> int:
        """Number of clusters, K."""
        return self.config.clusters


class Store:
    """The runs of one workspace. One Store may serve several threads; each process opens its own."""

    def __init__(self, home: Path | str | None = None):
        self.home = Path(home).absolute() if home else default_home()
        self._lock = threading.RLock()
        try:
            (self.home / "runs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"The workspace {self.home} cannot be written ({error.strerror}); set DSC_HOME to a folder."
            ) from error
        self._db = open_index(self.home / "dsc.sqlite")

    # -- runs ------------------------------------------------------------------------------------------------

    def create(self, dataset, config: Config, name: str | None = None, key: str | None = None) -> str:
        """Make a run of `dataset` with `config` and return its id, such as "digits-20261124-231955-ab3f".

        key: of the workspace's copy, where `dataset` is that copy; else one is made.
        InputError where the data cannot be trained on, or where `name` is taken. RunError on a full disk.
        """
        from dsc_core.data import check_trainable, is_stored, store_dataset

        check_trainable(dataset, config.clusters)
        check_encoder(dataset.shape, config.encoder)
        if name is not None:
            self._check_name(name)
        key = key if key and is_stored(key, self.home) else store_dataset(dataset, self.home)
        described = {**dataset.describe(), "key": key}
        return self._keep_new(self._new_run(name, dataset.name, described, config))

    def branch(
        self, run_id: str, checkpoint: str | None = None, changes: dict | None = None, name: str | None = None
    ) -> str:
        """A new run that goes on from a kept checkpoint of another one with other weights; its id.

        checkpoint: the name of one of `checkpoints(run_id)`; None takes the newest that leaves something to
        train. changes: new values of settings that are `live`. The new run holds the events and the maps until
        then, and one event more that tells of the branch; `start` or `execute` trains it on.
        InputError where a setting cannot be changed, the name is taken or no such checkpoint is kept;
        RunError where the checkpoint is damaged or the disk is full.
        """
        parent = self.get(run_id)
        changes = {setting: checked_knob(setting, value) for setting, value in (changes or {}).items()}
        if name is not None:
            self._check_name(name)
        chosen = self._chosen(parent, checkpoint)
        state, last = checkpoints.read(chosen.path)
        of_then = {known: value for known, value in state.facts["config"].items() if is_live(known)}
        config = parent.config.replace(**of_then).replace(**changes)
        moved = {setting: [getattr(state.config, setting), value] for setting, value in changes.items()}
        source = {"run": parent.id, "name": parent.name, "checkpoint": chosen.name, "epoch": chosen.epoch}
        source |= {"step": chosen.step, "changes": moved}
        run = self._new_run(name, f"{parent.name} branch", parent.dataset, config, source)
        note = branched(parent, state, moved)
        upto = "SELECT seq, event FROM events WHERE run_id = ? AND seq <= ? ORDER BY seq"
        lines = [event_line(row["seq"], row["event"]) for row in self._read(upto, (parent.id, last))]

        def fill(folder: Path) -> None:
            write_whole(folder / "events.jsonl", "".join([*lines, event_line(last + 1, note.to_json())]))
            checkpoints.save(folder, state.branched(changes), last + 1)
            film_frames.copy(parent.folder, folder, state.done)

        self._keep_new(run, fill)
        with self._transaction() as db:
            self._catch_up(db, run.id)
        return run.id

    def checkpoints(self, run_id: str) -> list[checkpoints.Kept]:
        """The kept checkpoints of a run, the newest first."""
        return checkpoints.kept(self.folder(run_id))

    def get(self, run_id: str) -> Run:
        """The run with exactly this id. InputError where there is none."""
        row = self._row(run_id) if run_id == Path(run_id).name else None  # an id from an address, not a path
        if row is None and run_id == Path(run_id).name and is_run(self.home / "runs" / run_id):
            self._adopt(self.home / "runs" / run_id)
            row = self._row(run_id)
        if row is None or not (self.home / "runs" / run_id).is_dir():
            raise InputError(f"There is no run '{run_id}'; `python -m dsc_core list` shows the runs.")
        return self._checked(row)

    def list(self) -> list[Run]:
        """All runs, newest first. Folders that are new here are taken in, rows without a folder left out."""
        with os.scandir(self.home / "runs") as entries:
            folders = {entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()}
        rows = {row["id"]: row for row in self._read("SELECT * FROM runs")}
        for name in folders - rows.keys():
            if is_run(self.home / "runs" / name):
                self._adopt(self.home / "runs" / name)
                rows[name] = self._row(name)
        runs = [self._checked(row) for name, row in rows.items() if name in folders and row is not None]
        return sorted(runs, key=lambda run: (run.created, run.id), reverse=True)

    def find(self, text: str) -> Run:
        """The run whose id or name is `text`, else the only one that begins with it; InputError if none."""
        runs = self.list()
        exact = [run for run in runs if text in (run.id, run.name)]
        found = exact or [run for run in runs if run.id.startswith(text) or run.name.startswith(text)]
        if not text or not found:
            raise InputError(f"There is no run '{text}'; `python -m dsc_core list` shows the runs.")
        if len(found) > 1:
            some = ", ".join(run.id for run in found[:3]) + (", …" if len(found) > 3 else "")
            raise InputError(f"'{text}' fits {len(found)} runs ({some}); write more of the name.")
        return found[0]

    def folder(self, run_id: str) -> Path:
        """The folder of a run."""
        return self.home / "runs" / run_id

    # -- starting and ending ---------------------------------------------------------------------------------

    def start(self, run_id: str) -> None:
        """Train the run in a process of its own, which outlives this one.

        A run that ended early goes on from its newest checkpoint that can be read; without one it begins anew.
        InputError where it is running already or is done; RunError where the process cannot be started.
        """
        run = self.get(run_id)
        launch.cards()  # counted before the transaction: it may take seconds
        with self._transaction() as db:
            self._refuse_second_start(db, run_id)
            self._launch(db, run)
        self._write_card(run_id)

    def claim(self, run_id: str) -> Run:
        """Take the run for this very process, which is going to train it. InputError where another has it."""
        run = self.get(run_id)
        with self._transaction() as db:
            row = db.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
            # A virtual environment's python.exe on Windows is a parent that waits for the real one.
            launched = row["status"] == "running" and not row["claimed"]
            if not (launched and row["pid"] in (os.getpid(), os.getppid())):
                self._refuse_second_start(db, run_id)
                forget_wishes(db, run_id)
                self._lay_aside(db, run_id)
            since = row["started"] if launched else None  # a page takes another start for another attempt
            cards = row["cards"] if launched else ",".join(map(str, launch.own(run.config)))
            self._mark_running(db, run_id, os.getpid(), claimed=1, since=since, cards=cards)
        prepare_last_words(run.folder)
        self._write_card(run_id)
        return self.get(run_id)

    def finish(self, run_id: str, status: str, reason: str = "") -> None:
        """Note that the run has ended as `status`. For a failure `reason` is one sentence."""
        if status == "failed":
            leave_last_words(self.folder(run_id), reason)
        with self._transaction() as db:
            db.execute(
                "UPDATE runs SET status = ?, reason = ?, ended = ?, queued = NULL WHERE id = ?",
                (status, reason, time.time(), run_id),
            )
        self._write_card(run_id)

    def heartbeat(self, run_id: str) -> None:
        """Say that the run's process lives."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET heartbeat = ? WHERE id = ?", (time.time(), run_id))

    def set_device(self, run_id: str, device: str) -> None:
        """Note what the run computes on, in words."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET device = ? WHERE id = ?", (device, run_id))

    # -- events ----------------------------------------------------------------------------------------------

    def append(self, run_id: str, event: Event) -> int:
        """Store `event` in the index and the folder's events.jsonl; its number, counted up from 1."""
        text = event.to_json()
        with self._transaction() as db:
            changed = db.execute(
                "UPDATE runs SET last_seq = last_seq + 1, heartbeat = ? WHERE id = ?", (time.time(), run_id)
            )
            if not changed.rowcount:
                raise RunError(f"The run '{run_id}' is no longer in the workspace.")
            seq = db.execute("SELECT last_seq FROM runs WHERE id = ?", (run_id,)).fetchone()[0]
            db.execute("INSERT INTO events VALUES (?, ?, ?)", (run_id, seq, text))
            # Last, and inside the transaction: the lines stand in the order of their numbers, and a line that
            # cannot be written takes the row back with it.
            append_line(self.folder(run_id) / "events.jsonl", event_line(seq, text))
        return seq

    def events(self, run_id: str, after: int = 0) -> list[tuple[int, Event]]:
        """The events with a number above `after`, in order, as (number, event)."""
        rows = self._read(
            "SELECT seq, event FROM events WHERE run_id = ? AND seq > ? ORDER BY seq", (run_id, after)
        )
        return [(row["seq"], Event.from_json(row["event"])) for row in rows]

    def last_event(self, run_id: str) -> Event | None:
        """The newest event of a run."""
        rows = self._read("SELECT event FROM events WHERE run_id = ? ORDER BY seq DESC LIMIT 1", (run_id,))
        return Event.from_json(rows[0]["event"]) if rows else None

    # -- controls --------------------------------------------------------------------------------------------

    def control(self, run_id: str, **changes) -> None:
        """Ask the run's process for something: stop=True, pause=True, resume=True, or new values of weights.

        InputError where the run is not running, or where a setting is unknown, out of range or not movable.
        """
        run = self.get(run_id)
        changes = {name: checked_control(name, value) for name, value in changes.items()}
        if run.status in ("created", "queued") and changes.get("stop"):
            self.finish(run_id, "stopped", "It was stopped before it began.")
            return
        if run.status != "running":
            raise InputError(f"The run '{run.name}' is not running: it is {run.status}.")
        with self._transaction() as db:
            db.execute(ASK, (run_id, json.dumps(changes), time.time()))

    def pausing(self, run_id: str) -> bool:
        """Whether the run waits, or has been asked to and not yet been let go on."""
        asked = self._read(
            "SELECT changes FROM controls WHERE run_id = ? AND taken IS NULL ORDER BY id DESC", (run_id,)
        )
        wishes = [wish for row in asked for wish in json.loads(row["changes"]) if wish in ("pause", "resume")]
        return wishes[0] == "pause" if wishes else self.get(run_id).paused

    def set_paused(self, run_id: str, paused: bool) -> None:
        """Note that the run's process waits, or no longer does."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET paused = ? WHERE id = ?", (paused, run_id))

    def take_controls(self, run_id: str) -> dict:
        """What has been asked since the last call, later wishes over earlier ones; {} where nothing was."""
        pending = "SELECT id, changes FROM controls WHERE run_id = ? AND taken IS NULL ORDER BY id"
        if not self._read(pending, (run_id,)):  # asked before every step: a read waits for nobody
            return {}
        changes: dict = {}
        with self._transaction() as db:
            for row in db.execute(pending, (run_id,)).fetchall():
                wish = json.loads(row["changes"])
                for name, opposite in (("pause", "resume"), ("resume", "pause")):
                    if name in wish:
                        changes.pop(opposite, None)
                changes.update(wish)
                db.execute("UPDATE controls SET taken = ? WHERE id = ?", (time.time(), row["id"]))
        return changes

    def wishes(self, run_id: str) -> frozenset[str]:
        """What the run's present attempt stands under: "pause" until it is asked to resume, and "stop"."""
        rows = self._read(
            "SELECT changes FROM controls WHERE run_id = ? AND (taken IS NULL OR taken > 0) ORDER BY id",
            (run_id,),
        )
        standing: set[str] = set()
        for wish in (json.loads(row["changes"]) for row in rows):
            if wish.get("resume"):
                standing.discard("pause")
            standing |= {name for name in ("pause", "stop") if wish.get(name)}
        return frozenset(standing)

    # -- what people say of runs -----------------------------------------------------------------------------

    def rename(self, run_id: str, name: str) -> None:
        """Give the run another name. InputError where it is taken or cannot be one."""
        run = self.get(run_id)
        if name != run.name:
            self._check_name(name, run_id)
            self._say(run_id, name=name)

    def annotate(self, run_id: str, note: str) -> None:
        """Keep a note with the run, "" for none. InputError where it is too long."""
        note = note.strip()
        if len(note) > LONGEST_NOTE or any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in note):
            raise InputError(f"A note has up to {LONGEST_NOTE:,} letters.")
        self.get(run_id)
        self._say(run_id, note=note)

    def star(self, run_id: str, starred: bool = True) -> None:
        """Mark the run with a star, or take it away."""
        self.get(run_id)
        self._say(run_id, starred=int(bool(starred)))

    def _say(self, run_id: str, **values) -> None:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with self._transaction() as db:
            db.execute(f"UPDATE runs SET {columns} WHERE id = :id", {**values, "id": run_id})
        self._write_card(run_id)

    def setting(self, name: str, default: str) -> str:
        """A setting of this workspace, such as the runs at a time."""
        rows = self._read("SELECT value FROM settings WHERE name = ?", (name,))
        return rows[0]["value"] if rows else default

    def set_setting(self, name: str, value: str) -> None:
        """Keep a setting of this workspace."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    # -- the index -------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the database file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self):
        """The database in one write transaction, undone if the block raises. RunError for its own errors."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise RunError(failures.store_sentence(error)) from error
                raise

    def _read(self, query: str, values: tuple = ()) -> list[sqlite3.Row]:
        with self._lock:
            try:
                return self._db.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise RunError(failures.store_sentence(error)) from error

    def _row(self, run_id: str) -> sqlite3.Row | None:
        return next(iter(self._read("SELECT * FROM runs WHERE id = ?", (run_id,))), None)

    def _insert(self, run: Run, process: str | None = None) -> None:
        row = {name: getattr(run, name) for name in PLAIN} | {
            "process": process,
            "claimed": 1,
            "paused": run.paused,
            "parent": json.dumps(run.parent),
            "dataset": json.dumps(run.dataset),
            "config": json.dumps(run.config.to_dict()),
        }
        marks = ", ".join(f":{name}" for name in row)
        with self._transaction() as db:
            db.execute(f"INSERT OR IGNORE INTO runs ({', '.join(row)}) VALUES ({marks})", row)

    def _check_name(self, name: str, of: str = "") -> None:
        if not name.strip() or len(name) > 80 or any(unicodedata.category(c) == "Cc" for c in name):
            raise InputError("A run's name has 1 to 80 letters, on one line.")
        if any(name in (run.id, run.name) for run in self.list() if run.id != of):
            raise InputError(f"There is a run named '{name}' already; choose another name.")

    # -- the process -----------------------------------------------------------------------------------------

    def _launch(self, db: sqlite3.Connection, run: Run) -> None:
        """Start the run's process and note it, in the transaction of `db`. RunError where it cannot start."""
        forget_wishes(db, run.id)
        waiting = db.execute("SELECT count(*) FROM runs WHERE status = 'queued' AND id != ?", (run.id,))
        cards = launch.chosen(run.config, cards_in_use(db), waiting.fetchone()[0])
        run = replace(run, cards=tuple(cards))
        try:
            process = self._spawn(run)
        except OSError as error:
            raise RunError(
                f"The training process could not be started: {failures.plainly(error)}."
            ) from error
        try:
            self._lay_aside(db, run.id)
            self._mark_running(db, run.id, process.pid, claimed=0, cards=",".join(map(str, run.cards)))
        except BaseException:
            process.kill()
            raise
        # Without a wait the ended process would stay in the system's table until this one ends.
        threading.Thread(target=process.wait, daemon=True).start()

    def _refuse_second_start(self, db: sqlite3.Connection, run_id: str) -> None:
        row = db.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row["status"] == "running" and processes.alive(row["pid"], row["process"], row["heartbeat"]):
            raise InputError(f"The run '{row['name']}' is running already, in process {row['pid']}.")
        if row["status"] == "done":
            raise InputError(
                f"The run '{row['name']}' is done; create another run to train with the same settings."
            )

    def _mark_running(
        self,
        db: sqlite3.Connection,
        run_id: str,
        pid: int,
        claimed: int,
        cards: str,
        since: float | None = None,
    ) -> None:
        now = time.time()
        db.execute(
            "UPDATE runs SET status = 'running', reason = '', pid = ?, process = ?, claimed = ?, started = ?,"
            " paused = 0, ended = NULL, queued = NULL, heartbeat = ?, cards = ? WHERE id = ?",
            (pid, processes.identity(pid), claimed, since or now, now, cards, run_id),
        )

    def _spawn(self, run: Run) -> subprocess.Popen:
        """Start the worker in a session of its own: closing the terminal or the server leaves it alone."""
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = launch.environment(run.config, list(run.cards))
        environment |= {"DSC_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        if os.name == "nt":
            apart = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
        else:
            apart = {"start_new_session": True}
        with open(run.folder / "log.txt", "ab") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            command = launch.command(worker_command(run.id), launch.processes(run.config, run.cards))
            return subprocess.Popen(command, env=environment, **streams, **apart)

    def _checked(self, row: sqlite3.Row) -> Run:
        """The row as a Run; one whose process is gone is noted as failed first."""
        run = self._as_run(row)
        if run.status != "running" or processes.alive(run.pid, row["process"], run.heartbeat):
            return run
        lost = failures.KILLED if processes.same_boot(row["process"]) else failures.RESTARTED
        reason = read_last_words(run.folder) or lost
        try:
            with self._transaction() as db:
                # Only if nothing has changed since: it may have ended well, or been started anew, just now.
                db.execute(
                    "UPDATE runs SET status = 'failed', reason = ?, ended = ?"
                    " WHERE id = ? AND status = 'running' AND pid IS ? AND process IS ?",
                    (reason, run.heartbeat or time.time(), run.id, run.pid, row["process"]),
                )
                self._catch_up(db, run.id)
            self._write_card(run.id)
            return self._as_run(self._row(run.id) or row)
        except (RunError, OSError):  # a full disk must not keep the state from being shown
            return Run(**{**run.__dict__, "status": "failed", "reason": reason, "ended": run.heartbeat})

    def _as_run(self, row: sqlite3.Row) -> Run:
        return Run(
            **{name: row[name] for name in PLAIN} | {"starred": bool(row["starred"])},
            paused=bool(row["paused"]) and row["status"] == "running",
            parent=json.loads(row["parent"]),
            cards=numbers(row["cards"]),
            dataset=json.loads(row["dataset"]),
            config=Config.from_dict(json.loads(row["config"])),
            home=self.home,
        )

    # -- the folder ------------------------------------------------------------------------------------------

    def _new_run(self, name: str | None, base: str, dataset: dict, config: Config, parent=None) -> Run:
        """A Run that has not begun; without a name it is called by its id, which is made from `base`."""
        now = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        run_id = f"{slug(name or base)}-{stamp}-{secrets.token_hex(2)}"
        blank = dict.fromkeys(PLAIN) | {"status": "created", "reason": "", "device": "", "note": ""}
        blank["starred"] = False
        fields = blank | {"id": run_id, "name": name or run_id, "created": now}
        return Run(**fields, dataset=dataset, config=config, home=self.home, parent=parent or {})

    def _keep_new(self, run: Run, fill: Callable[[Path], None] | None = None) -> str:
        """The run's folder, which `fill` may add to, and its row; the run's id."""
        try:
            self._make_folder(run, fill)
        except OSError as error:
            raise RunError(f"The run could not be created: {failures.plainly(error)}.") from error
        self._insert(run)
        return run.id

    def _make_folder(self, run: Run, fill: Callable[[Path], None] | None) -> None:
        """The run's folder with its settings, whole or not at all."""
        temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=self.home / "runs"))
        try:
            os.chmod(temporary, 0o755)
            write_json(temporary / "config.json", run.config.to_dict())
            write_json(temporary / "dataset.json", run.dataset)
            write_json(temporary / "run.json", self._card(run, None))
            (temporary / "events.jsonl").touch()
            (temporary / "log.txt").touch()
            prepare_last_words(temporary)
            if fill:
                fill(temporary)
            os.replace(temporary, run.folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _card(self, run: Run, process: str | None) -> dict:
        """What the folder itself must know of the run's state, so that it can be opened elsewhere."""
        known = {name: getattr(run, name) for name in PLAIN} | {"process": process, "home": str(self.home)}
        return known | ({"parent": run.parent} if run.parent else {})

    def _write_card(self, run_id: str) -> None:
        # The index has it, so a full disk, told of elsewhere, may keep the card from being written. In a
        # transaction, lest of two processes the one that read first writes last.
        with suppress(OSError, RunError), self._transaction() as db:
            if row := db.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone():
                write_json(self.folder(run_id) / "run.json", self._card(self._as_run(row), row["process"]))

    def _adopt(self, folder: Path) -> None:
        """Take a run folder that came from another workspace, or whose index was lost, into the index."""
        run, process = read_folder(folder, self.home)
        self._insert(run, process)
        with self._transaction() as db:
            self._catch_up(db, run.id)

    def _catch_up(self, db: sqlite3.Connection, run_id: str) -> None:
        """Take in what events.jsonl has beyond the index: a process killed between the two leaves a line."""
        known = db.execute("SELECT last_seq FROM runs WHERE id = ?", (run_id,)).fetchone()[0]
        lines = [line for line in read_events(self.folder(run_id) / "events.jsonl") if line[0] > known]
        db.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", [(run_id, *line) for line in lines])
        if lines:
            db.execute("UPDATE runs SET last_seq = ? WHERE id = ?", (lines[-1][0], run_id))

    def _lay_aside(self, db: sqlite3.Connection, run_id: str) -> None:
        """Lay the events beyond the newest readable checkpoint aside: training goes on there and tells anew.

        The numbers count on, so that no page mixes two attempts. What a person changed in between, and no
        checkpoint knows of, is wished for again.
        """
        last = checkpoints.newest(self.folder(run_id))[1]
        self._catch_up(db, run_id)
        beyond = (run_id, last)
        rows = db.execute("SELECT event FROM events WHERE run_id = ? AND seq > ? ORDER BY seq", beyond)
        for event in [Event.from_json(row["event"]) for row in rows] if last else ():
            if event.changes and event.level == "info":
                wish = {name: new for name, (_, new) in event.changes.items()}
                db.execute(ASK, (run_id, json.dumps(wish), time.time()))
        cut_events(self.folder(run_id), last)
        db.execute("DELETE FROM events WHERE run_id = ? AND seq > ?", beyond)

    def _chosen(self, run: Run, name: str | None) -> checkpoints.Kept:
        """The kept checkpoint of that name, or the newest to train on from; InputError where there is none."""
        known = self.checkpoints(run.id)
        named = [one for one in known if name in (None, one.name)]
        if not named:
            raise InputError(f"The run '{run.name}' keeps no such checkpoint; `train` a new run instead.")
        if not any(one.left for one in named):
            raise InputError(
                f"Nothing is left to train {named[0].place} of '{run.name}'; branch from an earlier epoch."
            )
        return next(one for one in named if one.left)


def read_folder(folder: Path, home_folder: Path) -> tuple[Run, str | None]:
    """The run that a folder tells of, and its process's identity; a damaged folder makes a failed run."""
    reason = ""
    try:
        config, dataset = (
            Config.from_dict(read_json(folder / "config.json")),
            read_json(folder / "dataset.json"),
        )
    except (RunError, InputError) as error:
        config, dataset, reason = Config(), {"name": folder.name}, str(error)
    try:
        card = read_json(folder / "run.json")
    except RunError:
        card = {"status": "done" if (folder / "summary.json").exists() else "failed"}
    known = {name: card[name] for name in PLAIN if card.get(name) is not None}
    status = known.get("status") if known.get("status") in STATUSES else "failed"
    lives = card.get("home") == str(home_folder) and processes.alive(
        known.get("pid"), card.get("process"), known.get("heartbeat")
    )
    if status == "running" and not lives:
        reason = reason or "This run's folder was copied here while it trained, so it did not end here."
    if status == "queued" and card.get("home") != str(home_folder):
        status, known["queued"] = "created", None  # a queue is a workspace's own
    blank = dict.fromkeys(PLAIN) | {
        "name": folder.name,
        "reason": "",
        "device": "",
        "note": "",
        "starred": False,
    }
    fields = blank | {"created": folder.stat().st_mtime} | known | {"id": folder.name}
    fields["status"] = "failed" if reason else status
    fields["reason"] = reason or fields["reason"]
    parent = card.get("parent") if isinstance(card.get("parent"), dict) else {}
    return Run(**fields, dataset=dataset, config=config, home=home_folder, parent=parent), card.get("process")


def event_line(seq: int, text: str) -> str:
    """An event's JSON as a line of events.jsonl."""
    return f'{{"seq": {seq}, {text[1:]}\n'


def branched(parent: Run, state, moved: dict) -> Event:
    """The event that tells where a branch comes from."""
    told = ", ".join(f"{name} {old:g} → {new:g}" for name, (old, new) in moved.items())
    message = f"Branched from {parent.name} {state.place}" + (f": {told}." if told else ".")
    return Event(
        "note",
        state.stage,
        state.epoch,
        state.epochs,
        state.step,
        seconds=state.seconds,
        message=message,
        changes=moved,
    )


def forget_wishes(db: sqlite3.Connection, run_id: str) -> None:
    """Drop what was asked of an earlier attempt, as a run is started: a stop right after that must count."""
    db.execute("UPDATE controls SET taken = 0 WHERE run_id = ?", (run_id,))


def cards_in_use(db: sqlite3.Connection) -> list[int]:
    """The graphics cards of the runs that train, each once a run."""
    rows = db.execute("SELECT * FROM runs WHERE status = 'running'").fetchall()
    used = []
    for row in rows:
        if processes.alive(row["pid"], row["process"], row["heartbeat"]):
            # One that was started from a command line computes on the first card, where it uses any.
            on_cpu = json.loads(row["config"]).get("device") == "cpu"
            used += numbers(row["cards"]) or ([] if on_cpu else [0])
    return used


def numbers(text: str) -> tuple[int, ...]:
    """ "0,1" as (0, 1)."""
    return tuple(int(part) for part in text.split(",") if part)


def worker_command(run_id: str) -> list[str]:
    """The command that trains a run in a process of its own."""
    return [sys.executable, "-m", "dsc_core.runs.worker", run_id]


def checked_control(name: str, value):
    """A wish of `Store.control`, checked."""
    return bool(value) if name in ("stop", "pause", "resume") else checked_knob(name, value)


def checked_knob(name: str, value):
    """A new value of a setting that may move while a run trains, checked."""
    if name not in KNOBS:
        raise InputError(f"There is no setting '{name}'; the settings are {', '.join(KNOBS)}.")
    if not KNOBS[name].live:
        movable = ", ".join(known.name for known in KNOBS.values() if known.live)
        raise InputError(f"{name} cannot be changed while a run trains; these can: {movable}.")
    return checked(KNOBS[name], value)


def is_live(name: str) -> bool:
    """Whether a setting of that name may move while a run trains."""
    return name in KNOBS and KNOBS[name].live
