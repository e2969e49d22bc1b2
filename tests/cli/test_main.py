"""Errors are one line and an exit code; the options of the whole command line."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dsc_core.runs import Store

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "wrong",
    [
        ["train", "nothing.npz"],
        ["train", "{bare}"],
        ["train", "{blobs}", "--clusters", "1"],
        ["train", "{blobs}", "--clusters", "61"],
        ["train", "{blobs}", "--clusters", "x"],
        ["train", "{blobs}", "--preset", "fast"],
        ["train", "{blobs}", "--set", "noise=1"],
        ["train", "{blobs}", "--set", "noise_level"],
        ["train", "{blobs}", "--set", "noise_level=9"],
        ["train", "{blobs}", "--seed", "-1"],
        ["train", "{blobs}", "--size", "28"],
        ["train", "{blobs}", "--image-shape", "a"],
        ["train", "{blobs}", "--set", "device=cuda", "--run", " "],
        ["train"],
        ["unknown"],
        [],
        ["show", "nothing"],
        ["export", "nothing", "--out", "x.csv"],
        ["export", "nothing"],
        ["resume", "nothing"],
        ["stop", "nothing"],
        ["assign", "nothing", "{blobs}", "--out", "x.csv"],
        ["baselines", "{bare}"],
        ["baselines", "{blobs}", "--clusters", "99"],
        ["transforms", "{rows}"],
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(run, blobs, wrong):
    files = {"blobs": blobs, "bare": str(Path(blobs).with_name("bare.npy"))}
    files["rows"] = str(Path(blobs).with_name("rows.npy"))
    np.save(files["rows"], np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32))
    code, out, err = run(*[word.format(**files) for word in wrong])
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err


def test_a_missing_number_of_clusters_is_named(run, blobs):
    assert "--clusters" in run("train", Path(blobs).with_name("bare.npy"))[2]


def test_an_unexpected_error_is_one_line(run, monkeypatch):
    monkeypatch.setattr(Store, "list", lambda self: 1 / 0)
    code, out, err = run("list")
    assert (code, out) == (1, "")
    assert err == "An unexpected error (ZeroDivisionError: division by zero) ended the command.\n"


def test_another_home_is_another_workspace(run, blobs, tmp_path):
    run("train", blobs)
    assert run("--home", tmp_path / "other", "list")[1].startswith("There are no runs yet")
    assert (tmp_path / "other" / "dsc.sqlite").exists()


def test_quick_commands_do_not_load_pytorch(tmp_path):
    script = (
        "import sys; from dsc_core.cli.main import main; main(['list']); sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "DSC_HOME": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True)
    assert ended.returncode == 0, ended.stderr


def test_the_help_lists_what_the_registries_hold(run):
    from dsc_core.config import KNOBS
    from dsc_core.presets import PRESETS
    from dsc_core.runs.artifacts.export import NAMES

    code, out, err = run("train", "--help")
    assert (code, err) == (0, "")
    assert all(f"  {name} " in out for name in KNOBS)
    assert "|".join(PRESETS) in out
    assert "|".join(NAMES) in run("export", "--help")[1]


def test_every_command_has_a_help(run):
    from dsc_core.cli.group import dsc

    assert {"train", "resume", "list", "show", "export", "assign", "baselines", "app"} <= set(dsc.commands)
    for name, command in dsc.commands.items():
        code, out, _ = run(name, "--help")
        assert code == 0
        assert command.help.splitlines()[0] in out.replace("\n  ", " ")
