"""How long a run is said to take: from the table, from a calibration, and from the runs that have ended."""

import json
import re

import pytest

from dsc_core.config import Config
from dsc_core.presets import preset
from dsc_core.runs import expectation
from dsc_core.runs.expectation import Finished, about, expect, finished_runs, key_of
from dsc_core.training.costs import Job, Speed, plan
from dsc_core.training.countdown import total_seconds

JOB = Job(1797, (1, 8, 8), Config())
ONE = {"start": 1.0, "stage 1": 1.0, "stage 2": 1.0, "encoding": 1.0}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ((2.0,), "about 5 s"),
        ((38.0,), "about 40 s"),
        ((100.0,), "about 2 min"),
        ((1260.0,), "about 20 min"),
        ((4700.0,), "about 1 h 10 min"),
        ((7300.0,), "about 2 h"),
        ((90_000.0,), "about 25 h"),
        ((60.0, 170.0), "about 60 s to 3 min"),
        ((100.0, 290.0), "about 2 to 5 min"),
        ((11.0, 31.0), "about 10 to 30 s"),
        ((1.0, 2.0), "about 5 s"),
    ],
)
def test_a_time_is_said_in_round_words(seconds, words):
    assert about(*seconds) == words


def test_before_anything_was_measured_the_time_is_a_range(tmp_path):
    expected = expect(tmp_path, JOB, [])
    assert not expected.measured
    assert " to " in expected.words
    assert sum(expected.parts.values()) == pytest.approx(expected.seconds)


def test_a_calibration_is_kept_for_jobs_with_the_same_networks(tmp_path, monkeypatch):
    """The number of samples and of clusters may change; the shape and the networks may not."""
    measured = {"device": "CPU, 2 threads", "factors": dict.fromkeys(plan_parts(), 3.0)}
    keep(tmp_path, JOB, measured)
    expected = expect(tmp_path, JOB, [])
    assert expected.measured
    assert " to " not in expected.words
    assert expect(tmp_path, Job(500, (1, 8, 8), Config(clusters=3)), []).measured
    assert not expect(tmp_path, Job(1797, (1, 9, 9), Config()), []).measured
    assert not expect(tmp_path, Job(1797, (1, 8, 8), Config(latent_dims=8)), []).measured
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert not expect(tmp_path, JOB, []).measured


@pytest.mark.parametrize("text", ["", "[]", "{", '{"device": 1}', '{"device": "x", "factors": {"cut": "?"}}'])
def test_a_damaged_calibration_counts_as_none(tmp_path, text):
    keep(tmp_path, JOB, {})
    (tmp_path / "speeds" / f"{key_of(JOB)}.json").write_text(text)
    assert not expect(tmp_path, JOB, []).measured


def test_finished_runs_count_more_than_a_calibration(tmp_path):
    keep(tmp_path, JOB, {"device": "CPU, 2 threads", "factors": dict.fromkeys(plan_parts(), 1.0)})
    alone = expect(tmp_path, JOB, []).seconds
    slow = [Finished(key_of(JOB), "CPU, 2 threads", dict.fromkeys(plan_parts(), 2.0))] * 3
    # Slower steps leave time for more checkpoints, hence a little more than twice.
    assert expect(tmp_path, JOB, slow).seconds == pytest.approx(2 * alone, rel=0.02)
    elsewhere = [Finished(key_of(JOB), "another device", dict.fromkeys(plan_parts(), 9.0))] * 3
    assert expect(tmp_path, JOB, elsewhere).seconds == pytest.approx(alone)


def test_a_run_of_other_networks_says_nothing_about_the_steps(tmp_path):
    other = [Finished("other", "CPU", {"stage 1": 9.0, "cut": 2.0})]
    factors = expectation.known_speed(tmp_path, JOB, other).factors
    assert factors == {"cut": 2.0}


def test_a_finished_run_says_how_long_its_parts_took(store, run_id, fake_training):
    """From the last event of a run, through its folder."""
    from dsc_core.runs import execute

    execute(store, run_id)
    event = store.last_event(run_id)
    assert sum(seconds for seconds, _ in event.parts.values()) >= 0
    assert json.loads(event.to_json())["parts"]["maps"][1] == 1
    (found,) = finished_runs(store)
    assert found.device == store.get(run_id).device
    assert found.ratios.keys() <= event.parts.keys()


def test_a_long_run_says_what_takes_the_time_and_what_to_do(tmp_path):
    long = expect(tmp_path, Job(100_000, (3, 64, 64), preset("standard")), [])
    assert long.seconds > expectation.LONG
    assert "smaller images" in long.advice
    assert "64×64" in long.advice
    assert expect(tmp_path, Job(100, (1, 8, 8), preset("quick", least_steps=0)), []).advice == ""


def plan_parts():
    return {part for loads in plan(JOB, Speed()).values() for part in loads}


def keep(home, job, measured):
    (home / "speeds").mkdir(exist_ok=True)
    (home / "speeds" / f"{key_of(job)}.json").write_text(json.dumps(measured))


@pytest.mark.slow
def test_a_calibration_measures_every_part_of_a_training(tmp_path):
    """In a process of its own, which takes some seconds."""
    job = Job(200, (1, 8, 8), preset("quick", clusters=3, device="cpu"))
    expectation.calibrate(tmp_path, [job])
    kept = expectation.read_calibration(tmp_path, job)
    assert kept["device"].startswith("CPU")
    assert {"stage 1", "stage 2", "encoding", "neighbours", "cut", "teaching"} <= kept["factors"].keys()
    assert all(factor > 0 for factor in kept["factors"].values())
    assert total_seconds(expect(tmp_path, job, []).plan) > 0


def test_nothing_is_measured_where_the_environment_forbids_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DSC_CALIBRATE", "0")
    expectation.calibrate(tmp_path, [JOB])
    assert not (tmp_path / "speeds").exists()


def test_a_busy_hour_makes_all_presets_longer_alike(tmp_path):
    """A run of other networks tells how much slower than calibrated it was, of the steps too."""
    other = Job(1797, (1, 8, 8), Config(batch=64))
    for job, factor in ((JOB, 1.0), (other, 2.0)):
        keep(tmp_path, job, {"device": "CPU, 2 threads", "factors": dict.fromkeys(plan_parts(), factor)})
    alone = [expect(tmp_path, job, []).parts["stage 1"] for job in (JOB, other)]
    slow = [Finished(key_of(JOB), "CPU, 2 threads", dict.fromkeys(plan_parts(), 3.0))] * 3
    busy = [expect(tmp_path, job, slow).parts["stage 1"] for job in (JOB, other)]
    assert busy == pytest.approx([3 * seconds for seconds in alone])


def test_one_run_alone_does_not_decide_against_the_calibration(tmp_path):
    keep(tmp_path, JOB, {"device": "CPU, 2 threads", "factors": dict.fromkeys(plan_parts(), 1.0)})
    alone = expect(tmp_path, JOB, []).parts["stage 1"]
    slow = [Finished(key_of(JOB), "CPU, 2 threads", dict.fromkeys(plan_parts(), 5.0))]
    assert expect(tmp_path, JOB, slow).parts["stage 1"] == pytest.approx(3 * alone)


def test_the_parts_in_words_do_not_come_to_more_than_the_whole(tmp_path):
    words = expect(
        tmp_path, Job(20, (8,), Config(clusters=4, epochs=1, joint_epochs=1, least_steps=10)), []
    ).longest
    assert re.fullmatch(r"(\S.*? (\d|under 1) s(, |$)){3}", words), words
