"""Trees of the project at some commit, and processes that measure the core of one."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[3]
# What is measured: a commit that changes nothing of it changes no time.
CODE = ("dsc_core", "pages", "app.py")

MARK = "DSC_BENCHMARK_COMMAND"  # in the environment of every process of a command


class Failed(Exception):
    """A measurement that gave no result, in one sentence."""


@dataclass(frozen=True)
class Job:
    """What a finished command took: seconds from its start to its end, and processor seconds of all its processes."""

    seconds: float
    processor: float
    output: str


def run(
    command: list[str], limit: float, cwd: Path = ROOT, text: str = "", env: Mapping[str, str] | None = None
) -> Job:
    """Run a command to its end; Failed where it fails or takes more than `limit` seconds.

    What it leaves running, such as the layout of a film, is ended, so that nothing computes beside the next command;
    the processor time that it took until then counts.
    """
    mark = f"{MARK}={uuid4().hex}"
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as given:
        given.write(text.encode())
        given.seek(0)
        before, began = _children(), time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=given,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {}), MARK: mark.partition("=")[2]},
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            seconds = time.perf_counter() - began
            left = end_marked(mark)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        output = out.read().decode(errors="replace")
    if code is None:
        raise Failed(f"stopped after its limit of {limit:,.0f} s")
    if code:
        sys.stderr.write(output[-1500:])
        raise Failed(f"ended with code {code}: {last_line(output)}")
    return Job(seconds, _children() - before + left, output)


@contextmanager
def beside(command: list[str], cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """Let a command run beside what the block does, and end it with all its processes after the block."""
    mark = uuid4().hex
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(env or {}), MARK: mark},
        start_new_session=True,
    )
    try:
        yield
    finally:
        end_marked(f"{MARK}={mark}")
        process.kill()
        process.wait()


def end_marked(mark: str) -> float:
    """End the processes whose environment holds `mark`, "NAME=value". → their processor seconds. Linux only."""
    seconds = 0.0
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or of another user
            if mark.encode() in (place / "environ").read_bytes().split(b"\0"):
                fields = (place / "stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                    os.kill(int(place.name), signal.SIGKILL)
    return seconds


def last_line(output: str) -> str:
    """The last line that says something, in one cell of a table; of a traceback, the error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1].replace("|", "/")[:300] if lines else "without a word"


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def ask(
    tree: Path, what: str, request: dict, limit: float, threads: int = 0, env: Mapping[str, str] | None = None
) -> dict:
    """The answer of "module:function" of this package, in a process of its own with the core of `tree`.

    threads: of PyTorch, OpenMP and BLAS; 0: as the machine and the project have it.
    """
    chosen = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "tests.benchmarks.speed.inside", str(tree), what, str(answer)]
        run(command, limit, text=json.dumps(request), env={**chosen, **(env or {})})
        return json.loads(answer.read_text(encoding="utf-8"))


def cache() -> Path:
    """The folder for what the harness makes once, outside the project: environments of peers, codes."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dsc-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def git(*arguments: str, tree: Path = ROOT) -> str:
    """What a git command prints; "" where it fails, as on a machine without git."""
    with suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(
            ["git", "-C", str(tree), *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()
    return ""


def commit_of(tree: Path = ROOT) -> str:
    """The commit that last changed what is measured, with "+" after it where files have changed since."""
    commit = git("log", "-1", "--format=%h", "--", *CODE, tree=tree) or "unknown"
    return commit + ("+" if git("status", "--porcelain", "--", *CODE, tree=tree) else "")


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A tree of that commit in a temporary folder, removed at the end; for "." the files here, as they are."""
    if commit == ".":
        yield ROOT
        return
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        tree = Path(folder) / "tree"
        try:
            subprocess.run(
                ["git", "-C", str(ROOT), "worktree", "add", "--detach", str(tree), commit],
                check=True,
                capture_output=True,
                text=True,
            )
        except subprocess.CalledProcessError as error:
            raise Failed(f"'{commit}' cannot be checked out: {error.stderr.strip()[-300:]}") from error
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))
