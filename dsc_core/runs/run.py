"""One run: what is known of it, as a row of the index and as the files of its folder."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsc_core.config import Config
from dsc_core.errors import RunError
from dsc_core.runs import facts, failures, processes
from dsc_core.runs.folder import slug

DAMAGED = "damaged"  # the status of a run whose folder cannot be read; it is never in the index
# The fields of a Run that are stored as they are, in the index and in the folder's run.json.
FIELDS = (
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
EMPTY = dict.fromkeys(FIELDS) | {"reason": "", "device": "", "note": "", "starred": False}


@dataclass(frozen=True)
class Run:
    """What the store knows of one run.

    Attributes
    ----------
    id, name
        Its id, such as "digits-20261124-231955-ab3f", and what a person calls it.
    status
        "created", "queued", "running", "done", "stopped" or "failed"; "damaged" if its folder cannot be read.
    reason
        Why it failed, was stopped or cannot be read, in a sentence, or "".
    pid, device
        Its process, and what it computes on, in words.
    created, started, ended, heartbeat, queued
        Times in epoch seconds, None until they come; `queued` only while it waits in the queue.
    dataset
        The facts of its data set, as in dataset.json.
    config
        Its settings.
    home, at
        The workspace; the folder of a run that lies in no workspace.
    paused
        Whether it runs and is paused.
    parent
        Of a branch, where it comes from: "run" (id), "name", "checkpoint", "epoch", "step" and "changes"
        ({setting: [old, new]}); {} of other runs.
    note, starred
        A person's note and mark.
    cards
        The graphics cards that it was given at its last start.
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
    dataset: dict[str, Any]
    config: Config
    home: Path
    at: Path | None = None
    paused: bool = False
    parent: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    starred: bool = False
    queued: float | None = None
    cards: tuple[int, ...] = ()

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.at or self.home / "runs" / self.id

    @property
    def phase(self) -> str:
        """The status as people should see it: of a running run also "paused", or "silent" if it does not answer."""
        if self.status != "running":
            return self.status
        silent = self.heartbeat is not None and time.time() - self.heartbeat > processes.SILENCE
        return "silent" if silent else "paused" if self.paused else "running"

    @property
    def finished(self) -> bool:
        """Whether it is done, stopped or failed, or damaged."""
        return self.status in ("done", "stopped", "failed", DAMAGED)

    @property
    def samples(self) -> int:
        """Number of samples."""
        return int(self.dataset.get("samples") or 0)

    @property
    def clusters(self) -> int:
        """Number of clusters, K."""
        return self.config.clusters


def new_run(
    name: str | None,
    base: str,
    dataset: dict[str, Any],
    config: Config,
    home: Path,
    parent: dict[str, Any] | None = None,
) -> Run:
    """A run that has not been started. Without a name it is called by its id, which begins with `base`."""
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    run_id = f"{slug(name or base)}-{stamp}-{secrets.token_hex(2)}"
    fields: dict[str, Any] = {**EMPTY, "id": run_id, "name": name or run_id, "status": "created"}
    return Run(**fields | {"created": now}, dataset=dataset, config=config, home=home, parent=parent or {})


# As a row of the index ----------------------------------------------------------------------------------------


def from_row(row: Any, home: Path) -> Run:
    """The run of a row of the index. RunError if a value in it is wrong."""
    fields = {name: row[name] for name in FIELDS} | {"starred": bool(row["starred"])}
    try:
        stored = {name: json.loads(row[name]) for name in ("parent", "dataset")}
        config, cards = _config(row["config"]), card_numbers(row["cards"])
        why = facts.wrong(
            fields | {"parent": stored["parent"]}, facts.RUN, ("id", "name", "status", "created")
        )
        why = why or facts.wrong(stored["dataset"], facts.DATASET)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        why = str(error)
    if why:
        raise RunError(
            f"The entry of the run {row['id']} in the index is damaged ({failures.shortened(why)})."
        )
    paused = bool(row["paused"]) and row["status"] == "running"
    return Run(**fields, **stored, config=config, paused=paused, cards=cards, home=home)


@lru_cache(maxsize=4096)
def _config(text: str) -> Config:
    """The settings in a row. Checking them is most of what reading a row takes, and pages read all rows again."""
    return Config.from_dict(json.loads(text))


def readable(rows: Iterable[Any], home: Path) -> list[Run]:
    """The runs of rows of the index, without those that are damaged: `Store.list` reads them anew from the folder."""
    runs: list[Run] = []
    for row in rows:
        with suppress(RunError):
            runs.append(from_row(row, home))
    return runs


def to_row(run: Run, process: str | None = None) -> dict[str, Any]:
    """The row of a new run. process: the identity of its process."""
    return {name: getattr(run, name) for name in FIELDS} | {
        "process": process,
        "claimed": 1,
        "paused": run.paused,
        "parent": json.dumps(run.parent),
        "dataset": json.dumps(run.dataset),
        "config": json.dumps(run.config.to_dict()),
    }


def card_numbers(text: str) -> tuple[int, ...]:
    """The graphics cards of a row: "0,1" → (0, 1)."""
    return tuple(int(part) for part in text.split(",") if part)
