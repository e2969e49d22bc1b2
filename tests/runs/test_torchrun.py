"""torchrun, from the command line and by the app: real processes that train one run together on the CPU."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dsc_core.data import Dataset
from dsc_core.presets import preset
from dsc_core.runs import Store, failures, processes
from dsc_core.training import launch
from tests.runs import waiting

until = partial(waiting.until, seconds=120)

ROOT = Path(__file__).resolve().parents[2]
FEW = 14  # so few that the maps are drawn without UMAP, which takes long to compile
CHANGES = {
    "clusters": 3,
    "epochs": 3,
    "joint_epochs": 2,
    "batch": 8,
    "joint_batch": 16,
    "least_steps": 0,
    "neighbours": 3,
    "spectral_width": 32,
    "latent_dims": 8,
    "device": "cpu",
    "tolerance": 0.0,
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc"),
]


@pytest.fixture(scope="module")
def images():
    rng, kinds = np.random.default_rng(0), np.arange(FEW) % 3
    return (rng.normal(size=(FEW, 8, 8)) * 10 + 60 * kinds[:, None, None] + 60).clip(0, 255).astype(np.uint8)


def partners(store, run_id):
    """{rank: process id} of the processes that train the run together."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            known = dict(part.partition(b"=")[::2] for part in (path / "environ").read_bytes().split(b"\0"))
            called = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        of_here = known.get(b"DSC_HOME") == str(store.home).encode() and run_id.encode() in called
        if of_here and b"TORCHELASTIC_RUN_ID" in known:
            found[int(known[b"RANK"])] = int(path.name)
    return found


def torchrun(*arguments, home, number=2):
    command = launch.command([sys.executable, "-m", "dsc_core", *map(str, arguments)], number)
    environment = {**os.environ, "DSC_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [part for part in command if part != "--"]  # as a person writes it
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def test_the_command_line_trains_in_two_processes_and_answers_once(images, tmp_path):
    np.save(tmp_path / "few.npy", images)
    given = [f"--set={name}={value}" for name, value in CHANGES.items()]
    ended = torchrun(
        "train", tmp_path / "few.npy", *given, "--name", "both", "--json", home=tmp_path / "home"
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert ended.stdout.count("\n") == 1
    assert found["device"].startswith("2 × CPU")
    store = Store(tmp_path / "home")
    (run,) = store.list()
    assert (run.id, run.status, run.name) == (found["run"], "done", "both")
    assert len(pd.read_parquet(run.folder / "labels.parquet")) == FEW
    epochs = [event.epoch for _, event in store.events(run.id) if event.kind == "epoch"]
    assert epochs == [1, 2, 3, 4, 5], "told once, not once a process"
    again = torchrun("train", tmp_path / "missing.npy", home=tmp_path / "home")
    assert again.returncode != 0
    assert again.stderr.count("is neither a file nor a data set") == 1, again.stderr


def test_what_ends_before_any_training_keeps_nobody_waiting(tmp_path):
    asked = torchrun("train", "--help", home=tmp_path / "home")
    assert (asked.returncode, asked.stdout.count("Usage:")) == (0, 1), asked.stderr
    wrong = torchrun("train", "digits", "--presett", "quick", home=tmp_path / "home")
    assert wrong.returncode != 0
    assert wrong.stderr.count("--presett") == 1, wrong.stderr


def test_the_app_starts_them_steers_them_and_tells_when_one_is_lost(images, store):
    dataset = Dataset("few", images[:, None], np.arange(FEW).astype(str), None, "image", (0.0, 1 / 255))
    run_id = store.create(dataset, preset("standard", **CHANGES | {"epochs": 2000, "processes": 2}))
    store.start(run_id)
    until(lambda: len(store.checkpoints(run_id)) == 2)
    known = partners(store, run_id)
    assert sorted(known) == [0, 1]
    assert store.get(run_id).pid == known[0]

    store.control(run_id, pause=True)
    until(lambda: not store.checkpoints(run_id)[0].whole or store.get(run_id).paused)
    store.control(run_id, noise_level=0.0)
    store.control(run_id, resume=True)
    until(lambda: any(event.changes for _, event in store.events(run_id)))
    assert store.get(run_id).status == "running"

    os.kill(known[1], signal.SIGKILL)
    run = until(lambda: (one := store.get(run_id)).finished and one)
    assert (run.status, run.reason) == ("failed", failures.LOST)
    until(lambda: not any(processes.identity(pid) for pid in known.values()))

    store.start(run_id)
    until(lambda: any("Continues" in event.message for _, event in store.events(run_id)))
    anew = until(lambda: len(found := partners(store, run_id)) == 2 and found)
    store.control(run_id, stop=True)
    until(lambda: store.get(run_id).finished)
    assert (store.get(run_id).status, store.get(run_id).reason) == ("stopped", "")
    assert len(pd.read_parquet(store.folder(run_id) / "labels.parquet")) == FEW
    until(lambda: not any(processes.identity(pid) for pid in anew.values()))
