"""Work in a thread of the server: it ends with a result or a sentence, and stops where it is told of progress."""

import threading

import pytest

from dsc_core.errors import InputError, RunError
from pages.shared import jobs


def ended(work) -> jobs.Job:
    job = jobs.Job(work)
    job.start()
    job.join(20)
    assert not job.is_alive()
    return job


def test_a_job_ends_with_its_result_and_tells_how_far_it_was():
    def work(tell):
        tell("Counting", 3, 4)
        return "found"

    job = ended(work)
    assert (job.result, job.problem, job.share) == ("found", "", 0.75)


@pytest.mark.parametrize("error", [InputError("Too few."), RunError("It is gone.")])
def test_errors_that_a_person_can_mend_are_told_as_they_stand(error):
    def work(tell):
        raise error

    assert ended(work).problem == str(error)


@pytest.mark.parametrize("error", [ValueError("secret\ninside"), MemoryError(), KeyError("x")])
def test_any_other_error_is_one_sentence_without_what_is_inside(error):
    def work(tell):
        raise error

    job = ended(work)
    assert job.result is None
    assert job.problem.endswith(".")
    assert "\n" not in job.problem
    assert "secret" not in job.problem


def test_a_stopped_job_ends_at_its_next_word_without_a_problem():
    begun, go = threading.Event(), threading.Event()

    def work(tell):
        begun.set()
        go.wait(20)
        tell("On", 0, 0)
        return "never"

    job = jobs.Job(work)
    job.start()
    begun.wait(20)
    job.stopped = True
    go.set()
    job.join(20)
    assert (job.result, job.problem, job.share) == (None, "", 0.0)


def test_one_job_a_key_while_it_runs_and_few_are_kept(monkeypatch):
    known = {}
    monkeypatch.setattr(jobs, "_all", lambda: known)
    monkeypatch.setattr(jobs, "MOMENT", 0.01)
    go = threading.Event()
    first = jobs.begin("a", lambda tell: go.wait(20))
    assert jobs.begin("a", lambda tell: pytest.fail("a second one")) is first
    go.set()
    first.join(20)
    for number in range(3 * jobs.MOST):
        jobs.begin(f"job {number}", lambda tell: None).join(20)
    assert len(known) <= jobs.MOST + 1
    assert jobs.known("a") is None, "the oldest is let go first"
