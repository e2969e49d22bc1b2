"""The process that lays out a run's film: what it leaves, how it ends, and that training does not care."""

import errno
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from dsc_core.analysis import map_film
from dsc_core.config import Config
from dsc_core.data import Dataset
from dsc_core.runs import execute, film_frames, film_process, film_state, processes
from dsc_core.runs.film_process import Filming
from tests.runs import waiting

wait_for = partial(waiting.until, seconds=30)

ROWS = np.arange(20)


@pytest.fixture
def told():
    return []


@pytest.fixture
def filmed(tmp_path, told, fake_training):
    """A Filming whose other process needs no UMAP."""
    made = Filming(tmp_path, 0, told.append)
    made.begin(ROWS, -1)
    yield made
    made.close()


def latent(epoch):
    return np.random.default_rng(epoch).normal(size=(20, 4))


def test_what_waits_becomes_frames_each_in_the_frame_of_the_one_before(filmed, tmp_path, told):
    for epoch in range(4):
        filmed.take(epoch, latent(epoch), None if epoch < 2 else np.full(20, epoch))
    filmed.end()
    assert told == []
    assert film_frames.epochs(tmp_path) == [0, 1, 2, 3]
    before = None
    for epoch in range(4):
        frame = film_frames.read(tmp_path, epoch)
        flat = latent(epoch).astype(np.float32)[:, :2]
        wanted = flat if before is None else map_film.align(flat, before)
        assert np.allclose(frame.points, wanted, atol=1e-5)
        assert (frame.clusters == (film_frames.UNKNOWN if epoch < 2 else epoch)).all()
        before = frame.points
    assert filmed.process.poll() == 0
    assert (tmp_path / "log.txt").read_text() == ""


def test_a_film_that_is_far_behind_shows_the_newest_map_first_and_then_draws_all(filmed, tmp_path, told):
    filmed.take(0, latent(0), None)
    wait_for(lambda: film_frames.epochs(tmp_path))
    filmed.process.send_signal(signal.SIGSTOP)
    for epoch in range(1, 12):
        filmed.take(epoch, latent(epoch), None)
    filmed.process.send_signal(signal.SIGCONT)
    filmed.end()
    assert (film_frames.epochs(tmp_path), told) == (list(range(12)), [])
    assert film_frames.epochs(tmp_path, "latent") == []
    written = {n: film_frames.path_of(tmp_path, "map", n).stat().st_mtime_ns for n in range(12)}
    assert min(range(1, 12), key=written.get) == 11
    assert sorted(range(1, 11), key=written.get) == list(range(1, 11))


def test_the_other_process_is_calm_and_stays_in_the_session(filmed):
    filmed.take(0, latent(0), None)
    pid = filmed.process.pid
    assert os.getsid(pid) == os.getsid(0)
    wait_for(
        lambda: os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + film_process.NICE
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the policy")
def test_it_takes_only_idle_cores_while_training_lasts(filmed):
    filmed.take(0, latent(0), None)
    wait_for(lambda: os.sched_getscheduler(filmed.process.pid) == os.SCHED_IDLE)
    code = "import os; from dsc_core.runs import film_process as film; policies = []\n"
    code += (
        "for calm in (True, False): film.only_idle_cores(calm); policies.append(os.sched_getscheduler(0))\n"
    )
    code += "print(policies == [os.SCHED_IDLE, os.SCHED_OTHER])"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"True\n"


def test_ctrl_c_is_the_training_s_affair(filmed, tmp_path, told):
    filmed.take(0, latent(0), None)
    wait_for(lambda: film_frames.epochs(tmp_path))
    filmed.process.send_signal(signal.SIGINT)
    filmed.take(1, latent(1), None)
    filmed.end()
    assert (film_frames.epochs(tmp_path), told) == ([0, 1], [])


def test_its_death_is_told_once_and_what_it_missed_can_be_drawn_later(filmed, tmp_path, told):
    filmed.take(0, latent(0), None)
    wait_for(lambda: film_frames.epochs(tmp_path))
    filmed.process.kill()
    filmed.process.wait()
    for epoch in range(1, 4):
        filmed.take(epoch, latent(epoch), None)
    filmed.end()
    (sentence,) = told
    assert "unexpectedly (exit code -9)" in sentence
    assert "Training goes on" in sentence
    assert film_frames.epochs(tmp_path) == [0]
    assert film_frames.epochs(tmp_path, "latent") == [1, 2, 3]
    missing = film_state.read(tmp_path)
    assert (missing.made, missing.waiting, missing.drawing) == (1, 3, False)
    assert film_state.outlook(missing, training=False).startswith(
        "3 maps of this film are not drawn. The process"
    )
    film_process.catch_up(tmp_path, 0)
    assert film_state.read(tmp_path).drawing
    wait_for(lambda: film_frames.epochs(tmp_path) == [0, 1, 2, 3])
    wait_for(lambda: not film_state.read(tmp_path).alive)
    assert film_state.outlook(film_state.read(tmp_path), training=False) == ""


def test_a_death_that_shows_only_at_the_end_is_told_too(filmed, tmp_path, told):
    filmed.take(0, latent(0), None)
    wait_for(lambda: film_frames.epochs(tmp_path))
    filmed.process.kill()
    filmed.end()
    assert len(told) == 1


def test_one_that_cannot_be_started_is_told_once(tmp_path, told, monkeypatch):
    monkeypatch.setattr(film_process, "command", lambda *_: ["/nowhere/python"])
    with Filming(tmp_path, 0, told.append) as made:
        made.begin(ROWS, -1)
        made.take(0, latent(0), None)
        made.take(1, latent(1), None)
        made.end()
    assert len(told) == 1


def test_one_that_gets_no_time_holds_nobody_up_and_draws_every_map_after_training(
    filmed, tmp_path, told, monkeypatch
):
    monkeypatch.setattr(film_process, "PATIENCE", 0.1)
    filmed.take(0, latent(0), None)
    process = filmed.process
    process.send_signal(signal.SIGSTOP)
    for epoch in range(1, 30):
        filmed.take(epoch, latent(epoch), None)
    filmed.end()
    filmed.close()  # as training ends
    waiting = film_state.read(tmp_path)
    assert (waiting.made, waiting.waiting, waiting.drawing) == (0, 30, True)
    later = waiting.since + 130
    assert film_state.outlook(waiting, training=False, now=later) == (
        "The first map is being laid out, for 2 min so far: 30 maps to draw, 0 drawn."
    )
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: film_frames.epochs(tmp_path) == list(range(30)))
    wait_for(lambda: not film_state.read(tmp_path).alive)
    assert told == []


def test_one_that_draws_after_training_ends_where_the_run_is_started_again(filmed, tmp_path, monkeypatch):
    monkeypatch.setattr(film_process, "PATIENCE", 0.1)
    filmed.take(0, latent(0), None)
    process = filmed.process
    wait_for(lambda: film_frames.epochs(tmp_path))
    process.send_signal(signal.SIGSTOP)
    for epoch in range(1, 4):
        filmed.take(epoch, latent(epoch), None)
    filmed.end()
    with Filming(tmp_path, 0, print) as again:
        again.begin(ROWS, 0)
        process.send_signal(signal.SIGCONT)
        wait_for(lambda: process.poll() is not None)
        assert film_frames.epochs(tmp_path) == [0], "frames after the checkpoint belong to the attempt before"
        again.take(1, latent(1), None)
        again.end()
    wait_for(lambda: film_frames.epochs(tmp_path) == [0, 1])


def test_a_full_disk_is_told_once_and_the_film_goes_on_when_there_is_room(
    filmed, tmp_path, told, monkeypatch
):
    write = film_frames.write_whole

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    filmed.take(0, latent(0), None)
    wait_for(lambda: film_frames.epochs(tmp_path))
    monkeypatch.setattr(film_frames, "write_whole", full)
    filmed.take(1, latent(1), None)
    filmed.take(2, latent(2), None)
    monkeypatch.setattr(film_frames, "write_whole", write)
    filmed.take(3, latent(3), None)
    filmed.end()
    assert told == ["The map after epoch 1 could not be saved: the disk is full. Training goes on."]
    assert film_frames.epochs(tmp_path) == [0, 3]


def test_it_ends_with_a_training_that_is_killed(tmp_path, fake_training):
    """The training's end of the pipe closes with it, however it dies."""
    film_frames.begin(tmp_path, ROWS, -1)
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[2]); from tests.runs import fakes; from pathlib import Path;"
        "from dsc_core.runs import film_process; film_process.command = fakes.film_command;"
        "made = film_process.Filming(Path(sys.argv[1]), 0, print); made.notify();"
        "print(made.process.pid, flush=True); time.sleep(60)"
    )
    call = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parents[2])]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as training:
        pid = int(training.stdout.readline())
        assert processes.identity(pid)
        training.kill()
    wait_for(lambda: processes.identity(pid) is None)


def test_damage_in_what_waits_or_in_the_frame_before_is_passed_over(filmed, tmp_path, told):
    film_frames.keep(tmp_path, film_frames.Frame(0, np.ones((20, 2), np.float32), np.zeros(20, np.int16)))
    film_frames.path_of(tmp_path, "map", 0).write_bytes(b"PK nothing")
    film_frames.offer(tmp_path, 1, latent(1), None)
    film_frames.path_of(tmp_path, "latent", 1).write_bytes(b"PK nothing")
    filmed.take(2, latent(2), None)
    filmed.take(3, np.full((20, 4), np.nan), None)
    filmed.end()
    assert told == []
    assert film_frames.epochs(tmp_path) == [0, 2]
    assert np.allclose(film_frames.read(tmp_path, 2).points, latent(2)[:, :2], atol=1e-5)


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"pid": "x", "since": Infinity}', '{"pid": 1e999, "epoch": [], "problem": 3, "process": 1}'],
)
def test_a_damaged_state_is_that_of_a_process_which_is_gone(tmp_path, content):
    film_frames.begin(tmp_path, ROWS, -1)
    film_frames.offer(tmp_path, 0, latent(0), None)
    film_state.path_of(tmp_path).write_text(content)
    found = film_state.read(tmp_path)
    assert (found.alive, found.epoch, found.since, found.waiting) == (False, None, None, 1)
    assert "not drawn" in film_state.outlook(found, training=False)


# With a worker ----------------------------------------------------------------------------------------------


def test_a_run_leaves_a_film_and_says_nothing_of_it(store, run_id, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "film")
    execute(store, run_id)
    folder = store.folder(run_id)
    assert film_frames.epochs(folder) == [1, 2, 3]
    assert (film_frames.read_rows(folder) == np.arange(30)).all()
    assert (film_frames.read(folder, 1).clusters == film_frames.UNKNOWN).all()
    assert set(film_frames.read(folder, 3).clusters.tolist()) == {0, 1, 2}
    assert not [event for _, event in store.events(run_id) if event.level == "warning"]


def test_a_lost_film_harms_no_run(store, run_id, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "film")
    monkeypatch.setattr(film_process, "command", lambda *_: [sys.executable, "-c", "raise SystemExit(3)"])
    assert execute(store, run_id)["status"] == "done"
    (warning,) = [event for _, event in store.events(run_id) if event.level == "warning"]
    assert "can be drawn later" in warning.message


def test_without_maps_there_is_no_film(store, dataset, config, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "film")
    run_id = store.create(dataset, config.replace(map_every=0))
    execute(store, run_id)
    assert not (store.folder(run_id) / "frames").exists()


def test_a_failed_run_that_goes_on_ends_with_the_whole_film(store, run_id, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "film")
    fake_training.die_at_state(monkeypatch, 2)
    with pytest.raises(Exception, match="dead"):
        execute(store, run_id)
    folder = store.folder(run_id)
    film_frames.keep(folder, film_frames.Frame(9, np.zeros((30, 2), np.float32), np.zeros(30, np.int16)))
    execute(store, run_id)
    assert film_frames.epochs(folder) == [1, 2, 3]


def test_a_branch_takes_the_film_along_and_goes_on_with_it(store, run_id, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "film")
    execute(store, run_id)
    kept = next(one for one in store.checkpoints(run_id) if one.epoch == 2)
    branch = store.branch(run_id, kept.name)
    folder = store.folder(branch)
    assert film_frames.epochs(folder) == [1, 2]
    before = film_frames.path_of(folder, "map", 2).read_bytes()
    execute(store, branch)
    assert film_frames.epochs(folder) == [1, 2, 3]
    assert film_frames.path_of(folder, "map", 2).read_bytes() == before


@pytest.mark.slow
def test_a_real_digits_run_leaves_the_expected_frames(store, monkeypatch):
    """With UMAP and the real networks; the clusters of the last frame are nearly those of the results."""
    monkeypatch.setattr(
        film_process, "PATIENCE", 300
    )  # UMAP loads for long where others want the machine too
    known = load_digits()
    images = known.images[:600, None].astype(np.uint8)
    dataset = Dataset(
        "digits", images, np.arange(600).astype(str), known.target[:600], "image", (0.0, 1 / 16)
    )
    config = Config(
        epochs=3,
        joint_epochs=2,
        batch=64,
        joint_batch=64,
        spectral_width=32,
        latent_dims=8,
        least_steps=0,
        tolerance=0.0,
        map_every=2,
        device="cpu",
    )
    run_id = store.create(dataset, config)
    execute(store, run_id)
    folder = store.folder(run_id)
    rows = film_frames.read_rows(folder)
    assert (rows == map_film.film_rows(600, config)).all()
    assert film_frames.epochs(folder) == [0, 2, 4, 5]
    shown = {epoch: film_frames.read(folder, epoch) for epoch in film_frames.epochs(folder)}
    assert all(frame.points.shape == (len(rows), 2) for frame in shown.values())
    assert (shown[2].clusters == film_frames.UNKNOWN).all()
    sizes = [np.linalg.norm(frame.points - frame.points.mean(0)) for frame in shown.values()]
    assert np.allclose(sizes, sizes[0], rtol=1e-3), "one frame for all maps"
    from dsc_core import load_run

    agree = np.mean(shown[5].clusters == load_run(folder).labels[rows])
    assert agree > 0.5
