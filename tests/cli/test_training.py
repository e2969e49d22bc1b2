"""train, resume and branch: the run that is saved, its results on standard output, interruption."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dsc_core.method import searches
from dsc_core.presets import preset
from dsc_core.runs import Store

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ("run", "samples", "clusters", "acc", "nmi", "ari", "seconds", "images_per_second", "device")


def test_settings_without_effect_are_named(run, tmp_path, blobs):
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32))
    given = ("--clusters", 3, "--set", "latent_dims=4", "--set", "encoder=none")
    code, _, err = run("train", tmp_path / "vectors.npy", *given)
    assert code == 0, err
    assert "No effect on these data: latent_dims." in err
    assert "No effect" not in run("train", blobs, "--set", "latent_dims=4")[2]


def test_train_prints_one_json_object_and_saves_the_run(run, blobs):
    code, out, err = run("train", blobs, "--preset", "quick", "--seed", 3, "--run", "mine", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert out.count("\n") == 1
    assert set(CONTRACT) <= set(result)
    assert (result["samples"], result["clusters"], result["status"]) == (60, 3, "done"), (
        "K is the number of classes"
    )
    assert "ACC" in err
    saved = Store().find("mine")
    assert (saved.id, saved.config.seed) == (result["run"], 3)
    assert saved.config.epochs == preset("quick").epochs != preset("standard").epochs


def test_how_long_it_takes_is_said_before_training_and_does_not_reach_standard_output(run, blobs):
    code, out, err = run("train", blobs, "--preset", "quick", "--json")
    assert code == 0
    assert err.index("here (") < err.index("Run ")
    assert "Not measured here so far" in err
    assert "expected_seconds" not in json.loads(out)


@pytest.mark.parametrize("more", [[], ["--estimate"]])
def test_faiss_that_is_not_installed_is_said_before_anything_is_measured_or_created(
    run, blobs, monkeypatch, more
):
    monkeypatch.setattr(searches, "find_spec", lambda name: None)
    code, _, err = run("train", blobs, "--set", "search=faiss", *more)
    assert code == 2
    assert "pip install -r requirements-faiss.txt" in err
    assert Store().list() == []


def test_an_estimate_refuses_what_training_would_refuse(run, tmp_path):
    np.save(tmp_path / "three.npy", np.repeat(np.arange(3.0), 20)[:, None] * np.ones(8))
    code, _, err = run("train", tmp_path / "three.npy", "--clusters", 4, "--estimate")
    assert code == 2
    assert "fewer distinct samples (3) than clusters (4)" in err


def test_estimate_says_how_long_it_takes_and_trains_nothing(run, blobs, monkeypatch):
    monkeypatch.setenv("DSC_CALIBRATE", "0")
    code, out, _ = run("train", blobs, "--clusters", 4, "--estimate", "--json")
    assert code == 0
    expected = json.loads(out)
    assert expected["clusters"] == 4
    assert expected["expected_seconds"] == pytest.approx(sum(expected["expected_parts"].values()), abs=1.0)
    assert Store().list() == []
    code, out, err = run("train", blobs, "--estimate")
    assert (code, out) == (0, "")
    assert "About" in err


def test_settings_override_the_preset_and_the_options(run, blobs):
    code, out, _ = run(
        "train", blobs, "--clusters", 5, "--set", "noise_level=0.3", "--set", "clusters=4", "--json"
    )
    assert code == 0
    assert json.loads(out)["clusters"] == 4
    assert Store().list()[0].config.noise_level == 0.3


def test_without_json_the_summary_is_for_people(run, blobs):
    code, out, _ = run("train", blobs)
    assert code == 0
    assert "ACC" in out
    assert "export" in out


def test_a_failed_run_is_one_line_and_exit_code_1(run, blobs, monkeypatch):
    monkeypatch.setenv("FAKE", "raise:ValueError")
    code, out, err = run("train", blobs, "--run", "mine", "--json")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("Training stopped by an unexpected error (ValueError: bad thing)")
    assert "Traceback" not in err
    monkeypatch.setenv("FAKE", "")
    code, out, err = run("resume", "mine", "--json")
    assert code == 0
    assert "Continues after epoch 1 of 3." in err
    assert json.loads(out)["status"] == "done"
    assert run("resume", "mine")[0] == 2, "it is done"


def test_without_a_checkpoint_training_starts_again_and_says_so(run, blobs, monkeypatch):
    monkeypatch.setenv("FAKE", "raise:ValueError")
    run("train", blobs, "--run", "mine")
    shutil.rmtree(Store().find("mine").folder / "checkpoints")
    monkeypatch.setenv("FAKE", "")
    code, out, err = run("resume", "mine", "--json")
    assert code == 0
    assert "begins anew, with the same settings" in err
    assert json.loads(out)["status"] == "done"


def test_a_branch_continues_with_other_weights(run, blobs):
    run("train", blobs, "--run", "mine")
    code, out, err = run("branch", "mine", "--set", "noise_level=0.9", "--run", "louder", "--json")
    assert code == 0, err
    assert json.loads(out)["status"] == "done"
    assert "Continues after epoch 2 of 3." in err, "nothing is left to train after the third"
    saved = Store().find("louder")
    assert (saved.id, saved.config.noise_level) == (json.loads(out)["run"], 0.9)
    shown = json.loads(run("show", "louder", "--json")[1])
    assert shown["parent"]["run"] == Store().find("mine").id
    assert shown["checkpoints"] == ["after epoch 3 of 3", "after epoch 2 of 3"]
    assert "branch of" in run("show", "louder")[1]
    assert run("branch", "mine", "--epoch", 2, "--set", "prior=0.1")[0] == 0
    code, _, err = run("branch", "mine", "--epoch", 1, "--set", "prior=0.1")
    assert (code, err.count("\n")) == (2, 1)
    assert "available: after epoch 3 of 3 and after epoch 2 of 3" in err
    for wrong in (["--set", "latent_dims=5"], ["--set", "noise_level=7"], []):
        code, _, err = run("branch", "mine", *wrong)
        assert (code, err.count("\n")) == (2, 1)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_stops_with_results_and_a_second_one_aborts(tmp_path, blobs, times):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tests.runs import fakes\n"
        "from dsc_core.analysis import umap_map; from dsc_core.runs import worker; import time\n"
        "fakes.install()\n"
        "umap_map.project = fakes.no_map if sys.argv[2] == '1' else lambda *a: time.sleep(30)\n"
        "worker.describe = lambda device: (device, 'CPU, 1 thread')\n"
        "from dsc_core.cli.main import main; sys.exit(main(sys.argv[3:]))"
    )
    environment = {
        **os.environ,
        "DSC_HOME": str(tmp_path / "home"),
        "FAKE": "endless",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", script, str(ROOT), str(times), "train", blobs, "--json"]
    child = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = iter(child.stderr.readline, "")
    assert any("loss" in line for line in lines)
    child.send_signal(signal.SIGINT)
    assert any("Press Ctrl-C again to abort" in line for line in lines)
    if times == 2:
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    if times == 1:
        assert child.returncode == 0
        assert json.loads(out)["status"] == "stopped"
    else:
        assert (child.returncode, out) == (1, "")
        assert "interrupted from the keyboard" in err
        assert "Traceback" not in err


def test_without_the_tensorboard_package_nothing_is_trained(run, blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    code, out, err = run("train", blobs, "--tensorboard")
    assert (code, out) == (2, "")
    assert "requirements-tensorboard.txt" in err
    assert not Store().list()


def test_training_names_the_network_and_images_need_an_encoder(run, blobs):
    assert "Encoder: 4 convolutions, 8×8 → 4×4" in run("train", blobs)[2]
    code, out, err = run("train", blobs, "--set", "encoder=none")
    assert (code, out) == (2, "")
    assert "The encoder 'none' is for rows of numbers" in err
