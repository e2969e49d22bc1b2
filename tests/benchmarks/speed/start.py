"""(e) Start-up: imports, the first page, and the script run of each page while a run trains."""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.benchmarks.speed.kept import Task, rounds_option
from tests.benchmarks.speed.trees import ROOT, Failed, beside, run

IMPORTS = {
    "nothing": "pass",
    "torch": "import torch",
    "dsc_core": "import dsc_core",
    "estimator": "from dsc_core import DeepSpectralClustering",
    "worker": "import dsc_core.runs.worker",
    "help": "import sys; from dsc_core.__main__ import main; sys.exit(main(['--help']))",
}
# A run that lasts longer than the pages are looked at.
TRAINING = [
    sys.executable,
    "-m",
    "dsc_core",
    "train",
    "digits",
    "--set",
    "epochs=2000",
    "--set",
    "map_every=0",
]
CLOCKS = {"wall": "wall", "processor": "script"}  # of a script run: the name that `page_runs` gives it
WHAT = ("imports", "server", "pages")
LIMIT = 300.0


def options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    rounds_option(parser)
    parser.add_argument("--what", nargs="+", default=list(WHAT), choices=WHAT)


def tasks(given: argparse.Namespace, stack: ExitStack) -> Iterator[Task]:
    """The imports, and the pages."""
    measures = {
        "imports": lambda: imports(ROOT, given.rounds),
        "server": lambda: servers(given.rounds),
        "pages": lambda: pages(given.rounds),
    }
    for what in given.what:
        yield Task("start", what, {"rounds": given.rounds}, measures[what])


def imports(tree: Path, rounds: int) -> dict:
    """Seconds of each import beyond an interpreter that imports nothing, in turns, one list each."""
    measured = [measure_imports(tree) for _ in range(rounds + 1)][
        1:
    ]  # the first one fills the caches of files
    return {"imports": {name: [each[name] for each in measured] for name in measured[0]}}


def measure_imports(tree: Path) -> dict:
    """One round: seconds of each import, wall and processor, and the ratio of `dsc_core` to torch."""
    taken = {}
    for name, line in IMPORTS.items():
        taken[name] = run([sys.executable, "-c", line], LIMIT, cwd=tree)
    empty = taken.pop("nothing")
    figures = {f"{name}, wall": job.seconds - empty.seconds for name, job in taken.items()}
    figures |= {f"{name}, processor": job.processor - empty.processor for name, job in taken.items()}
    return figures | {"dsc_core / torch": figures["dsc_core, processor"] / figures["torch, processor"]}


def servers(rounds: int) -> dict:
    """Seconds until a server that is started by `streamlit run app.py` answers, one per round."""
    return {"imports": {"a server answers, wall": [measure_server(ROOT) for _ in range(rounds + 1)][1:]}}


def measure_server(tree: Path) -> float:
    """Seconds from the start of a server of that tree until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.headless=true",
        f"--server.port={port}",
    ]
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        began = time.perf_counter()
        server = subprocess.Popen(
            command,
            cwd=tree,
            env={**os.environ, "DSC_HOME": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while time.perf_counter() - began < LIMIT and server.poll() is None:
                with (
                    suppress(OSError),
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5),
                ):
                    return time.perf_counter() - began
                time.sleep(0.02)
        finally:
            server.kill()
            server.wait()
    raise Failed("the server did not answer")


def pages(rounds: int) -> dict:
    """Script runs of the pages, by their own benchmark (`page_runs`), while `standard` trains on the same cores."""
    from tests.benchmarks.speed.page_runs import measure

    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        home = Path(folder)
        with beside(TRAINING, env={"DSC_HOME": str(home)}):
            wait_for(lambda: any(home.glob("runs/*/events*")), "the run beside the pages did not begin")
            found = measure([ROOT], rounds=rounds)[0]
    return {"pages": {clock: found[key] for clock, key in CLOCKS.items() if key in found}}


def wait_for(condition: Callable[[], bool], otherwise: str) -> None:
    """Until the condition holds; Failed with a sentence where it does not within LIMIT seconds."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > LIMIT:
            raise Failed(otherwise)
        time.sleep(0.1)


def table(results: list[dict]) -> tuple[list[str], list[list[str]]]:
    """Medians."""
    rows = []
    for result in results:
        if "failed" in result:
            rows.append([result["name"], result["failed"], ""])
        for name, values in result.get("imports", {}).items():
            rows.append([name, f"{statistics.median(values):.3f}", str(len(values))])
        for clock, found in result.get("pages", {}).items():
            for name, seconds in found.items():
                rows.append([f"page, {name}, {clock}", f"{seconds:.3f}", str(result["settings"]["rounds"])])
    return ["what", "seconds, or ratio", "rounds"], rows
