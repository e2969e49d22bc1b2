"""The command line: its answers, its exit codes, and that standard output holds nothing but the answer."""

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

from dsc_core.analysis import baselines
from dsc_core.cli.main import main
from dsc_core.config import preset
from dsc_core.data import Dataset
from dsc_core.runs import Store
from dsc_core.runs.artifacts import event_table, results
from tests.runs import fakes

ROOT = Path(__file__).resolve().parents[2]
FAKES = ROOT / "tests" / "runs" / "fakes.py"
CONTRACT = ("run", "samples", "clusters", "acc", "nmi", "ari", "seconds", "images_per_second", "device")


@pytest.fixture
def blobs(tmp_path):
    """60 grey images in three kinds, as an .npz with labels; the path as a string."""
    rng = np.random.default_rng(0)
    labels = np.repeat([4, 5, 9], 20)
    images = (rng.integers(0, 40, (60, 8, 8)) + np.repeat([0, 100, 200], 20)[:, None, None]).astype(np.uint8)
    np.savez(tmp_path / "blobs.npz", x=images, y=labels)
    np.save(tmp_path / "bare.npy", images)
    return str(tmp_path / "blobs.npz")


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Calls the command line with training faked; gives (exit code, standard output, standard error)."""
    from dsc_core.analysis import umap_map
    from dsc_core.runs import store

    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    fakes.install(
        lambda name, module: monkeypatch.setitem(sys.modules, name, module),
        lambda parent, name, module: monkeypatch.setattr(parent, name, module, raising=False),
    )
    monkeypatch.setattr(umap_map, "project", fakes.no_map)
    monkeypatch.setattr(store, "worker_command", lambda run_id: [sys.executable, str(FAKES), run_id])

    def call(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code
        return code, *capfd.readouterr()

    return call


def test_settings_without_effect_on_the_data_are_named(run, tmp_path, blobs):
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32))
    given = ("--clusters", 3, "--set", "latent_dims=4", "--set", "encoder=none")
    code, _, err = run("train", tmp_path / "vectors.npy", *given)
    assert code == 0, err
    assert "No effect on these data: latent_dims." in err
    assert "No effect" not in run("train", blobs, "--set", "latent_dims=4")[2]


def test_train_prints_one_json_object_and_keeps_the_run(run, blobs):
    code, out, err = run("train", blobs, "--preset", "quick", "--seed", 3, "--run", "mine", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert out.count("\n") == 1
    assert {
        "run",
        "samples",
        "clusters",
        "acc",
        "nmi",
        "ari",
        "seconds",
        "images_per_second",
        "device",
    } <= set(found)
    assert (found["samples"], found["clusters"], found["status"]) == (60, 3, "done"), (
        "K is the number of classes"
    )
    assert "ACC" in err
    kept = Store().find("mine")
    assert (kept.id, kept.config.seed) == (found["run"], 3)
    assert kept.config.epochs == preset("quick").epochs != preset("standard").epochs


def test_settings_beat_the_preset_and_the_options(run, blobs):
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


def test_list_show_and_export_tell_of_the_run(run, blobs, tmp_path):
    assert run("list")[1].startswith("There are no runs yet")
    found = json.loads(run("train", blobs, "--run", "mine", "--json")[1])
    assert found["run"] in run("list")[1]
    assert json.loads(run("list", "--json")[1])["runs"][0]["run"] == found["run"]
    told = json.loads(run("show", "min", "--json")[1])
    assert (told["status"], told["pid"], told["settings"]["clusters"]) == ("done", os.getpid(), 3)
    assert told["last_event"]["kind"] == "done"
    assert told["summary"]["acc"] == found["acc"]
    assert "ACC" in run("show", "mine")[1]
    assert run("export", "mine", "--out", tmp_path / "labels.csv")[0] == 0
    written = (tmp_path / "labels.csv").read_bytes()
    assert written == results.labels_csv(Store().find("mine"))
    assert run("export", "mine", "--out", "-")[1].encode() == written
    assert len(written.splitlines()) == 61


def test_assign_writes_a_row_for_every_new_sample(run, blobs, tmp_path):
    run("train", blobs, "--run", "mine")
    np.savez(tmp_path / "new.npz", x=np.full((3, 8, 8), 110, dtype=np.uint8))
    code, out, err = run("assign", "mine", tmp_path / "new.npz", "--out", tmp_path / "new.csv", "--json")
    assert code == 0, err
    assert json.loads(out)["samples"] == 3
    header, *rows = (tmp_path / "new.csv").read_text().splitlines()
    assert header.startswith("id,cluster,confidence,latent_x,latent_y,spectral_x,spectral_y,matched_label,")
    assert len({row.split(",")[1] for row in rows}) == 1
    np.save(tmp_path / "wide.npy", np.zeros((3, 5)))
    code, _, err = run("assign", "mine", tmp_path / "wide.npy", "--out", tmp_path / "wide.csv")
    assert code == 2
    assert err.count("\n") == 1


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
        ["dance"],
        [],
        ["show", "nothing"],
        ["export", "nothing", "--out", "x.csv"],
        ["export", "nothing"],
        ["resume", "nothing"],
        ["stop", "nothing"],
        ["assign", "nothing", "{blobs}", "--out", "x.csv"],
        ["baselines", "{bare}"],
        ["baselines", "{blobs}", "--clusters", "99"],
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(run, blobs, wrong):
    known = {"blobs": blobs, "bare": str(Path(blobs).with_name("bare.npy"))}
    code, out, err = run(*[word.format(**known) for word in wrong])
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err


def test_missing_clusters_are_asked_for_by_name(run, blobs):
    assert "--clusters" in run("train", Path(blobs).with_name("bare.npy"))[2]


def test_a_file_that_cannot_be_written_is_exit_code_2(run, blobs, tmp_path):
    run("train", blobs, "--run", "mine")
    code, _, err = run("export", "mine", "--out", tmp_path / "no" / "labels.csv")
    assert (code, err.count("\n")) == (2, 1)
    assert "--out" in err
    assert run("export", "mine", "--out", "-", "--json")[0] == 2


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


def test_without_a_checkpoint_a_run_begins_anew_and_says_so(run, blobs, monkeypatch):
    monkeypatch.setenv("FAKE", "raise:ValueError")
    run("train", blobs, "--run", "mine")
    shutil.rmtree(Store().find("mine").folder / "checkpoints")
    monkeypatch.setenv("FAKE", "")
    code, out, err = run("resume", "mine", "--json")
    assert code == 0
    assert "begins anew, with the same settings" in err
    assert json.loads(out)["status"] == "done"


def test_a_branch_trains_on_with_other_weights(run, blobs):
    run("train", blobs, "--run", "mine")
    code, out, err = run("branch", "mine", "--set", "noise_level=0.9", "--run", "louder", "--json")
    assert code == 0, err
    assert json.loads(out)["status"] == "done"
    assert "Continues after epoch 2 of 3." in err, "nothing is left to train after the third"
    kept = Store().find("louder")
    assert (kept.id, kept.config.noise_level) == (json.loads(out)["run"], 0.9)
    told = json.loads(run("show", "louder", "--json")[1])
    assert told["parent"]["run"] == Store().find("mine").id
    assert told["checkpoints"] == ["after epoch 3 of 3", "after epoch 2 of 3"]
    assert "branch of" in run("show", "louder")[1]
    assert run("branch", "mine", "--epoch", 2, "--set", "prior=0.1")[0] == 0
    code, _, err = run("branch", "mine", "--epoch", 1, "--set", "prior=0.1")
    assert (code, err.count("\n")) == (2, 1)
    assert "available: after epoch 3 of 3 and after epoch 2 of 3" in err
    for wrong in (["--set", "latent_dims=5"], ["--set", "noise_level=7"], []):
        code, _, err = run("branch", "mine", *wrong)
        assert (code, err.count("\n")) == (2, 1)


def test_a_run_that_trains_elsewhere_is_steered_paused_and_let_go_on(run, blobs, monkeypatch):
    found = json.loads(run("train", blobs, "--json")[1])
    monkeypatch.setenv("FAKE", "endless")
    from dsc_core.data import load_dataset

    store = Store()
    done = store.get(found["run"])
    run_id = store.create(load_dataset(done.dataset["key"], store.home), done.config)
    assert run("steer", run_id, "--set", "noise_level=0.9")[0] == 2, "it is not running yet"
    store.start(run_id)
    code, out, _ = run("steer", run_id, "--set", "noise_level=0.9", "--set", "prior=0.2", "--json")
    assert code == 0
    assert json.loads(out)["asked"] == {"noise_level": 0.9, "prior": 0.2}
    assert run("pause", run_id, "--wait")[1].endswith("running, requested: pause\n")
    assert store.get(run_id).paused
    assert run_id + "  paused" in run("list")[1]
    code, out, _ = run("resume", run_id)
    assert (code, out) == (0, f"{run_id}: running, requested: resume\n")
    end = time.monotonic() + 20
    while store.get(run_id).paused:
        assert time.monotonic() < end
        time.sleep(0.02)
    code, _, err = run("resume", run_id)
    assert code == 2, "a second start is refused"
    assert "running already" in err
    for wrong in (["--set", "latent_dims=5"], ["--set", "noise_level"], []):
        assert run("steer", run_id, *wrong)[0] == 2
    run("stop", run_id, "--wait")
    messages = [event.message for _, event in store.events(run_id) if event.kind == "note"]
    assert {"noise_level is 0.9", "prior is 0.2"} <= set(messages)
    assert [message for message in messages if " is " not in message] == ["Paused.", "Resumed.", "Stopped"]
    assert run("pause", run_id)[0] == 2


def test_a_damaged_summary_is_one_line(run, blobs):
    run("train", blobs, "--run", "mine")
    (Store().find("mine").folder / "summary.json").write_text('{"acc": ')
    code, _, err = run("show", "mine")
    assert (code, err.count("\n")) == (1, 1)
    assert "summary.json" in err


def test_an_error_nobody_thought_of_is_one_line(run, monkeypatch):
    monkeypatch.setattr(Store, "list", lambda self: 1 / 0)
    code, out, err = run("list")
    assert (code, out) == (1, "")
    assert err == "An unexpected error (ZeroDivisionError: division by zero) ended the command.\n"


def test_another_home_is_another_workspace(run, blobs, tmp_path):
    run("train", blobs)
    assert run("--home", tmp_path / "other", "list")[1].startswith("There are no runs yet")
    assert (tmp_path / "other" / "dsc.sqlite").exists()


def test_stop_ends_a_worker_and_waits_for_it(run, blobs, monkeypatch):
    found = json.loads(run("train", blobs, "--json")[1])
    monkeypatch.setenv("FAKE", "endless")
    from dsc_core.data import load_dataset

    store = Store()
    done = store.get(found["run"])
    run_id = store.create(load_dataset(done.dataset["key"], store.home), done.config)
    store.start(run_id)
    code, out, _ = run("stop", run_id, "--wait", "--json")
    assert code == 0
    assert json.loads(out)["status"] == "stopped"
    assert run("stop", run_id)[0] == 2, "it is not running any more"


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_stops_with_results_and_a_second_one_breaks_off(tmp_path, blobs, times):
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
    told = iter(child.stderr.readline, "")
    assert any("loss" in line for line in told)
    child.send_signal(signal.SIGINT)
    assert any("Press Ctrl-C again to abort" in line for line in told)
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


def test_quick_commands_do_not_load_pytorch(tmp_path):
    script = (
        "import sys; from dsc_core.cli.main import main; main(['list']); sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "DSC_HOME": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True)
    assert ended.returncode == 0, ended.stderr


# Names and the trash ---------------------------------------------------------------------------------------


def test_a_run_is_renamed_deleted_and_brought_back(run, blobs):
    found = json.loads(run("train", blobs, "--json")[1])["run"]
    assert run("rename", found, "Mine")[0] == 0
    Store().star(found)
    assert run("list")[1].startswith("★ ")
    assert json.loads(run("list", "--json")[1])["runs"][0]["starred"] is True
    assert run("delete", "Mine")[0] == 2, "without a terminal to ask, it must be said with --yes"
    assert Store().get(found).status == "done"
    assert run("delete", "Mine", "--yes")[0] == 0
    assert run("show", found)[0] == 2
    assert [one["name"] for one in json.loads(run("trash", "--json")[1])["trash"]] == ["Mine"]
    assert run("restore", "Mine")[0] == 0
    assert json.loads(run("show", "Mine", "--json")[1])["summary"]["run"] == found
    assert run("export", "Mine", "--out", "-")[0] == 0


def test_the_trash_is_emptied_only_when_told(run, blobs):
    found = json.loads(run("train", blobs, "--json")[1])["run"]
    run("delete", found, "--yes")
    assert run("trash", "--empty")[0] == 2
    assert found in run("trash")[1]
    assert run("trash", "--empty", "--yes")[0] == 0
    assert run("trash")[1] == "The trash is empty.\n"
    assert run("restore", found)[0] == 2


# Baselines -------------------------------------------------------------------------------------------------


def test_baselines_find_plain_islands_and_place_what_is_beyond_the_sample(run, blobs, monkeypatch):
    from dsc_core.analysis import umap_map

    monkeypatch.setattr(umap_map, "embed", lambda values, dims, seed, **more: values[:, :dims])
    code, out, err = run("baselines", blobs, "--json")
    assert code == 0
    found = json.loads(out)
    assert [one["method"] for one in found["baselines"]] == [
        "k-means",
        "spectral clustering",
        "UMAP + Gaussian mixture",
    ]
    assert all(one["acc"] == pytest.approx(1.0) for one in found["baselines"])
    assert "Spectral clustering" in err
    monkeypatch.setattr(baselines, "SPECTRAL_SAMPLES", 30)
    told = run("baselines", blobs)[1]
    assert "on a random sample of 30, the others placed" in told
    assert "ACC 1.000" in told.splitlines()[2]


def test_baselines_without_labels_have_no_scores(monkeypatch):
    from dsc_core.analysis import umap_map

    monkeypatch.setattr(umap_map, "embed", lambda values, dims, seed, **more: values[:, :dims])
    samples = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    data = Dataset("plain", samples, np.arange(30).astype(str), None, "table")
    assert all(one["acc"] is None and one["seconds"] >= 0 for one in baselines.compare(data, 3))


def test_events_are_exported_as_the_name_asks_for_it(run, blobs, tmp_path):
    assert run("train", blobs, "--run", "mine")[0] == 0
    store = Store()
    events = store.events(store.find("mine").id)
    code, out, _ = run("export", "mine", "--events", tmp_path / "events.csv")
    assert (code, out.strip()) == (0, f"{len(events)} events written to {tmp_path / 'events.csv'}")
    assert (
        run("export", "mine", "--events", tmp_path / "events.parquet", "--out", tmp_path / "labels.csv")[0]
        == 0
    )
    assert (tmp_path / "labels.csv").read_bytes() == results.labels_csv(store.find("mine"))
    written = (tmp_path / "events.csv").read_bytes()
    assert written == event_table.events_csv(events)
    assert (tmp_path / "events.parquet").read_bytes()[:4] == b"PAR1"
    assert run("export", "mine", "--events", "-")[1].encode() == written
    found = json.loads(run("export", "mine", "--events", tmp_path / "e.csv", "--json")[1])
    assert found["events"] == len(events)


def test_what_cannot_be_exported_is_one_sentence(run, blobs, tmp_path):
    assert run("train", blobs, "--run", "mine")[0] == 0
    code, _, err = run("export", "mine")
    assert (code, len(err.splitlines())) == (2, 1)
    code, _, err = run("export", "mine", "--events", tmp_path / "events.xlsx")
    assert code == 2
    assert "a .csv or .parquet file, or a folder for TensorBoard" in err
    assert run("export", "mine", "--events", "-", "--out", "-")[0] == 2
    assert run("export", "mine", "--events", "-", "--json")[0] == 2


def test_event_files_for_tensorboard_come_with_training_and_afterwards(run, blobs, tmp_path):
    pytest.importorskip("tensorboard")
    code, _, err = run("train", blobs, "--run", "mine", "--tensorboard")
    assert code == 0, err
    kept = Store().find("mine")
    (during,) = (kept.folder / "tensorboard").glob("events.out.tfevents.*")
    of_another = tmp_path / "board" / "events.out.tfevents.1.other"
    of_another.parent.mkdir()
    of_another.touch()
    assert run("export", "mine", "--events", tmp_path / "board")[0] == 0
    assert of_another.exists(), "what lies there already is left alone"
    (after,) = (tmp_path / "board" / kept.id).glob("events.out.tfevents.*")
    assert abs(during.stat().st_size - after.stat().st_size) < 100, (
        "the files' heads differ, their events do not"
    )


def test_without_tensorboard_s_package_nothing_is_read_or_trained(run, blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    code, out, err = run("train", blobs, "--tensorboard")
    assert (code, out) == (2, "")
    assert "requirements-tensorboard.txt" in err
    assert not Store().list()


def test_the_second_training_on_the_same_file_reads_it_no_more(run, blobs, monkeypatch):
    from dsc_core import data

    read, real = [], data.open_dataset
    monkeypatch.setattr(
        data, "open_dataset", lambda source, **options: read.append(source) or real(source, **options)
    )
    one = json.loads(run("train", blobs, "--json")[1])
    other = json.loads(run("train", blobs, "--json")[1])
    assert run("baselines", blobs, "--json")[0] == 0
    assert read == [blobs]
    described = [Store().get(found["run"]).dataset for found in (one, other)]
    assert described[0] == described[1]
    assert run("train", blobs, "--channels", "colour", "--size", "10x12", "--crop")[0] == 0
    assert len(read) == 2
    assert Store().list()[0].dataset["shape"] == [3, 10, 12]
    assert Store().list()[0].dataset["preprocessing"] == {"crop": True}


def test_a_long_import_tells_how_far_it_is_and_ctrl_c_leaves_nothing(run, tmp_path, monkeypatch):
    from dsc_core.cli import datasets

    path = tmp_path / "large.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (9000, 28, 28), dtype=np.uint8))
    monkeypatch.setattr(datasets, "QUIET", 0.0)
    code, _, err = run("train", path, "--clusters", "2")
    assert code == 0, err
    assert "Comparing with what was imported: " in err
    before = [file for file in (tmp_path / "home").rglob("*") if file.is_file()]

    def interrupted(*_):
        raise KeyboardInterrupt

    np.save(path, np.zeros((9000, 28, 28), np.uint8) + np.arange(9000, dtype=np.uint8)[:, None, None])
    monkeypatch.setattr("dsc_core.cli.progress.Progress.update", interrupted)
    code, out, err = run("train", path, "--clusters", "2")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "Interrupted."
    assert [file for file in (tmp_path / "home").rglob("*") if file.is_file()] == before


def test_training_tells_which_network_the_shape_gets_and_images_need_an_encoder(run, blobs):
    assert "Encoder: 4 convolutions, 8×8 → 4×4" in run("train", blobs)[2]
    code, out, err = run("train", blobs, "--set", "encoder=none")
    assert (code, out) == (2, "")
    assert "encoder=none is for rows of numbers" in err
