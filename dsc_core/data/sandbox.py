"""Files whose library trusts them, read in a process of its own: it may crash, hang or take all memory there.

HDF5's library is written in C and has a record of ending the process, or looking for ever, on a damaged file.
The parent's side is `Apart`; the other side is `serve(MODULE, PATH)`, which opens the file
by `MODULE.Source` and answers requests: lines of JSON, and behind a line that says so the bytes of an array.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import numpy as np

from dsc_core.data.dataset import chunks
from dsc_core.data.limits import MEBI, Limits
from dsc_core.errors import InputError
from dsc_core.workspace import ROOT

START_SECONDS = 60  # for Python and the libraries to load, on a busy machine
MEMORY = 768 * MEBI  # what the other side may take, arrays aside that it must hold whole
MOST_LINE = 256 * MEBI
PIECE = 4 * MEBI
SLOWEST = 20 * MEBI  # bytes a second, below which a library is taken to stand still
OTHER_SIDE = (
    "import sys, pathlib; from dsc_core.data import sandbox;"
    " sandbox.serve(sys.argv[1], pathlib.Path(sys.argv[2]))"
)
GONE = "is damaged, so that its library gave up on it: save it again"


@dataclass(frozen=True)
class Content:
    """What a file says that it holds. kinds: key -> dtype, "U" for text. matlab: shapes are as MATLAB has them."""

    shapes: dict[str, tuple[int, ...]]
    kinds: dict[str, np.dtype]
    matlab: bool


class Apart:
    """A file, opened by `module` in a process of its own, which ends with the block.

    InputError, one sentence, for a file that is refused there, that ends the process or makes it stand still.
    """

    def __init__(self, module: str, path: Path, limits: Limits):
        self.path, self.limits, self.command = path, limits, [module, str(path.absolute())]
        self._deadline, self._closed, self._late = math.inf, threading.Event(), False

    def __enter__(self) -> Apart:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "HDF5_PLUGIN_PRELOAD": "::",
            "HDF5_USE_FILE_LOCKING": "FALSE",
        }
        # -P: no module is taken from the folder that the program happens to be in; "::" loads no plug-ins
        self.process = Popen(
            [sys.executable, "-P", "-c", OTHER_SIDE, *self.command],
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
        )
        threading.Thread(target=self._watch, daemon=True).start()
        try:
            self._answer(START_SECONDS)
            content = self._answer(self._patience(self.path.stat().st_size))
        except BaseException:
            self.__exit__()
            raise
        self.content = Content(
            {key: tuple(shape) for key, (shape, _) in content["arrays"].items()},
            {key: np.dtype(kind) for key, (_, kind) in content["arrays"].items()},
            content["matlab"],
        )
        return self

    def __exit__(self, *_) -> None:
        self._closed.set()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):  # what was not yet sent to a process that is gone
                stream.close()

    def read(self, key: str, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """The array under `key`, its axes as they lie in the file; text as (n,) str. progress(done, total) bytes."""
        self._send({"key": key})
        shape, kind = self.content.shapes[key], self.content.kinds[key]
        patience = self._patience(math.prod(shape) * max(kind.itemsize, 1))
        answer = self._answer(patience)  # some libraries unpack an array whole before they give any of it
        if "texts" in answer:
            if any(len(text) > self.limits.cell for text in answer["texts"]):
                raise self.limits.refuse(f"{key} in {self.path.name}", "cell")
            return np.array(answer["texts"], dtype=str)
        dtype, shape = np.dtype(answer["dtype"]), tuple(answer["shape"])
        total = math.prod(shape) * dtype.itemsize
        if total > self.limits.memory_mb * MEBI:  # once more, for a header may have said less
            raise self.limits.refuse(f"{key} in {self.path.name}", "memory_mb")
        array = np.empty(shape, dtype)
        self._fill(memoryview(array.reshape(-1).view(np.uint8)), patience, progress)
        return array

    def _fill(self, buffer: memoryview, patience: float, progress) -> None:
        done = 0
        while done < len(buffer):
            piece = buffer[done : done + PIECE]
            came = self._waiting(lambda: self.process.stdout.readinto(piece), patience)  # noqa: B023
            if not came:
                raise self._gone()
            done += came
            if progress is not None:
                progress(done, len(buffer))

    def _send(self, request: dict) -> None:
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self._gone() from error

    def _patience(self, size: int) -> float:
        """Seconds to wait for a sign of progress with `size` bytes."""
        return self.limits.seconds + size / SLOWEST

    def _answer(self, seconds: float) -> dict:
        line = self._waiting(lambda: self.process.stdout.readline(MOST_LINE), seconds)
        if not line.endswith(b"\n"):
            raise self._gone()
        answer = json.loads(line)
        if "limit" in answer:
            raise self.limits.refuse(answer["what"], answer["limit"])
        if "refused" in answer:
            raise InputError(answer["refused"])
        return answer

    def _waiting(self, act: Callable, seconds: float):
        """What `act` returns, which waits for the other side; too long, and that is ended."""
        self._deadline = time.monotonic() + seconds
        try:
            return act()
        finally:
            self._deadline = math.inf

    def _watch(self) -> None:
        while not self._closed.wait(0.1):
            if time.monotonic() > self._deadline:
                self._late = True
                self.process.kill()
                return

    def _gone(self) -> InputError:
        if self._late:
            return self.limits.refuse(self.path.name, "seconds")
        return InputError(f"{self.path.name} {GONE}.")


# The other side ---------------------------------------------------------------------------------------------


class Broken(Exception):
    """An array cannot be read to its end. Its bytes are on their way, so that nothing else can be said."""


class Refused(Exception):
    """The file is refused; the message is the sentence for the user."""


def allow(size: int) -> None:
    """Let this process take at most `size` bytes for its data, where the system can see to it."""
    with suppress(ImportError, OSError, ValueError, AttributeError):  # Windows has no such limit
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        size = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (size, hard))


def say(message: dict) -> None:
    """A line to the parent."""
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
    sys.stdout.buffer.flush()


def answer(found: np.ndarray | list[str] | tuple[tuple, np.dtype, Iterator[np.ndarray]]) -> None:
    """Send an array, its bytes little-endian in C order; a list of texts; or (shape, dtype, blocks of rows)."""
    if isinstance(found, list):
        say({"texts": found})
        return
    shape, dtype, blocks = (
        (found.shape, found.dtype, (block for _, block in chunks(found)))
        if isinstance(found, np.ndarray)
        else found
    )
    dtype = dtype.newbyteorder("<")
    say({"shape": [int(side) for side in shape], "dtype": dtype.str})
    try:
        for block in blocks:
            sys.stdout.buffer.write(np.ascontiguousarray(block, dtype).data)
    except Exception as error:
        raise Broken from error
    sys.stdout.buffer.flush()


def serve(module: str, path: Path) -> None:
    """Open `path` by `module.Source` and answer until the parent is done with it."""
    reader = import_module(f"dsc_core.data.readers.{module}")
    reader.load()
    say({"ready": True})
    allow(MEMORY)
    name = path.name
    try:
        source = reader.Source(path)
        arrays = {key: [list(map(int, shape)), kind] for key, (shape, kind) in source.arrays.items()}
        say({"arrays": arrays, "matlab": source.matlab})
        for line in sys.stdin.buffer:
            answer(source.read(json.loads(line)["key"]))
    except Broken:
        return  # which ends the process: the parent sees that the array is not whole
    except Refused as refusal:
        say({"refused": str(refusal)})
    except MemoryError:
        say({"what": name, "limit": "memory_mb"})
    except Exception:  # each library has a hundred ways to say that a file is damaged
        say({"refused": f"{name} is not what its name says, or is damaged: save it again."})
