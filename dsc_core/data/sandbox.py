"""Files whose library trusts them, opened in a process of its own, which may crash, hang or run out of memory.

HDF5's library is written in C and is known to crash, or to loop forever, on damaged files. `Sandbox` is the parent's
side; `sandbox_process.serve` is the other side, which sends JSON lines, some followed by the bytes of an array.
"""

from __future__ import annotations

import io
import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any, TypeVar

import numpy as np

from dsc_core.data.headers import Headers, header_from_json
from dsc_core.data.limits import MEBI, Limits
from dsc_core.data.options import Progress
from dsc_core.errors import InputError
from dsc_core.workspace import ROOT

START_SECONDS = 60  # for Python and the libraries to load, on a busy machine
MAX_LINE = 256 * MEBI
PIECE = 4 * MEBI
MIN_SPEED = 20 * MEBI  # bytes per second, below which a library is considered stuck
PROGRAM = (
    "import sys, pathlib; from dsc_core.data.sandbox_process import serve;"
    " serve(sys.argv[1], pathlib.Path(sys.argv[2]))"
)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Content:
    """The arrays that a file says it contains.

    roles: keys of samples, labels and ids that the layout of the file names. column_major: shapes are in the order of
    MATLAB and R, so that axes are reversed in the file.
    """

    headers: Headers
    roles: dict[str, list[str]]
    column_major: bool


class Sandbox:
    """A file opened by the module `module` in a process of its own, which ends with the `with` block.

    InputError for a file that is refused there, that ends the process or makes it hang.
    """

    def __init__(self, module: str, path: Path, limits: Limits):
        self.path, self.limits, self.arguments = path, limits, [module, str(path.absolute())]
        self._deadline, self._closed, self._timed_out = math.inf, threading.Event(), False

    def __enter__(self) -> Sandbox:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "HDF5_PLUGIN_PRELOAD": "::",  # no plug-ins
            "HDF5_USE_FILE_LOCKING": "FALSE",
        }
        # -P: no module is imported from the current folder
        command = [sys.executable, "-P", "-c", PROGRAM, *self.arguments]
        self.process = Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment)
        threading.Thread(target=self._watch, daemon=True).start()
        try:
            self._receive(START_SECONDS)
            content = self._receive(self._timeout(self.path.stat().st_size))
        except BaseException:
            self.__exit__()
            raise
        headers = {key: header_from_json(values) for key, values in content["arrays"].items()}
        self.content = Content(headers, content["roles"], content["column_major"])
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was not yet sent to a process that has ended
                    stream.close()

    def read(self, key: str, progress: Progress | None = None) -> np.ndarray:
        """The array under `key`, axes as in the file; text as (n,) str or, with gaps, object, None for a gap.

        progress(done, total): bytes.
        """
        self._send({"key": key})
        timeout = self._timeout(self.content.headers[key].nbytes)
        answer = self._receive(timeout)  # some libraries unpack an array whole before they give any of it
        if "texts" in answer:
            texts = answer["texts"]
            if any(len(text) > self.limits.cell for text in texts if text is not None):
                raise self.limits.error(f"{key} in {self.path.name}", "cell")
            return np.array(texts, dtype=object if None in texts else str)
        dtype, shape = np.dtype(answer["dtype"]), tuple(answer["shape"])
        total = math.prod(shape) * dtype.itemsize
        if total > self.limits.memory_mb * MEBI:  # checked again, for the header may have said less
            raise self.limits.error(f"{key} in {self.path.name}", "memory_mb")
        array = np.empty(shape, dtype)
        self._receive_into(array.reshape(-1).view(np.uint8).data, timeout, progress)
        return array

    @property
    def _output(self) -> io.BufferedReader:
        assert isinstance(self.process.stdout, io.BufferedReader)  # it is a pipe
        return self.process.stdout

    def _send(self, request: dict[str, str]) -> None:
        assert self.process.stdin is not None  # it is a pipe
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self._ended() from error

    def _receive(self, timeout: float) -> dict[str, Any]:
        line = self._wait_for(lambda: self._output.readline(MAX_LINE), timeout)
        if not line.endswith(b"\n"):
            raise self._ended()
        answer = json.loads(line)
        if "limit" in answer:
            raise self.limits.error(answer["subject"], answer["limit"])
        if "refused" in answer:
            raise InputError(answer["refused"])
        return answer

    def _receive_into(self, buffer: memoryview, timeout: float, progress: Progress | None) -> None:
        done = 0
        while done < len(buffer):
            count = self._wait_for(lambda: self._read_piece(buffer[done : done + PIECE]), timeout)  # noqa: B023
            if not count:
                raise self._ended()
            done += count
            if progress is not None:
                progress(done, len(buffer))

    def _read_piece(self, piece: memoryview) -> int:
        return self._output.readinto(piece)

    def _timeout(self, size: int) -> float:
        """Seconds to wait for a sign of progress with `size` bytes."""
        return self.limits.seconds + size / MIN_SPEED

    def _wait_for(self, act: Callable[[], Result], timeout: float) -> Result:
        """The result of `act`, which waits for the other process; after `timeout` seconds that process is ended."""
        self._deadline = time.monotonic() + timeout
        try:
            return act()
        finally:
            self._deadline = math.inf

    def _watch(self) -> None:
        while not self._closed.wait(0.1):
            if time.monotonic() > self._deadline:
                self._timed_out = True
                self.process.kill()
                return

    def _ended(self) -> InputError:
        """The error for a process that ended early."""
        if self._timed_out:
            return self.limits.error(self.path.name, "seconds")
        return InputError(f"{self.path.name} is damaged, its library crashed on it: save it again.")
