"""A run's events as event files of TensorBoard, an optional package (requirements-tensorboard.txt)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dsc_core.errors import InputError
from dsc_core.events import Event
from dsc_core.runs import failures
from dsc_core.runs.store import Store

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"  # in the run's folder
FILES = "events.out.tfevents.*"


def writer_class() -> type[SummaryWriter]:
    """`torch.utils.tensorboard.SummaryWriter`; InputError if the package is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "TensorBoard is not installed: `pip install -r requirements-tensorboard.txt` installs it."
        ) from error
    return SummaryWriter


def open_writer(folder: Path) -> SummaryWriter:
    """A writer into `folder`. Older event files there are deleted, since TensorBoard would show them as well.

    InputError if the folder cannot be written.
    """
    writer = writer_class()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(FILES):
            old.unlink()
        return writer(str(folder))
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written: {failures.os_reason(error)}; choose another folder."
        ) from error


def write(folder: Path, events: list[tuple[int, Event]], began: float) -> None:
    """All events of a run, as `Store.events` gives them. began: epoch seconds at which the run was created."""
    writer = open_writer(folder)
    for _, event in events:
        add(writer, event, began)
    writer.close()


def add(writer: SummaryWriter, event: Event, began: float) -> None:
    """Add one event: losses under epoch/ or progress/, scores, speed, changed settings and notes."""
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


class EventFiles:
    """Event files in a run's folder, written while it trains in this process: call it with each event.

    The first call also writes the run's earlier events: a resumed run has discarded some of them, and may have been
    trained without event files before. If they can no longer be written, training goes on without them.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self.run = store.get(run_id)
        self.store = store
        self.writer: SummaryWriter | None = None
        self.closed = False

    def __call__(self, event: Event) -> None:
        """Write an event that is already in the store."""
        if self.closed:
            return
        try:
            if self.writer is None:
                self.writer = open_writer(self.run.folder / FOLDER)
                for _, earlier in self.store.events(self.run.id):
                    add(self.writer, earlier, self.run.created)
            else:
                add(self.writer, event, self.run.created)
            if event.kind != "progress":
                self.writer.flush()
        except (OSError, InputError):  # for example a full disk, which the store reports itself
            self.closed = True

    def close(self) -> None:
        """Flush and close the files."""
        if self.writer is not None:
            with suppress(OSError):
                self.writer.close()
