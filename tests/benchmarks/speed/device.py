"""One script of under ten minutes for a graphics card that is at hand for a short time; prints its tables at the end.

    DSC_DATA=… python -m tests.benchmarks.speed.device

It runs the tests that need CUDA, measures the steps of both stages done anew and replayed, and times the whole of
`standard` on MNIST by part. With `--device cpu` the static steps run without a graph: so it is tried on `digits`.
Everything that fails is a line in a table, and the rest goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.tables import markdown

ROOT = Path(__file__).resolve().parents[3]
ROWS = (  # stage, batch, replayed, precision of the products; that of convolutions is PyTorch's own, TF32
    *(
        ("autoencoder", batch, replayed, "highest")
        for batch in (128, 512, 2048)
        for replayed in (False, True)
    ),
    ("autoencoder", 128, True, "high"),
    *(("joint", 256, replayed, "highest") for replayed in (False, True)),
    ("joint", 256, True, "high"),
)
GRAPH = 20_000  # samples of the graph in the measurements of stage 2


def main(arguments: list[str] | None = None) -> int:
    """Run all parts and print the tables. → the exit code."""
    given = options().parse_args(arguments)
    began, tables = time.monotonic(), []
    left = lambda: given.minutes * 60 - (time.monotonic() - began)  # noqa: E731
    if given.device == "cuda" and not given.without_tests:
        tables.append(f"Tests that need CUDA: {cuda_tests(min(150.0, left()))}")
    tables.append(markdown(*steps(given, left)))
    tables.append(markdown(*whole(given, left())))
    print(*tables, f"{time.monotonic() - began:.0f} s in all.", sep="\n\n")
    return 0


def options() -> argparse.ArgumentParser:
    """The options; `--quick` is a small trial of the script itself."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--preset", default="standard")
    parser.add_argument(
        "--epochs", type=int, default=6, help="of each measurement of steps; the first two warm up"
    )
    parser.add_argument("--minutes", type=float, default=9.0, help="nothing more begins after these")
    parser.add_argument("--quick", action="store_true", help="few batches, one size, and a short whole job")
    parser.add_argument("--without-tests", action="store_true")
    return parser


def cuda_tests(limit: float) -> str:
    """The last line of the tests that need CUDA."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-m",
        "cuda",
        "-n",
        "0",
        "-q",
        "tests/training",
        "tests/method",
    ]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return f"not done after {limit:.0f} s"
    if done.returncode:
        print(done.stdout[-6000:], done.stderr[-2000:], sep="\n")
    return (done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["no output"])[-1]


# Steps -------------------------------------------------------------------------------------------------------


def steps(given: argparse.Namespace, left: Any) -> tuple[list[str], list[list[str]]]:
    """Images per second of each of ROWS: the median over the epochs after the second."""
    rows = []
    for stage, batch, replayed, precision in ROWS:
        if given.quick and (batch > 256 or precision != "highest"):
            continue
        row = [stage, str(batch), "replayed" if replayed else "anew", precision]
        try:
            assert left() > 60 or given.quick, "no time left"
            rate, notes = images_per_second(given, stage, batch, replayed, precision)
            rows.append([*row, f"{rate:,.0f}", "; ".join(notes)])
        except Exception as error:  # the other rows are worth having
            rows.append([*row, "", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"])
        print(*rows[-1], sep=" | ", flush=True)
    return ["stage", "batch", "steps", "products", "images/s", "notes"], rows


def images_per_second(
    given: argparse.Namespace, stage: str, batch: int, replayed: bool, precision: str
) -> tuple[float, list[str]]:
    """The median rate over the epochs of one training, and the notes of its events."""
    import torch

    from dsc_core.data import open_dataset
    from dsc_core.presets import preset
    from dsc_core.training import loop

    dataset, joint = open_dataset(given.data), stage == "joint"
    changes: dict[str, Any] = {"device": given.device, "least_steps": 0, "map_every": 0, "tolerance": 0.0}
    changes |= (
        {"epochs": 1, "joint_epochs": given.epochs} if joint else {"epochs": given.epochs, "joint_epochs": 0}
    )
    changes |= {"batch": batch, "joint_batch": batch, "refresh": 100, "graph_samples": GRAPH}
    if given.quick:
        changes |= {"batches": 4}
    config = preset(given.preset).replace(clusters=dataset.classes or 10, **changes)
    rates, notes = [], []
    torch.set_float32_matmul_precision(precision)
    try:
        with steps_are(replayed, given.device):
            for event in loop.fit(dataset.samples, config, scaling=dataset.scaling):
                if event.kind == "epoch" and event.stage == stage:
                    rates.append(event.images_per_second)
                if event.kind == "note":
                    notes.append(event.message)
                if len(rates) == given.epochs or event.stage == "labels":
                    break
    finally:
        torch.set_float32_matmul_precision("highest")
    return statistics.median(rates[2:] or rates), notes


@contextmanager
def steps_are(replayed: bool, device: str) -> Iterator[None]:
    """Steps replayed or done anew; without CUDA static steps without a graph stand for the first."""
    from dsc_core.training import captured

    usual = captured.recorder
    made = captured.Recorded if device == "cuda" else captured.Direct
    captured.recorder = lambda _: made if replayed else None
    try:
        yield
    finally:
        captured.recorder = usual


# A whole job -------------------------------------------------------------------------------------------------


def whole(given: argparse.Namespace, limit: float) -> tuple[list[str], list[list[str]]]:
    """Seconds and scores of one `train`, from the start of the command to its end, and its seconds by part."""
    settings = [
        f"device={given.device}",
        *(["epochs=1", "joint_epochs=1", "least_steps=0"] if given.quick else []),
    ]
    command = [sys.executable, "-m", "dsc_core", "train", given.data, "--preset", given.preset, "--json"]
    for setting in settings:
        command += ["--set", setting]
    head, began = ["what", "value"], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="speed-") as home:
        environment = {**os.environ, "DSC_HOME": home}
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=max(limit, 60.0)
            )
        except subprocess.TimeoutExpired:
            return head, [[" ".join(command[3:]), f"not done after {limit:.0f} s"], *last_events(Path(home))]
        wall = time.monotonic() - began
        if done.returncode:
            return head, [[" ".join(command[3:]), done.stderr[-500:].replace("\n", " ")]]
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        rows = [["whole command, s", f"{wall:.1f}"]]
        rows += [[name, str(answer[name])] for name in ("device", "samples", "seconds", "acc", "nmi", "ari")]
        return head, rows + seconds_by_part(Path(home))


def events_of(home: Path) -> list[dict]:
    """The events of the one run in a workspace."""
    lines = [
        line for path in sorted(home.glob("runs/*/events*.jsonl")) for line in path.read_text().splitlines()
    ]
    return [json.loads(line) for line in lines]


def seconds_by_part(home: Path) -> list[list[str]]:
    """The seconds of each part of the run, and the notes of its steps."""
    events = events_of(home)
    parts = next((event["parts"] for event in reversed(events) if event.get("parts")), {})
    rows = [[f"{name}, s", f"{seconds:.1f} in {pieces:g}"] for name, (seconds, pieces) in parts.items()]
    return rows + [["note", event["message"]] for event in events if event.get("kind") == "note"]


def last_events(home: Path) -> list[list[str]]:
    """How far a run came that took too long."""
    return [
        [event.get("stage", ""), f"epoch {event.get('epoch')} at {event.get('seconds', 0):.0f} s"]
        for event in events_of(home)[-3:]
    ]


if __name__ == "__main__":
    sys.exit(main())
