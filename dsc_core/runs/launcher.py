"""Starting the process that trains a run. For another machine, give `Store` a launcher of another class."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Protocol

from dsc_core.config import Config
from dsc_core.runs import processes
from dsc_core.runs.run import Run
from dsc_core.training import launch
from dsc_core.workspace import ROOT


class Process(Protocol):
    """A started process."""

    @property
    def pid(self) -> int:
        """The id that the process has where it runs."""

    def wait(self) -> object:
        """Return when the process has ended."""

    def kill(self) -> object:
        """End the process at once."""


class Launcher(Protocol):
    """What the store needs to train runs somewhere."""

    def capacity(self) -> int:
        """How many runs train at once where nobody has set a number. May take seconds; called before a start."""

    def slots(self, config: Config) -> int:
        """How many of the concurrent runs a run with these settings counts for."""

    def choose_cards(self, config: Config, used: Sequence[int], waiting: int) -> list[int]:
        """The numbers of the graphics cards for a run, [] for the CPU.

        used: a card once for each run on it. waiting: how many queued runs come next.
        """

    def start(self, run: Run) -> Process:
        """Start the worker of a run, which outlives this process. OSError if it cannot be started."""

    def identity(self, process: Process) -> str | None:
        """What tells the process from a later one with the same id; None lets its heartbeats decide."""


class LocalLauncher:
    """Trains runs on this machine, in processes of their own."""

    def capacity(self) -> int:
        """One run per graphics card, or one without any."""
        return max(1, launch.card_count())

    def slots(self, config: Config) -> int:
        """One, or one for each graphics card that the run asks for."""
        return launch.slots(config)

    def choose_cards(self, config: Config, used: Sequence[int], waiting: int) -> list[int]:
        """The cards that the fewest runs use."""
        return launch.choose_cards(config, list(used), waiting)

    def start(self, run: Run) -> Process:
        """Start the worker in a session of its own, so that closing the terminal or the server does not end it."""
        with open(run.folder / "log.txt", "ab") as log:
            return subprocess.Popen(
                launch.command(worker_command(run.id), launch.process_count(run.config, run.cards)),
                env=worker_environment(run),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                creationflags=_windows_flags(),
                start_new_session=os.name != "nt",
            )

    def identity(self, process: Process) -> str | None:
        """See `processes.identity`."""
        return processes.identity(process.pid)


def worker_command(run_id: str) -> list[str]:
    """The command that trains a run in a process of its own."""
    return [sys.executable, "-m", "dsc_core.runs.worker", run_id]


def worker_environment(run: Run) -> dict[str, str]:
    """The environment of a run's worker."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = launch.environment(run.config, list(run.cards))
    return environment | {
        "DSC_HOME": str(run.home),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _windows_flags() -> int:
    if sys.platform != "win32":
        return 0
    return subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
