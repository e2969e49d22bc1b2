"""The folder of a run: what is written of the run into its run.json, and the run that a folder holds.

A folder may come from anywhere, so every value is checked. One that is missing or wrong makes the run "damaged": it is
listed with a sentence that names the file and the value, and can be deleted, but nothing else is done with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsc_core.config import Config
from dsc_core.errors import InputError, RunError
from dsc_core.runs import facts, failures, processes
from dsc_core.runs.files import check_regular, damaged, read_json, reason_of
from dsc_core.runs.run import DAMAGED, EMPTY, FIELDS, Run

COPIED = "This run's folder was copied here while it trained, so it did not end here."


def to_json(run: Run, process: str | None = None) -> dict[str, Any]:
    """The contents of run.json: what the folder must hold of the run's state to be opened elsewhere."""
    known = {name: getattr(run, name) for name in FIELDS} | {"process": process, "home": str(run.home)}
    return known | ({"parent": run.parent} if run.parent else {})


def read_run(folder: Path, home: Path) -> tuple[Run, str | None]:
    """The run of a folder, and the identity of its process."""
    try:
        _check_events(folder / "events.jsonl")
        known, process = _state(folder, _read_facts(folder), home)
        return Run(**known, dataset=_read_dataset(folder), config=_read_config(folder), home=home), process
    except RunError as error:
        return damaged_run(folder, home, str(error)), None
    except OSError as error:
        why = failures.os_reason(error)
        return damaged_run(folder, home, f"The folder of the run {folder.name} cannot be read: {why}."), None


def damaged_run(folder: Path, home: Path, reason: str) -> Run:
    """The run of a folder that cannot be read. Its id is the folder's name, as far as that can be shown."""
    try:
        created = folder.stat().st_mtime
    except OSError:
        created = 0.0
    created = created if facts.TIME.fits(created) else 0.0
    shown = printable(folder.name)
    known: dict[str, Any] = {**EMPTY, "id": shown, "name": shown, "created": created}
    known |= {"status": DAMAGED, "reason": reason}
    return Run(**known, dataset={"name": shown}, config=Config(), home=home, at=folder)


def printable(name: str) -> str:
    """A name with replacement characters for what cannot be shown or stored, such as bytes that are no text."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)


def _state(folder: Path, card: Mapping[str, Any], home: Path) -> tuple[dict[str, Any], str | None]:
    """The fields of a Run that run.json holds, and the identity of its process."""
    if folder.name != printable(folder.name):
        raise RunError(
            f"The folder {printable(folder.name)} has a name that is no plain text: rename the folder."
        )
    fields = {name: card[name] for name in FIELDS if card.get(name) is not None}
    status, reason = fields.get("status", "failed"), fields.get("reason", "")
    elsewhere = card.get("home") != str(home)
    if status == "running" and (elsewhere or not _lives(card)):
        status, reason = "failed", COPIED
    if status == "queued" and elsewhere:  # each workspace has a queue of its own
        status, fields["queued"] = "created", None
    known: dict[str, Any] = {**EMPTY, "name": folder.name, "created": folder.stat().st_mtime, **fields}
    known |= {"id": folder.name, "status": status, "reason": reason, "starred": bool(known["starred"])}
    known["parent"] = card.get("parent") or {}
    return known, card.get("process")


def _read_facts(folder: Path) -> Mapping[str, Any]:
    """The contents of run.json; where there is none, whether the run has ended."""
    if not _exists(folder / "run.json"):
        return {"status": "done" if _exists(folder / "summary.json") else "failed"}
    return _checked(folder / "run.json", facts.RUN)


def _check_events(path: Path) -> None:
    """RunError if the events are not in a regular file, which reading might wait for forever."""
    try:
        check_regular(path)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise damaged(path, reason_of(error)) from error


def _read_dataset(folder: Path) -> dict[str, Any]:
    return _checked(folder / "dataset.json", facts.DATASET, facts.DATASET_NEEDS)


def _read_config(folder: Path) -> Config:
    path = folder / "config.json"
    values = read_json(path)
    try:
        return Config.from_dict(values)
    except InputError as error:
        raise damaged(path, failures.shortened(str(error).rstrip("."))) from error


def _checked(path: Path, kinds: facts.Kinds, needs: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON object in a file. RunError, which names the file and the value, if one does not fit."""
    values = read_json(path)
    if why := facts.wrong(values, kinds, needs):
        raise damaged(path, why)
    return values


def _exists(path: Path) -> bool:
    """Whether there is something by that name, readable or not."""
    try:
        path.lstat()
        return True
    except PermissionError:
        return True
    except OSError:
        return False


def _lives(card: Mapping[str, Any]) -> bool:
    return processes.alive(card.get("pid"), card.get("process"), card.get("heartbeat"))
