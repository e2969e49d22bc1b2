"""A stand-in for subprocess.Popen in `sandbox`: the other side as a fork of this process."""

import os
import signal
import sys
from pathlib import Path

from dsc_core.data import sandbox_process


def held() -> int:
    """Bytes of data that this process has."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmData:")[1].split()[0])


class Forked:
    """Runs `sandbox_process.serve` with the arguments of the command, its standard input and output as pipes."""

    def __init__(self, command, **_):

        asked, answers = os.pipe(), os.pipe()
        self.pid, self.ended = os.fork(), None
        if not self.pid:
            os.dup2(asked[0], 0)
            os.dup2(answers[1], 1)
            os.closerange(3, 256)
            sandbox_process.MEMORY += (
                held()
            )  # of the tests before this one, which a process of its own would not have
            sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(os.devnull, "w")  # noqa: SIM115
            try:
                sandbox_process.serve(command[-2], Path(command[-1]))
            finally:
                os._exit(0)
        os.close(asked[0])
        os.close(answers[1])
        self.stdin, self.stdout = os.fdopen(asked[1], "wb"), os.fdopen(answers[0], "rb")

    def kill(self):
        """End it, unless it has been waited for."""
        if self.ended is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self):
        """Until it has ended."""
        if self.ended is None:
            self.ended = os.waitpid(self.pid, 0)[1]
        return self.ended

    def poll(self):
        """Its end's status, None before."""
        return self.ended
