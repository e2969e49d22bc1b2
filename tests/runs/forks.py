"""Workers by the dozen: a process that loads PyTorch once and forks a worker for each line that it reads.

A line is `HOME RUN`, or `HOME RUN N` for one that dies in the middle of writing its N-th checkpoint; `HOME RUN at:N`
for one that dies at its N-th disk operation, `HOME RUN full:N` for one that finds the disk full from then on, both
without heartbeats and reports by the second, which come when they like. What such a worker did stands in the file
operations.txt in HOME. `HOME RUN memory:N` may take N more megabytes, `HOME RUN files:N` open N more files. The answer
is the worker's process id. The training is real; only the maps are faked, since UMAP takes ten seconds to load, and the
head and k-means are taught in a few steps, which saves most of the time.
"""

import os
import resource
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from dsc_core.analysis import umap_map
from dsc_core.config import Config
from dsc_core.data import Dataset
from dsc_core.method import cut
from dsc_core.runs import Store, checkpoints, film_process, processes, saving, worker
from dsc_core.training import clock, finish, joint
from tests.runs import fakes
from tests.runs.disk import Disk

saving.SAVE_EVERY = 0.0  # a checkpoint after every epoch, which here takes a fraction of a second


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


def watch_disk(home, how):
    """Count the disk operations, and die at one of them or find the disk full; their names go into a file."""
    processes.BEAT = clock.PERIOD = 1e9
    mode, _, number = how.partition(":")
    # Opened before anything is counted. In a process that is killed, nothing else would write what is buffered.
    names = os.open(f"{home}/operations.txt", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)

    class Noted(Disk):
        def note(self, name):
            os.write(names, name.encode() + b"\n")
            super().note(name)

    Noted(**{mode: int(number)}).watch()


def load_everything():
    """Train a small run here: what is imported, and loaded, on first use is there for all workers."""
    samples = np.random.default_rng(0).integers(0, 255, (30, 1, 8, 8)).astype(np.uint8)
    dataset = Dataset("warm", samples, np.arange(30).astype(str), np.arange(30) % 2, "image", (0.0, 1 / 255))
    small = {
        "clusters": 2,
        "epochs": 1,
        "joint_epochs": 1,
        "neighbours": 3,
        "spectral_dims": 2,
        "latent_dims": 2,
    }
    config = Config(**small, least_steps=0, map_every=0, device="cpu", spectral_width=16)
    with tempfile.TemporaryDirectory() as home:
        store = Store(home)
        worker.execute(store, store.create(dataset, config))
        store.close()


def limit(how):
    """Let this process have little memory (in megabytes) or few files beside what it has."""
    mode, _, number = how.partition(":")
    if mode == "memory":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most, kind = pages * resource.getpagesize() + int(number) * 2**20, resource.RLIMIT_AS
    else:
        most, kind = len(os.listdir("/proc/self/fd")) - 1 + int(number), resource.RLIMIT_NOFILE
    resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    umap_map.project, film_process.command = fakes.no_map, fakes.film_command
    teach = joint.teach_head
    joint.teach_head = finish.teach_head = lambda *given, **more: teach(*given[:4], 30, **more)
    cut.STARTS = 20  # of k-means
    load_everything()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        home, run_id, *number = line.split()
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            os.environ["DSC_HOME"] = home
            sys.stdout = sys.stderr
            if number and number[0].startswith(("memory:", "files:")):
                limit(number[0])
            elif number and ":" in number[0]:
                watch_disk(home, number[0])
            elif number:
                die_writing(int(number[0]))
            os._exit(worker.main([run_id]))
        print(pid, flush=True)
