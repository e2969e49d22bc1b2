"""One run: what is known of it, as a row of the index and as the files of its folder."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsc_core.config import Config
from dsc_core.errors import InputError, RunError
from dsc_core.runs import processes
from dsc_core.runs.files import read_json
from dsc_core.runs.folder import slug

STATUSES = ("created", "queued", "running", "done", "stopped", "failed")
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
COPIED = "This run's folder was copied here while it trained, so it did not end here."


@dataclass(frozen=True)
class Run:
    """What the store knows of one run.

    Attributes
    ----------
    id, name
        Its id, such as "digits-20261124-231955-ab3f", and what a person calls it.
    status
        "created", "queued", "running", "done", "stopped" or "failed".
    reason
        Why it failed or was stopped, in a sentence, or "".
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
        """Whether it is done, stopped or failed."""
        return self.status in ("done", "stopped", "failed")

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
    """The run of a row of the index."""
    fields = {name: row[name] for name in FIELDS} | {"starred": bool(row["starred"])}
    return Run(
        **fields,
        paused=bool(row["paused"]) and row["status"] == "running",
        parent=json.loads(row["parent"]),
        cards=card_numbers(row["cards"]),
        dataset=json.loads(row["dataset"]),
        config=Config.from_dict(json.loads(row["config"])),
        home=home,
    )


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


# As a folder --------------------------------------------------------------------------------------------------


def to_json(run: Run, process: str | None = None) -> dict[str, Any]:
    """The contents of run.json: what the folder must hold of the run's state to be opened elsewhere."""
    facts = {name: getattr(run, name) for name in FIELDS} | {"process": process, "home": str(run.home)}
    return facts | ({"parent": run.parent} if run.parent else {})


def read_run(folder: Path, home: Path) -> tuple[Run, str | None]:
    """The run of a folder, and the identity of its process. A damaged folder gives a failed run."""
    config, dataset, reason = _read_settings(folder)
    facts = _read_facts(folder)
    fields = {name: facts[name] for name in FIELDS if facts.get(name) is not None}
    status = fields.get("status") if fields.get("status") in STATUSES else "failed"
    elsewhere = facts.get("home") != str(home)
    if status == "running" and (elsewhere or not _lives(facts)):
        reason = reason or COPIED
    if status == "queued" and elsewhere:  # each workspace has a queue of its own
        status, fields["queued"] = "created", None
    known: dict[str, Any] = {**EMPTY, "name": folder.name, "created": folder.stat().st_mtime, **fields}
    known |= {"id": folder.name, "status": "failed" if reason else status}
    known["reason"] = reason or known["reason"]
    parent = facts.get("parent")
    parent = parent if isinstance(parent, dict) else {}
    return Run(**known, dataset=dataset, config=config, home=home, parent=parent), facts.get("process")


def _read_settings(folder: Path) -> tuple[Config, dict[str, Any], str]:
    """The settings and the facts of the data set; why they cannot be read, or ""."""
    try:
        config = Config.from_dict(read_json(folder / "config.json"))
        return config, read_json(folder / "dataset.json"), ""
    except (RunError, InputError) as error:
        return Config(), {"name": folder.name}, str(error)


def _read_facts(folder: Path) -> Mapping[str, Any]:
    """The contents of run.json; where it cannot be read, whether the run has ended."""
    try:
        return read_json(folder / "run.json")
    except RunError:
        return {"status": "done" if (folder / "summary.json").exists() else "failed"}


def _lives(facts: Mapping[str, Any]) -> bool:
    return processes.alive(facts.get("pid"), facts.get("process"), facts.get("heartbeat"))
