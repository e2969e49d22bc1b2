"""Worker processes, forked by the dozen from one that has everything loaded; see forks.py."""

import os
import subprocess
import sys
import time
from pathlib import Path

from dsc_core.runs import processes


class Workers:
    """Starts workers: `with Workers() as workers: workers.work(home, run_id)`."""

    def __enter__(self):
        script = Path(__file__).with_name("forks.py")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        environment = os.environ | {"OMP_NUM_THREADS": "1"}  # on arrays this small a second one only waits
        self.forking = subprocess.Popen([sys.executable, str(script)], env=environment, **pipes)
        return self

    def __exit__(self, *_):
        self.forking.stdin.close()
        try:
            self.forking.wait(60)
        finally:
            self.forking.kill()
        self.forking.stdout.close()

    def start(self, home, run_id, *how):
        """The id of a process that trains a run. how: where it dies, see forks.py."""
        print(home, run_id, *how, file=self.forking.stdin, flush=True)
        return int(self.forking.stdout.readline())

    def work(self, home, run_id, *how):
        """Train a run, and wait until the process has ended."""
        wait(self.start(home, run_id, *how))

    def operations(self, home):
        """The names of the disk operations of the last worker in this workspace, if they were counted."""
        return (Path(home) / "operations.txt").read_text().splitlines()


def wait(pid, seconds=300.0):
    """Until a process has ended, or so long."""
    end = time.monotonic() + seconds
    while processes.identity(pid) and time.monotonic() < end:
        time.sleep(0.002)
