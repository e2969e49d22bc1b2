"""Workers by the dozen: a process that loads PyTorch once and forks a worker for each line that it reads.

A line is `HOME RUN`, or `HOME RUN N` for one that dies in the middle of writing its N-th checkpoint. The answer
is the worker's process id. The training is real; only the maps are faked, since UMAP takes ten seconds to load,
and the head is taught in a few steps, which saves most of the time.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import pyarrow.parquet  # noqa: F401 - loaded once, for all
import sklearn.cluster  # noqa: F401
import torch

from dsc_core.analysis import umap_map
from dsc_core.runs import checkpoints, film_process, worker
from dsc_core.training import finish, joint
from tests.runs import fakes


def die_writing(number: int) -> None:
    """Let the N-th checkpoint be cut off half-way, as a power cut would."""
    write, left = checkpoints.write, [number]

    def dying(path, state, events):
        write(path, state, events)
        left[0] -= 1
        if not left[0]:
            os.truncate(path / checkpoints.ARRAYS, 1000)
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoints.write = dying


if __name__ == "__main__":
    umap_map.project, film_process.command = fakes.no_map, fakes.film_command
    teach = joint.teach_head
    joint.teach_head = finish.teach_head = lambda *given, **more: teach(*given[:4], 30, **more)
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])  # the first one loads half of PyTorch
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        home, run_id, *number = line.split()
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            os.environ["DSC_HOME"] = home
            sys.stdout = sys.stderr
            if number:
                die_writing(int(number[0]))
            os._exit(worker.main([run_id]))
        print(pid, flush=True)
