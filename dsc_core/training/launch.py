"""Which processes and which graphics cards a run gets. Loads no PyTorch where there is no graphics card to count.

torchrun starts N processes and tells each of them so in the environment; here that is read, torchrun's command
is made, and the cards of a machine are shared out among the runs of a queue.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from dsc_core.config import Config

# What torchrun sets for its processes; whoever starts one that shall train alone takes it away again.
TOLD = (
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

# The names of all graphics cards, for a process that itself sees only its own: it starts the next run of the queue.
ALL_CARDS = "DSC_ALL_CARDS"


def together() -> bool:
    """Whether torchrun has started this process as one of several that train together."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def first() -> bool:
    """Whether this process is the only one, or the one of several that asks, tells and keeps."""
    return not together() or os.environ.get("RANK") == "0"


def alone(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what torchrun told this process, for one that trains something else."""
    if "TORCHELASTIC_RUN_ID" not in environment:
        return dict(environment)
    return {k: v for k, v in environment.items() if k not in TOLD and not k.startswith("TORCHELASTIC_")}


def command(single: list[str], processes: int) -> list[str]:
    """`single`, which is [python, …], as the command that starts so many processes of it on this machine."""
    if processes == 1:
        return single
    # By their number, since not every machine knows an address for its own name.
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    torchrun += ["--nproc-per-node", str(processes)]
    as_module = ["-m"] if single[1] == "-m" else []
    # What comes after "--" is not torchrun's, which else takes our --run for the beginning of one of its own.
    return [single[0], *torchrun, *as_module, "--", *single[1 + len(as_module) :]]


def threads(processes: int) -> int:
    """CPU threads for each of so many processes that share this machine."""
    return max(1, (os.cpu_count() or 1) // processes)


@lru_cache(maxsize=1)
def cards() -> int:
    """Graphics cards that PyTorch may use here, or in the process that started this one for some of them."""
    if os.environ.get(ALL_CARDS):
        return len(os.environ[ALL_CARDS].split(","))
    driven = any(Path("/dev").glob("nvidia[0-9]*")) or shutil.which("nvidia-smi")
    if not driven:  # nothing to count, so the seconds that PyTorch takes to load are saved
        return 0
    import torch

    return torch.cuda.device_count()


def on_cards(config: Config) -> bool:
    """Whether a run with these settings computes on graphics cards here."""
    return config.device != "cpu" and cards() > 0


def processes(config: Config, numbers: list[int] | tuple[int, ...]) -> int:
    """How many processes a run is started in that was given the cards of these numbers: 0 asks for one a card."""
    return config.processes or max(1, len(numbers))


def places(config: Config) -> int:
    """How much room a run needs at the least among those at a time: one, or one for each card that it asks for."""
    return (config.processes or 1) if on_cards(config) else 1


def chosen(config: Config, taken: list[int], waiting: int = 0) -> list[int]:
    """The cards for a run: those which the fewest runs use. taken: a card once for each run on it.

    Where the run leaves their number open, all that are free, but for one for each of the `waiting` runs, which
    come next; at least one. [] on the CPU, and where the run asks for more cards than there are, which its process
    tells of.
    """
    wanted = places(config)
    if not on_cards(config) or wanted > cards():
        return []
    if not config.processes:
        free = cards() - len({number for number in taken if number < cards()})
        # More processes than a batch has samples would have nothing to do.
        wanted = max(1, min(free - waiting, config.batch, config.joint_batch))
    return sorted(sorted(range(cards()), key=taken.count)[:wanted])


def own(config: Config) -> list[int]:
    """The cards of a run that torchrun's own command line started on this machine: one a process, from the first on."""
    if not (together() and on_cards(config)):
        return []
    return list(range(min(cards(), int(os.environ.get("LOCAL_WORLD_SIZE", "1")))))


def environment(config: Config, numbers: list[int]) -> dict[str, str]:
    """The environment for the processes of a run that computes on the cards of these numbers."""
    found = alone(os.environ)
    if numbers:
        names = card_names(os.environ)
        found["CUDA_VISIBLE_DEVICES"] = ",".join(names[number] for number in numbers)
        found[ALL_CARDS] = ",".join(names)
    if (count := processes(config, numbers)) > 1:
        # Else torchrun gives each a single thread, and says so at length.
        found.setdefault("OMP_NUM_THREADS", str(threads(count)))
        if sys.platform == "linux":  # all are on this machine: nobody else need reach them
            found.setdefault("GLOO_SOCKET_IFNAME", "lo")
    return found


def card_names(environment: Mapping[str, str]) -> list[str]:
    """The cards' names, by number, as CUDA_VISIBLE_DEVICES takes them: ["0", "1"], or ["5", "GPU-8f"]."""
    named = environment.get(ALL_CARDS) or environment.get("CUDA_VISIBLE_DEVICES", "")
    known = [name.strip() for name in named.split(",") if name.strip()]
    return known[: cards()] or [str(number) for number in range(cards())]
