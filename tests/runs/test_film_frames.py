"""The frames of a run's film on the disk: whole or not there, bounded in number, and damage is told."""

import numpy as np
import pytest

from dsc_core.errors import RunError
from dsc_core.runs import film_frames
from dsc_core.runs.film_frames import Frame

ROWS = np.arange(0, 60, 3)


@pytest.fixture
def folder(tmp_path):
    film_frames.begin(tmp_path, ROWS, -1)
    return tmp_path


def made(epoch, n=20):
    rng = np.random.default_rng(epoch)
    points = rng.normal(size=(n, 2)).astype(np.float32)
    return Frame(epoch, points, rng.integers(-1, 5, n).astype(np.int16))


def test_what_waits_and_what_is_kept_come_back_as_they_were(folder):
    latent = np.random.default_rng(0).normal(size=(20, 7))
    film_frames.offer(folder, 3, latent, None)
    found, clusters = film_frames.read_latent(folder, 3)
    assert (found == latent.astype(np.float32)).all()
    assert (clusters == film_frames.UNKNOWN).all()
    film_frames.offer(folder, 4, latent, np.arange(20))
    assert (film_frames.read_latent(folder, 4)[1] == np.arange(20)).all()
    kept = made(3)
    film_frames.keep(folder, kept)
    assert film_frames.epochs(folder, "latent") == [4], "what became a frame no longer waits"
    back = film_frames.read(folder, 3)
    assert (back.points == kept.points).all()
    assert (back.clusters == kept.clusters).all()
    assert (film_frames.read_rows(folder) == ROWS).all()
    assert not list((folder / "frames").glob(".*"))


def test_little_waits_and_the_newest_always_does(folder):
    for epoch in range(50):
        film_frames.offer(folder, epoch, np.zeros((20, 3)), None)
        waiting = film_frames.epochs(folder, "latent")
        assert len(waiting) <= film_frames.WAITING
        assert (waiting[0], waiting[-1]) == (0, epoch)


def test_a_long_film_keeps_its_ends_and_grows_no_longer(folder, monkeypatch):
    monkeypatch.setattr(film_frames, "KEPT", 12)
    for epoch in range(0, 200, 2):
        film_frames.keep(folder, made(epoch))
        known = film_frames.epochs(folder)
        assert len(known) <= 12
        assert (known[0], known[-1]) == (0, epoch)


def test_going_on_after_an_epoch_lets_go_of_what_came_later(folder):
    for epoch in range(6):
        film_frames.keep(folder, made(epoch))
    for epoch in (3, 4, 6):
        film_frames.offer(folder, epoch, np.zeros((20, 3)), None)
    (folder / "frames" / ".map-00009.npz-half").touch()
    film_frames.begin(folder, ROWS, 3)
    assert film_frames.epochs(folder) == [0, 1, 2, 3]
    assert film_frames.epochs(folder, "latent") == [3]
    assert not list((folder / "frames").glob(".*"))
    film_frames.begin(folder, ROWS, -1)
    assert film_frames.epochs(folder) == film_frames.epochs(folder, "latent") == []


def test_a_film_of_other_samples_begins_anew(folder):
    film_frames.keep(folder, made(0))
    film_frames.begin(folder, ROWS + 1, 5)
    assert film_frames.epochs(folder) == []
    assert (film_frames.read_rows(folder) == ROWS + 1).all()


def test_a_copy_ends_at_its_epoch(folder, tmp_path):
    for epoch in range(4):
        film_frames.keep(folder, made(epoch))
    film_frames.offer(folder, 4, np.zeros((20, 3)), None)
    film_frames.offer(folder, 5, np.zeros((20, 3)), None)
    target = tmp_path / "branch"
    target.mkdir()
    film_frames.copy(folder, target, 4)
    assert film_frames.epochs(target) == [0, 1, 2, 3]
    assert film_frames.epochs(target, "latent") == [4]
    assert (film_frames.read(target, 2).points == made(2).points).all()
    assert (film_frames.read_rows(target) == ROWS).all()


def test_a_run_without_a_film_is_copied_without_one(tmp_path):
    film_frames.copy(tmp_path / "none", tmp_path, 4)
    assert film_frames.epochs(tmp_path) == []
    assert not (tmp_path / "frames").exists()


def spoilt(path, how):
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "flipped":
        middle = len(content) // 3
        path.write_bytes(
            content[:middle] + bytes(255 - b for b in content[middle : middle + 40]) + content[middle + 40 :]
        )
    elif how == "pickled":
        np.savez(path, points=np.array([{}], dtype=object), clusters=np.zeros(1, np.int16))
    elif how == "infinite":
        np.savez(path, points=np.full((20, 2), np.inf, np.float32), clusters=np.zeros(20, np.int16))
    elif how == "uneven":
        np.savez(path, points=np.zeros((20, 2), np.float32), clusters=np.zeros(3, np.int16))
    elif how == "deep":
        np.savez(path, points=np.zeros((20, 5), np.float32), clusters=np.zeros(20, np.int16))
    else:
        path.unlink()


HARMS = ("cut", "empty", "flipped", "pickled", "infinite", "uneven", "deep", "gone")


@pytest.mark.parametrize("how", HARMS)
def test_a_damaged_frame_is_one_sentence(folder, how):
    film_frames.keep(folder, made(7))
    spoilt(film_frames.path_of(folder, "map", 7), how)
    with pytest.raises(RunError, match="The frame of epoch 7 is missing or damaged") as told:
        film_frames.read(folder, 7)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("how", ["cut", "empty", "gone"])
def test_rows_that_cannot_be_read_are_one_sentence(folder, how):
    spoilt(folder / "frames" / "rows.npy", how)
    with pytest.raises(RunError, match="list of samples is missing or damaged"):
        film_frames.read_rows(folder)
