"""A run in several processes under torchrun: the first does what a single one does, the others only train.

Only the first opens the workspace's index, takes requests, writes events and saves results. The others receive their
task from it and read the samples from the workspace, which must be on a disk that all machines share.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dsc_core.config import Config
from dsc_core.errors import InputError, RunError
from dsc_core.runs import failures
from dsc_core.runs.run import Run
from dsc_core.training import launch
from dsc_core.training.checkpoint import State


@dataclass(frozen=True)
class Task:
    """What the other processes train: a data set of the workspace `home`, the settings, the state to resume from."""

    home: Path
    dataset: str
    config: Config
    state: State | None


_started = False


@contextmanager
def leading() -> Iterator[None]:
    """Run the block as the first process; if it ends before training starts, the other processes end as well."""
    global _started
    if not launch.is_distributed():
        yield
        return
    quiet_torch()
    from dsc_core.training import distributed

    _started = False
    distributed.join()
    try:
        yield
    except BaseException:
        # torchrun terminates all processes when one fails: report the reason first.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with suppress(RuntimeError):
            if not _started:
                distributed.once(lambda: None)
                distributed.leave()
        raise  # the others lose the connection when this process ends
    if not _started:
        distributed.once(lambda: None)
    distributed.leave()


def quiet_torch() -> None:
    """Silence warnings of PyTorch's C++ code; call it before PyTorch is imported."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


def begin(run: Run, state: State | None, count: int) -> None:
    """Start the other processes' training on the `count` samples. InputError if a batch is too small for them."""
    global _started
    if launch.is_distributed():
        from dsc_core.training import batches, distributed

        batches.check_processes(count, run.config)  # report it once, while the others can still end cleanly
        _started = True
        distributed.once(lambda: Task(run.home, str(run.dataset.get("key", "")), run.config, state))


def device_title(device: str) -> str:
    """The device of all processes in words: "2 × CPU, 1 thread"."""
    return f"{os.environ['WORLD_SIZE']} × {device}" if launch.is_distributed() else device


def follow() -> int:
    """Train with the first process and print only errors of this one. → the exit code."""
    quiet_torch()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while processes connect is not reported as an error
    try:
        from dsc_core.training import distributed

        distributed.join()
        task = distributed.once(lambda: None)
        if task is not None:
            train(task)
        distributed.leave()
        return 0
    except Exception as error:
        sentence = failures.sentence(error)
        if "unexpected" in sentence:
            traceback.print_exc()
        if sentence != failures.LOST:  # the first process reports it
            print(f"Process {os.environ['RANK']} on {socket.gethostname()}: {sentence}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1


def train(task: Task) -> None:
    """Train what the first process trains. RunError if this machine cannot read the workspace."""
    from dsc_core.data import load_dataset
    from dsc_core.training import loop

    # A signal reaches all processes; the first decides at which step to stop.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    try:
        dataset = load_dataset(task.dataset, task.home)
    except RunError as error:
        raise RunError(
            f"The data set in {task.home} cannot be read here; set DSC_HOME to a folder that all machines share."
        ) from error
    steps = loop.fit(dataset.samples, task.config, scaling=dataset.scaling, resume_from=task.state)
    with suppress(RunError):  # all processes raise it at the same step, and the first reports it
        for _ in steps:
            pass
