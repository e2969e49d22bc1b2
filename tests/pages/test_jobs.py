"""Jobs: threads of the server that end with a result or one sentence, and stop where they report progress."""

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


def test_a_job_ends_with_its_result_and_reports_progress():
    def work(report):
        report("Counting", 3, 4)
        return "result"

    job = ended(work)
    assert (job.result, job.problem, job.share) == ("result", "", 0.75)


@pytest.mark.parametrize("error", [InputError("Too few."), RunError("It is gone.")])
def test_errors_that_a_person_can_mend_are_shown_as_they_are(error):
    def work(report):
        raise error

    assert ended(work).problem == str(error)


@pytest.mark.parametrize("error", [ValueError("secret\ninside"), MemoryError(), KeyError("x")])
def test_any_other_error_is_one_sentence_without_its_message(error):
    def work(report):
        raise error

    job = ended(work)
    assert job.result is None
    assert job.problem.endswith(".")
    assert "\n" not in job.problem
    assert "secret" not in job.problem


def test_a_stopped_job_ends_at_its_next_report_without_a_problem():
    started, go = threading.Event(), threading.Event()

    def work(report):
        started.set()
        go.wait(20)
        report("On", 0, 0)
        return "never"

    job = jobs.Job(work)
    job.start()
    started.wait(20)
    job.stopped = True
    go.set()
    job.join(20)
    assert (job.result, job.problem, job.share) == (None, "", 0.0)


def test_one_job_per_key_runs_at_a_time_and_few_are_kept(monkeypatch):
    cached = {}
    monkeypatch.setattr(jobs, "_all", lambda: cached)
    monkeypatch.setattr(jobs, "WAIT_SECONDS", 0.01)
    go = threading.Event()
    first = jobs.start("a", lambda report: go.wait(20))
    assert jobs.start("a", lambda report: pytest.fail("a second one")) is first
    go.set()
    first.join(20)
    for number in range(3 * jobs.KEPT):
        jobs.start(f"job {number}", lambda report: None).join(20)
    assert len(cached) <= jobs.KEPT + 1
    assert jobs.get("a") is None, "the oldest is dropped first"
