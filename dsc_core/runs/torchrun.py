"""A run in several processes: the first does what a single one does, and the others train along with it.

The first alone opens the workspace's index, listens, tells and keeps. The others hear from it what to train on
and read the samples from the workspace, which therefore lies on a disk that all machines share.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dsc_core.errors import InputError, RunError
from dsc_core.runs import failures
from dsc_core.training import launch


@dataclass(frozen=True)
class Task:
    """What the others train on: a data set of the workspace `home`, with these settings, from this State on."""

    home: Path
    dataset: str
    config: object
    state: object | None


_begun = False


@contextmanager
def leading():
    """The block is the first process's part; where it ends before any training, the others go home too."""
    global _begun
    if not launch.is_distributed():
        yield
        return
    be_brief()
    from dsc_core.training import distributed

    _begun = False
    distributed.join()
    try:
        yield
    except BaseException:
        signal.signal(
            signal.SIGTERM, signal.SIG_IGN
        )  # torchrun ends all when one fails: first it is said why
        with suppress(RuntimeError):
            if not _begun:
                distributed.once(lambda: None)
                distributed.leave()
        raise  # those that train along lose the connection when this process ends
    if not _begun:
        distributed.once(lambda: None)
    distributed.leave()


def be_brief() -> None:
    """Leave out PyTorch's warnings, such as of one that no parameter was unused; before PyTorch is loaded."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


def begin(run, state, count: int) -> None:
    """Let the other processes train along on the `count` samples, from here on. InputError where they cannot."""
    global _begun
    if launch.is_distributed():
        from dsc_core.training import batches, distributed

        batches.check_processes(
            count, run.config
        )  # what is wrong is said once, while the others can still go home
        _begun = True
        distributed.once(lambda: Task(run.home, str(run.dataset.get("key", "")), run.config, state))


def of_all(device: str) -> str:
    """The name of what all processes compute on: "2 × CPU, 1 thread"."""
    return f"{os.environ['WORLD_SIZE']} × {device}" if launch.is_distributed() else device


def follow() -> int:
    """Train along with the first process, without a word unless something is wrong here; the exit code."""
    be_brief()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while they gather is no error to be told of
    try:
        from dsc_core.training import distributed

        distributed.join()
        task = distributed.once(lambda: None)
        if task is not None:
            along(task)
        distributed.leave()
        return 0
    except Exception as error:
        sentence = failures.sentence(error)
        if "unexpected" in sentence:
            traceback.print_exc()
        if sentence != failures.LOST:  # which the first process tells
            print(f"Process {os.environ['RANK']} on {socket.gethostname()}: {sentence}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1


def along(task: Task) -> None:
    """Train what the first process trains. RunError where this machine does not see the workspace."""
    from dsc_core.data import load_dataset
    from dsc_core.training import loop

    # A signal reaches all processes; the first decides, and says at which step.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    try:
        dataset = load_dataset(task.dataset, task.home)
    except RunError as error:
        raise RunError(
            f"The data set in {task.home} cannot be read here; let DSC_HOME be a folder that all machines share."
        ) from error
    steps = loop.fit(dataset.samples, task.config, scaling=dataset.scaling, resume_from=task.state)
    with suppress(RunError):  # all processes meet it at the same step, and the first tells of it
        for _ in steps:
            pass
