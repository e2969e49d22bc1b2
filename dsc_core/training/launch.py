"""The processes and graphics cards of a run. Loads no PyTorch where there is no graphics card to count.

torchrun starts N processes and says so in their environment. Here that environment is read, torchrun's command is
built, and the cards of a machine are distributed among the runs of a queue.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from dsc_core import threads
from dsc_core.config import Config

# What torchrun sets in its processes; a process that is to train alone must not inherit it.
TORCHRUN_VARIABLES = (
    "LOCAL_RANK",
    "RANK",
    "GROUP_RANK",
    "ROLE_RANK",
    "ROLE_NAME",
    "LOCAL_WORLD_SIZE",
    "WORLD_SIZE",
    "GROUP_WORLD_SIZE",
    "ROLE_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "OMP_NUM_THREADS",
)
# The names of all graphics cards, for a process that sees only its own: it starts the next run of the queue.
ALL_CARDS = "DSC_ALL_CARDS"


def is_distributed() -> bool:
    """Whether torchrun has started this process as one of several that train together."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def first() -> bool:
    """Whether this process is the only one, or the one of several that receives requests, reports and saves."""
    return not is_distributed() or os.environ.get("RANK") == "0"


def without_torchrun(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without torchrun's variables, for a process that trains something else."""
    if "TORCHELASTIC_RUN_ID" not in environment:
        return dict(environment)
    return {
        name: value
        for name, value in environment.items()
        if name not in TORCHRUN_VARIABLES and not name.startswith("TORCHELASTIC_")
    }


def command(single: list[str], processes: int) -> list[str]:
    """The command that starts so many processes of `single`, [python, …], on this machine."""
    if processes == 1:
        return single
    # By number, since not every machine can resolve its own name.
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    torchrun += ["--nproc-per-node", str(processes)]
    as_module = ["-m"] if single[1] == "-m" else []
    # Without "--", torchrun would take our --run for an abbreviation of one of its own options.
    return [single[0], *torchrun, *as_module, "--", *single[1 + len(as_module) :]]


@lru_cache(maxsize=1)
def card_count() -> int:
    """Graphics cards that PyTorch may use here, or in the process that gave this one some of its cards."""
    if os.environ.get(ALL_CARDS):
        return len(os.environ[ALL_CARDS].split(","))
    has_driver = any(Path("/dev").glob("nvidia[0-9]*")) or shutil.which("nvidia-smi")
    if not has_driver:  # saves the seconds that PyTorch takes to load
        return 0
    import torch

    return torch.cuda.device_count()


def uses_cards(config: Config) -> bool:
    """Whether a run with these settings computes on graphics cards here."""
    return config.device != "cpu" and card_count() > 0


def process_count(config: Config, cards: Sequence[int]) -> int:
    """The number of processes for a run that has been given these cards; the setting 0 means one per card."""
    return config.processes or max(1, len(cards))


def slots(config: Config) -> int:
    """How many of the concurrent runs a run counts as: one, or one per card that it requires."""
    return (config.processes or 1) if uses_cards(config) else 1


def choose_cards(config: Config, taken: list[int], waiting: int = 0) -> list[int]:
    """The cards for a run: those that the fewest runs use, by number.

    taken: each card once per run on it. A run that leaves the number open gets all free cards but one for each of the
    `waiting` runs that come next, and at least one. [] on the CPU, and where the run requires more cards than there
    are, which its own process reports.
    """
    count = slots(config)
    if not uses_cards(config) or count > card_count():
        return []
    if not config.processes:
        free = card_count() - len({card for card in taken if card < card_count()})
        # More processes than a batch has samples would have nothing to do.
        count = max(1, min(free - waiting, config.batch, config.joint_batch))
    return sorted(sorted(range(card_count()), key=taken.count)[:count])


def torchrun_cards(config: Config) -> list[int]:
    """The cards of a run that a person started with torchrun on this machine: one per process, from the first on."""
    if not (is_distributed() and uses_cards(config)):
        return []
    return list(range(min(card_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1")))))


def environment(config: Config, cards: list[int]) -> dict[str, str]:
    """The environment for the processes of a run that computes on these cards."""
    variables = without_torchrun(os.environ)
    if cards:
        names = card_names(os.environ)
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(names[card] for card in cards)
        variables[ALL_CARDS] = ",".join(names)
    if (count := process_count(config, cards)) > 1:
        # Otherwise torchrun gives each process a single thread, and prints a long warning.
        variables.setdefault("OMP_NUM_THREADS", str(threads.share(count)))
        if sys.platform == "linux":  # all are on this machine: nobody else needs to reach them
            variables.setdefault("GLOO_SOCKET_IFNAME", "lo")
    return variables


def card_names(environment: Mapping[str, str]) -> list[str]:
    """The cards' names, by number, as CUDA_VISIBLE_DEVICES takes them: ["0", "1"], or ["5", "GPU-8f"]."""
    listed = environment.get(ALL_CARDS) or environment.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in listed.split(",") if name.strip()]
    return names[: card_count()] or [str(number) for number in range(card_count())]
