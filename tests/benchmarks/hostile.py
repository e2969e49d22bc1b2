"""Mutated files with hostile content, of every format, read in every way: counts, the slowest and the largest.

    python -m tests.benchmarks.hostile --inputs 50000 --processes 2 --out hostile.log

Each input has a number; it and the seed decide everything about it, and `--only NUMBER` reads that one alone.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from dsc_core.data import sandbox
from tests.data.forked import Forked
from tests.data.hostile import MAKERS
from tests.data.hostile_reading import Reading, read_every_way
from tests.data.test_fuzz import INTERESTING, SEEDS

SECONDS, MB = 5.0, 1000  # that no input may exceed
STUCK = 120  # seconds without an answer after which a process is ended
ADDRESS_SPACE = 8 << 30  # bytes of a process, so that the machine survives what is wrong
OPTIONS = (
    *(
        {},
        {},
        {"size": (8, 8)},
        {"pages": "all"},
        {"labels_from_folders": True},
        {"crop": True, "channels": "grey"},
    ),
    *(
        {"label_column": ""},
        {"id_column": ""},
        {"header": False},
        {"image_shape": (2, 2)},
        {"size": (8, 8), "pages": "all"},
    ),
)


def suffix_of_seed(name: str) -> str:
    """The key of `MAKERS` for a file of `SEEDS`."""
    return next(suffix for suffix in sorted(MAKERS, key=len, reverse=True) if name.endswith(suffix))


SEEDS_OF = {
    suffix: [data for name, data in SEEDS.items() if suffix_of_seed(name) == suffix] for suffix in MAKERS
}


def make(number: int, seed: int, folder: Path) -> tuple[Path, dict]:
    """Input `number`, written to `folder`, and the options to read it with."""
    rng = np.random.default_rng([seed, number])
    suffixes = list(MAKERS)
    suffix = suffixes[number % len(suffixes)]
    path = folder / f"{number}{suffix}"
    if SEEDS_OF[suffix] and rng.random() < 0.4:
        path.write_bytes(SEEDS_OF[suffix][rng.integers(len(SEEDS_OF[suffix]))])
    else:
        maker = MAKERS[suffix][rng.integers(len(MAKERS[suffix]))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that come twice
            maker(rng, path)
    if not path.is_dir() and rng.random() < 0.6:
        path.write_bytes(mutated(path.read_bytes(), rng))
    return path, dict(OPTIONS[rng.integers(len(OPTIONS))])


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """`data` after one to five changes of a few bytes each."""
    for _ in range(rng.integers(1, 6)):
        patch = rng.bytes(int(rng.integers(1, 7)))
        if rng.random() < 0.5:
            patch = INTERESTING[rng.integers(len(INTERESTING))]
        at = int(rng.integers(0, len(data) + 1))
        gone = len(patch) if rng.random() < 0.6 else int(rng.integers(0, 7))
        data = data[:at] + patch + data[at + gone :]
    return data


def read(number: int, seed: int, folder: Path) -> Reading:
    """Make an input, read it, and take it away."""
    path, options = make(number, seed, folder)
    try:
        return read_every_way(path, **options)
    finally:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def work(numbers: range, seed: int, folder: Path, log: Path) -> None:
    """Read the inputs of one process; a line before and after each, so that it is known which one ended it."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    with open(log, "a", buffering=1) as out:
        for number in numbers:
            out.write(json.dumps({"number": number}) + "\n")
            result = read(number, seed, folder)
            out.write(json.dumps({"number": number, **vars(result)}) + "\n")


def run(inputs: int, processes: int, seed: int, folder: Path) -> list[dict]:
    """Read all inputs in forked processes; one that dies or is stuck is replaced. A dict for each input."""
    logs = [folder / f"{index}.jsonl" for index in range(processes)]
    rest = [range(index, inputs, processes) for index in range(processes)]
    pids: dict[int, int] = {}
    while True:
        for index in range(processes):
            if index not in pids and rest[index]:
                pids[index] = start(rest[index], seed, folder, logs[index])
        if not pids:
            return [line for log in logs for line in finished(log)]
        time.sleep(0.5)
        for index, pid in list(pids.items()):
            if logs[index].exists() and time.time() - logs[index].stat().st_mtime > STUCK:
                os.kill(pid, signal.SIGKILL)
            if os.waitpid(pid, os.WNOHANG)[0]:
                del pids[index]
                last = ended_at(logs[index])
                rest[index] = range(last + processes, inputs, processes)


def start(numbers: range, seed: int, folder: Path, log: Path) -> int:
    """Fork a process for these inputs; its id."""
    pid = os.fork()
    if not pid:
        try:
            work(numbers, seed, folder, log)
        finally:
            os._exit(0)
    return pid


def ended_at(log: Path) -> int:
    """The number of the last input of a process that has ended; one that ended it is noted as such."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    last = lines[-1]
    if "outcome" not in last:
        lost = {"outcome": "ended the process", "said": "", "seconds": STUCK, "mb": 0}
        with open(log, "a") as out:
            out.write(json.dumps(last | lost) + "\n")
    return last["number"]


def finished(log: Path) -> list[dict]:
    """The inputs of one log that were read to their end."""
    return [line for line in map(json.loads, log.read_text().splitlines()) if "outcome" in line]


def report(lines: list[dict], out) -> bool:
    """Print counts, the slowest, the largest and every fault; whether there was none."""
    suffixes = list(MAKERS)
    counts = Counter(
        (suffixes[line["number"] % len(suffixes)] or "folder", line["outcome"]) for line in lines
    )
    print(f"{len(lines):,} inputs", file=out)
    for (suffix, outcome), count in sorted(counts.items()):
        print(f"{suffix:10} {outcome:20} {count:8,}", file=out)
    for name, limit in (("seconds", SECONDS), ("mb", MB)):
        worst = sorted(lines, key=lambda line: -line[name])[:12]
        shown = ", ".join(
            f"{line['number']}{suffixes[line['number'] % len(suffixes)]}: {line[name]:.1f}" for line in worst
        )
        print(f"most {name}: {shown}", file=out)
        print(f"above {limit:g}: {sum(line[name] > limit for line in lines)}", file=out)
    faults = [line for line in lines if line["outcome"] not in ("read", "refused")]
    for line in faults:
        print(f"\n--- {line['number']} ({line['outcome']})\n{line['said']}", file=out)
    return not faults and all(line["seconds"] <= SECONDS and line["mb"] <= MB for line in lines)


def main() -> int:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=50_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="read this input alone, and keep it")
    parser.add_argument("--out", type=Path, help="file for the report; by default standard output")
    given = parser.parse_args()
    sandbox.Popen = Forked  # type: ignore[attr-defined,misc,assignment]
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = Path(name)
        if given.only is not None:
            path, options = make(given.only, given.seed, Path(tempfile.mkdtemp(prefix="hostile-kept-")))
            print(path, options, read_every_way(path, **options), sep="\n")
            return 0
        lines = run(given.inputs, given.processes, given.seed, folder)
        with open(given.out, "w") if given.out else sys.stdout as out:
            return 0 if report(lines, out) else 1


if __name__ == "__main__":
    sys.exit(main())
