"""A small run is killed at each of its disk operations, and resumed: it ends as if nothing had been.

The training is real, and so are its processes; see forks.py for what is left out of them, and disk.py for what counts
as an operation. `python -m tests.benchmarks.kills` does the same at random with longer runs.
"""

from collections import Counter

import pytest

from dsc_core.runs import Store, failures
from tests.runs import small_run
from tests.runs.workers import Workers

pytestmark = pytest.mark.slow

# What is among the operations; else the test sees less than it says.
REACHED = {"open", "write", "replace", "unlink", "rmdir", "mkdir", "fsync", "native"}
IN_INDEX = {"BEGIN", "INSERT", "UPDATE", "DELETE", "COMMIT"}


def test_a_run_killed_at_any_disk_operation_ends_with_the_same_results(tmp_path):
    template, home = tmp_path / "template", tmp_path / "home"
    run_id = small_run.create(template)
    with Workers() as workers:
        small_run.copy(template, home)
        workers.work(home, run_id, "at:0")
        names, expected = workers.operations(home), small_run.outcome(home, run_id)
        kinds = Counter(name.split()[name.startswith("sqlite")] for name in names)
        assert set(kinds) >= REACHED | IN_INDEX
        for number, name in enumerate(names, start=1):
            small_run.copy(template, home)
            workers.work(home, run_id, f"at:{number}")
            assert workers.operations(home) == names[:number], "the process reached it, and nothing after it"
            try:
                if not ended(home, run_id):
                    workers.work(home, run_id, "at:0")
                small_run.same(small_run.outcome(home, run_id), expected)
            except AssertionError as error:
                raise AssertionError(f"killed at operation {number} of {len(names)}: {name}") from error


def ended(home, run_id):
    """Whether the run is done; if not, it is known to have been killed, or has not begun."""
    store = Store(home)
    run = store.get(run_id)
    store.close()
    assert (run.status, run.reason) in (("created", ""), ("failed", failures.KILLED), ("done", ""))
    return run.status == "done"
