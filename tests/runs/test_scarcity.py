"""Little memory, few open files, a full disk: a run ends with a sentence, and later goes on as if nothing had been."""

import sys

import pytest

from dsc_core.runs import Store, failures
from tests.runs import small_run
from tests.runs.workers import Workers

pytestmark = pytest.mark.slow
KNOWN = (failures.DISK_FULL, failures.OUT_OF_MEMORY, failures.TOO_MANY_FILES, failures.KILLED)


@pytest.fixture(scope="module")
def workers():
    with Workers() as forking:
        yield forking


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    home = tmp_path_factory.mktemp("template") / "home"
    return home, small_run.create(home)


@pytest.fixture(scope="module")
def whole(template, workers, tmp_path_factory):
    """(what a run leaves that nothing befell, the names of its disk operations)."""
    home = tmp_path_factory.mktemp("whole") / "home"
    small_run.copy(template[0], home)
    workers.work(home, template[1], "at:0")
    return small_run.outcome(home, template[1]), workers.operations(home)


def reason_of(home, run_id):
    """Why the run failed, "" if it did not."""
    store = Store(home)
    run = store.get(run_id)
    store.close()
    assert run.status in ("created", "failed", "done")
    return run.reason


def check(workers, template, home, expected, how):
    """Train with `how` scarce, then without; the reason of the first attempt."""
    small_run.copy(template[0], home)
    workers.work(home, template[1], how)
    reason = reason_of(home, template[1])
    assert reason in ("", *KNOWN) or reason.endswith("cannot be read: too many open files."), (how, reason)
    store = Store(home)
    done = store.get(template[1]).status == "done"
    store.close()
    if not done:
        workers.work(home, template[1], "at:0")
        small_run.same(small_run.outcome(home, template[1]), expected)
    return reason


def test_a_disk_that_is_full_from_some_operation_on_loses_nothing(workers, template, whole, tmp_path):
    expected, names = whole
    reasons = {
        check(workers, template, tmp_path / "home", expected, f"full:{number}")
        for number in range(1, len(names), 7)
    }
    assert failures.DISK_FULL in reasons


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_too_little_memory_is_a_sentence(workers, tmp_path):
    large = small_run.CONFIG.replace(spectral_width=1024)  # a hundred megabytes beside what is loaded
    template = tmp_path / "template", small_run.create(tmp_path / "template", large)
    small_run.copy(template[0], tmp_path / "home")
    workers.work(tmp_path / "home", template[1], "at:0")
    expected = small_run.outcome(tmp_path / "home", template[1])
    reasons = {check(workers, template, tmp_path / "home", expected, f"memory:{more}") for more in (8, 16)}
    # Native libraries end the process where Python raises an error.
    assert reasons & {failures.OUT_OF_MEMORY, failures.KILLED}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_too_few_open_files_are_a_sentence(workers, template, whole, tmp_path):
    reasons = [check(workers, template, tmp_path / "home", whole[0], f"files:{more}") for more in range(7)]
    assert failures.TOO_MANY_FILES in reasons or any(reason.endswith("open files.") for reason in reasons)
