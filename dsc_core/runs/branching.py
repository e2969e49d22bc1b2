"""A new run that continues from a checkpoint of another one, with other weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsc_core.config import describe_changes
from dsc_core.errors import InputError
from dsc_core.events import Event
from dsc_core.runs import checkpoints, film_frames
from dsc_core.runs.controls import check_live, is_live
from dsc_core.runs.event_log import FILE as EVENTS
from dsc_core.runs.files import write_whole
from dsc_core.runs.folder import event_line
from dsc_core.runs.run import Run, new_run
from dsc_core.training.checkpoint import State

if TYPE_CHECKING:
    from dsc_core.runs.store import Store


def branch(
    store: Store, run_id: str, checkpoint: str | None, changes: dict[str, Any], name: str | None
) -> str:
    """Create the branch; see `Store.branch`."""
    parent = store.get(run_id)
    changes = {setting: check_live(setting, value) for setting, value in changes.items()}
    store.check_name(name)
    chosen = _choose(store, parent, checkpoint)
    state, last = checkpoints.read(chosen.path)
    live = {setting: value for setting, value in state.facts["config"].items() if is_live(setting)}
    config = parent.config.replace(**live).replace(**changes)
    changed = {setting: [getattr(state.config, setting), value] for setting, value in changes.items()}
    source = {"run": parent.id, "name": parent.name, "checkpoint": chosen.name, "epoch": chosen.epoch}
    source |= {"step": chosen.step, "changes": changed}
    run = new_run(name, f"{parent.name} branch", parent.dataset, config, store.home, source)
    lines = store.event_log.lines(parent.id, until=last)
    lines.append(event_line(last + 1, _note(parent, state, changed).to_json()))

    def fill(folder: Path) -> None:
        write_whole(folder / EVENTS, "".join(lines))
        checkpoints.save(folder, state.branched(changes), last + 1)
        film_frames.copy(parent.folder, folder, state.done)

    return store.add(run, fill)


def _choose(store: Store, run: Run, name: str | None) -> checkpoints.Checkpoint:
    """The checkpoint of that name, or the newest that leaves something to train. InputError if there is none."""
    matching = [one for one in store.checkpoints(run.id) if name in (None, one.name)]
    if not matching:
        raise InputError(f"The run '{run.name}' has no such checkpoint; `train` a new run instead.")
    if not any(one.left for one in matching):
        raise InputError(
            f"Nothing is left to train {matching[0].position} of '{run.name}'; branch from an earlier epoch."
        )
    return next(one for one in matching if one.left)


def _note(parent: Run, state: State, changed: dict[str, list[Any]]) -> Event:
    """The event that says where the branch comes from."""
    changes = describe_changes(changed)
    return Event(
        "note",
        state.stage,
        state.epoch,
        state.epochs,
        state.step,
        seconds=state.seconds,
        message=f"Branched from {parent.name} {state.position}" + (f": {changes}." if changes else "."),
        changes=changed,
    )
