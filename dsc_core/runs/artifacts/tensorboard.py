"""Event files that TensorBoard reads, made of a run's events. Its package is an extra: requirements-tensorboard.txt."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dsc_core.errors import InputError
from dsc_core.events import Event
from dsc_core.runs import failures

FOLDER = "tensorboard"  # in the run's folder
FILES = "events.out.tfevents.*"


def writer_class():
    """`torch.utils.tensorboard.SummaryWriter`; InputError where the package is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "TensorBoard's package is not installed: `pip install -r requirements-tensorboard.txt` brings it."
        ) from error
    return SummaryWriter


def opened(folder: Path):
    """A writer into `folder`, whose event files of before are let go: they would be drawn along with the new one.

    InputError where it cannot be written.
    """
    made = writer_class()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(FILES):
            old.unlink()
        return made(str(folder))
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written: {failures.plainly(error)}; choose another folder."
        ) from error


def write(folder: Path, events: list[tuple[int, Event]], began: float) -> None:
    """All events of a run, as `Store.events` gives them. began: epoch seconds at which the run was made."""
    writer = opened(folder)
    for _, event in events:
        add(writer, event, began)
    writer.close()


def add(writer, event: Event, began: float) -> None:
    """One event: its losses under epoch/ or progress/, its scores, its speed, what was changed, what was said."""
    at = {"global_step": event.step, "walltime": began + event.seconds}
    for name, value in event.losses.items():
        writer.add_scalar(f"{event.kind}/{name}", value, **at)
    for name, value in event.scores.items():
        writer.add_scalar(f"scores/{name}", value, **at)
    if event.images_per_second:
        writer.add_scalar(f"{event.kind}/images_per_second", event.images_per_second, **at)
    for name, (_, new) in event.changes.items():
        writer.add_scalar(f"settings/{name}", new, **at)
    if event.message and event.kind == "note":
        writer.add_text("notes", event.message, **at)


class Following:
    """Call it with each event of a run that trains in this process: the run's folder then holds all of them.

    The first call also writes what the run had told before: a resumed run has laid some of that aside, and may have
    been trained without event files until now. Where they can no longer be written, training goes on without them.
    """

    def __init__(self, store, run_id: str):
        self.run = store.get(run_id)
        self.store, self.writer, self.over = store, None, False

    def __call__(self, event: Event) -> None:
        """Write the event, which the store has already."""
        if self.over:
            return
        try:
            if self.writer is None:
                self.writer = opened(self.run.folder / FOLDER)
                for _, known in self.store.events(self.run.id):
                    add(self.writer, known, self.run.created)
            else:
                add(self.writer, event, self.run.created)
            if event.kind != "progress":
                self.writer.flush()
        except (OSError, InputError):  # as on a full disk, which the store's own files tell of
            self.over = True

    def close(self) -> None:
        """Write what is left."""
        if self.writer is not None:
            with suppress(OSError):
                self.writer.close()
