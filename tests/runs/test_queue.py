"""The queue: order, room, and that it goes on when workers end, are killed, or cannot be started."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from functools import partial
from types import SimpleNamespace

import pytest

from dsc_core.errors import InputError
from dsc_core.runs import Store, execute, failures, launcher, processes, queue
from dsc_core.runs.launcher import LocalLauncher
from dsc_core.training import launch
from tests.runs import fakes, waiting

until = partial(waiting.until, seconds=90)


@pytest.fixture(autouse=True)
def no_cards(monkeypatch):
    """Nothing hangs on the graphics cards of the machine that runs the tests."""
    monkeypatch.setattr(launch, "card_count", lambda: 0)


@pytest.fixture
def three(store, dataset, config):
    """Three runs, in this order."""
    return [store.create(dataset, config, name=f"run {i}") for i in range(3)]


@pytest.fixture
def no_process(monkeypatch):
    """Starting a worker only notes it; this process stands in for it. The ids of the runs started."""
    started = []

    def spawn(self, run):
        started.append(run.id)
        return SimpleNamespace(pid=os.getpid(), wait=lambda: 0, kill=lambda: None)

    monkeypatch.setattr(LocalLauncher, "start", spawn)
    return started


def statuses(store, runs):
    return [store.get(run_id).status for run_id in runs]


def test_one_at_a_time_in_the_order_of_their_coming(store, three, no_process):
    for run_id in three:
        queue.enqueue(store, run_id)
    assert statuses(store, three) == ["running", "queued", "queued"]
    assert [run.id for run in queue.waiting(store)] == three[1:]
    assert queue.advance(store) == []
    store.finish(three[0], "done")
    assert queue.advance(store) == [three[1]]
    store.finish(three[1], "failed", "It is not to be.")
    assert queue.advance(store) == [three[2]]
    assert no_process == three
    assert store.get(three[2]).queued is None


def test_as_many_at_a_time_as_are_set(store, three, no_process):
    for run_id in three:
        queue.enqueue(store, run_id)
    queue.set_concurrent_runs(store, 2)
    assert statuses(store, three) == ["running", "running", "queued"]
    assert queue.concurrent_runs(Store(store.home)) == 2
    for wrong in (0, -1, queue.MAX_RUNS + 1):
        with pytest.raises(InputError, match=r"The number of concurrent runs is 1 to 16"):
            queue.set_concurrent_runs(store, wrong)
    assert queue.concurrent_runs(store) == 2


def test_a_run_of_the_command_line_takes_room_too(store, three, no_process):
    store.claim(three[0])
    queue.enqueue(store, three[1])
    assert store.get(three[1]).status == "queued"


def test_many_processes_that_look_at_once_start_one(store, three, no_process):
    store.claim(three[0])
    queue.enqueue(store, three[1])
    queue.enqueue(store, three[2])
    store.finish(three[0], "done")
    together = threading.Barrier(8)

    def look():
        own = Store(store.home)
        together.wait()
        queue.advance(own)
        own.close()

    threads = [threading.Thread(target=look) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert no_process == [three[1]]


def test_a_run_that_waits_keeps_its_place_and_one_that_runs_is_refused(store, three, no_process):
    for run_id in (*three, three[1]):
        queue.enqueue(store, run_id)
    assert [run.id for run in queue.waiting(store)] == three[1:]
    with pytest.raises(InputError, match="running already"):
        queue.enqueue(store, three[0])
    store.finish(three[0], "done")
    with pytest.raises(InputError, match="is done"):
        queue.enqueue(store, three[0])


def test_a_run_taken_out_is_as_it_was_before(store, three, no_process):
    for run_id in three:
        queue.enqueue(store, run_id)
    queue.withdraw(store, three[1])
    assert store.get(three[1]).status == "created"
    store.finish(three[0], "done")
    assert queue.advance(store) == [three[2]]
    with pytest.raises(InputError, match="is not in the queue: it is running"):
        queue.withdraw(store, three[2])
    store.finish(three[2], "stopped")
    store.claim(three[1])
    queue.enqueue(store, three[2])
    queue.withdraw(store, three[2])
    assert store.get(three[2]).status == "stopped", "its results stay within reach"


def test_a_stop_ends_a_waiting_run(store, three, no_process):
    queue.enqueue(store, three[0])
    queue.enqueue(store, three[1])
    store.control(three[1], stop=True)
    store.finish(three[0], "done")
    assert queue.advance(store) == []
    assert store.get(three[1]).status == "stopped"


def test_a_run_that_cannot_be_started_makes_way_for_the_next(store, three, monkeypatch, no_process):
    spawn = LocalLauncher.start

    def broken(self, run):
        if run.id == three[0]:
            raise FileNotFoundError(2, "No such file or directory")
        return spawn(self, run)

    monkeypatch.setattr(LocalLauncher, "start", broken)
    store.claim(three[2])
    queue.enqueue(store, three[0])
    queue.enqueue(store, three[1])
    store.finish(three[2], "done")
    assert queue.advance(store) == [three[1]]
    assert store.get(three[0]).status == "failed"
    assert "could not be started" in store.get(three[0]).reason


def test_the_queue_outlives_its_processes_and_its_index(store, three, no_process):
    for run_id in (three[0], three[2], three[1]):
        queue.enqueue(store, run_id)
    store.close()
    assert [run.id for run in queue.waiting(Store(store.home))] == [three[2], three[1]]
    for path in store.home.glob("dsc.sqlite*"):
        path.unlink()
    anew = Store(store.home)
    assert len(anew.list()) == 3
    assert [run.id for run in queue.waiting(anew)] == [three[2], three[1]]


def test_a_waiting_run_copied_to_another_workspace_does_not_start_there(store, three, no_process, tmp_path):
    queue.enqueue(store, three[0])
    queue.enqueue(store, three[1])
    other = Store(tmp_path / "other")
    shutil.copytree(store.folder(three[1]), other.folder(three[1]))
    assert other.get(three[1]).status == "created"
    assert queue.advance(other) == []


# With real processes ---------------------------------------------------------------------------------------


def test_the_ending_worker_starts_the_next_one(store, three, fake_training):
    for run_id in three:
        queue.enqueue(store, run_id)
    until(lambda: statuses(store, three) == ["done"] * 3)
    times = [(run.started, run.ended) for run in map(store.get, three)]
    assert all(ended <= started for (_, ended), (started, _) in itertools.pairwise(times))


def test_a_failing_worker_starts_the_next_one_too(store, three, fake_training, monkeypatch):
    monkeypatch.setenv("FAKE", "raise:ValueError")
    queue.enqueue(store, three[0])
    queue.enqueue(store, three[1])
    until(lambda: statuses(store, three[:2]) == ["failed"] * 2)


def test_training_in_the_foreground_starts_the_next_one_at_its_end(store, three, fake_training):
    store.claim(three[0])
    queue.enqueue(store, three[1])
    store.finish(three[0], "stopped")
    assert store.get(three[1]).status == "queued"
    execute(store, three[2])
    until(lambda: store.get(three[1]).status == "done")


def test_the_queue_goes_on_behind_a_killed_worker_though_nobody_looks(
    store, three, fake_training, monkeypatch
):
    monkeypatch.setattr(queue, "PERIOD", 0.05)
    monkeypatch.setenv("FAKE", "endless")
    queue.enqueue(store, three[0])
    monkeypatch.setenv("FAKE", "")
    queue.enqueue(store, three[1])
    queue.watch(store)
    run = until(lambda: len(store.events(three[0])) > 3 and store.get(three[0]))
    os.kill(run.pid, signal.SIGKILL)
    until(lambda: store.get(three[1]).status == "done")
    assert store.get(three[0]).reason == failures.KILLED
    keeper = queue._watchers[store.home]
    keeper.join(5)
    assert not keeper.is_alive(), "with nobody waiting, nobody watches"


def test_the_worker_command_is_what_the_queue_starts(store, three, monkeypatch):
    monkeypatch.setattr(launcher, "worker_command", lambda run_id: ["/nowhere/python"])
    queue.enqueue(store, three[0])
    assert store.get(three[0]).status == "failed"


# A workspace's own process with a faked training, which does what its arguments say.
PROCESS = """
import sys, time
from dsc_core.runs import Store, launcher, queue
launcher.worker_command = lambda run_id: [sys.executable, sys.argv[1], run_id]
if sys.argv[2] == "serve":
    for run_id in sys.argv[3:]:
        queue.enqueue(Store(), run_id)
    queue.watch(Store())
    print("waiting", flush=True)
    time.sleep(600)
else:
    from dsc_core.cli.main import main
    sys.exit(main(sys.argv[2:]))
"""


def process(*arguments, **more):
    """PROCESS with these arguments."""
    command = [sys.executable, "-c", PROCESS, fakes.__file__, *arguments]
    return subprocess.Popen(command, cwd=launcher.ROOT, stdout=subprocess.PIPE, text=True, **more)


def trainings(store, run_id):
    """How often the run has begun to train."""
    return (store.folder(run_id) / "log.txt").read_text().count("Training on")


@pytest.fixture
def stalled(store, three, monkeypatch):
    """Three runs: the first one's worker and the server that would have started the next were killed."""
    monkeypatch.setenv("FAKE", "endless")
    server = process("serve", *three)
    assert server.stdout.readline() == "waiting\n"
    until(lambda: len(store.events(three[0])) > 3)
    pid = store.get(three[0]).pid
    for victim in (server.pid, pid):
        os.kill(victim, signal.SIGKILL)
    server.wait()
    until(lambda: processes.identity(pid) is None)
    monkeypatch.setenv("FAKE", "")
    assert [run.id for run in queue.waiting(store)] == three[1:]
    return three


def test_any_command_takes_up_a_queue_whose_processes_were_all_killed(store, stalled):
    shown = process("show", stalled[0], "--json")
    assert json.loads(shown.communicate()[0])["status"] == "failed"
    until(lambda: statuses(store, stalled) == ["failed", "done", "done"])
    assert [trainings(store, run_id) for run_id in stalled] == [1, 1, 1]


def test_commands_at_the_same_moment_start_each_waiting_run_once(store, stalled):
    both = [process("list", "--json") for _ in range(3)] + [
        process("show", "nobody", stderr=subprocess.DEVNULL)
    ]
    assert [one.communicate() and one.returncode for one in both] == [0, 0, 0, 2]
    until(lambda: statuses(store, stalled) == ["failed", "done", "done"])
    assert [trainings(store, run_id) for run_id in stalled] == [1, 1, 1]


# Graphics cards, whose number is made up ---------------------------------------------------------------------


@pytest.fixture
def cards(monkeypatch):
    monkeypatch.setattr(launch, "card_count", lambda: 2)


def test_one_run_a_graphics_card_until_another_number_is_set(store, dataset, config, no_process, cards):
    assert queue.concurrent_runs(store) == 2
    one = config.replace(device="auto", processes=1)
    runs = [store.create(dataset, one, name=f"card {i}") for i in range(4)]
    for run_id in runs:
        queue.enqueue(store, run_id)
    assert statuses(store, runs) == ["running", "running", "queued", "queued"]
    assert [store.get(run_id).cards for run_id in runs[:2]] == [(0,), (1,)]
    store.finish(runs[0], "done")
    queue.advance(store)
    assert store.get(runs[2]).cards == (0,), "the card that has become free"
    queue.set_concurrent_runs(store, 3)
    assert store.get(runs[3]).status == "running"


def test_a_claimed_run_keeps_its_card_and_one_of_the_command_line_takes_the_first(
    store, three, dataset, config, no_process, cards
):
    free = [store.create(dataset, config.replace(device="cuda"), name=f"card {i}") for i in range(2)]
    store.claim(free[0])
    store.start(free[1])
    assert store.get(free[1]).cards == (1,)
    store.claim(free[1])  # the process that was started, which here is this one
    assert store.get(free[1]).cards == (1,)
    store.start(three[0])
    assert store.get(three[0]).cards == (), "it computes on the CPU"


def test_a_run_that_torchrun_s_own_command_started_has_a_card_a_process(
    store, dataset, config, no_process, cards, monkeypatch
):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    both, cpu = (store.create(dataset, config.replace(device=device)) for device in ("auto", "cpu"))
    store.claim(both)
    store.claim(cpu)
    assert (store.get(both).cards, store.get(cpu).cards) == ((0, 1), ())


def test_a_run_on_several_cards_waits_for_as_many_places(store, dataset, config, no_process, cards):
    one, both, last = (
        store.create(dataset, config.replace(device="auto", processes=number), name=name)
        for number, name in ((1, "one"), (2, "both"), (1, "last"))
    )
    for run_id in (one, both, last):
        queue.enqueue(store, run_id)
    assert statuses(store, [one, both, last]) == ["running", "queued", "queued"], "nobody overtakes"
    store.finish(one, "done")
    queue.advance(store)
    assert statuses(store, [both, last]) == ["running", "queued"]
    assert store.get(both).cards == (0, 1)
    store.finish(both, "done")
    assert queue.advance(store) == [last]


def test_a_single_run_takes_all_cards_and_those_of_a_full_queue_take_one_each(
    store, dataset, config, no_process, cards
):
    runs = [store.create(dataset, config.replace(device="auto"), name=f"open {i}") for i in range(4)]
    for run_id in runs:
        queue.enqueue(store, run_id)
    assert store.get(runs[0]).cards == (0, 1), "nobody else waited"
    assert statuses(store, runs) == ["running", "queued", "queued", "queued"]
    store.finish(runs[0], "done")
    assert queue.advance(store) == runs[1:3]
    assert [store.get(run_id).cards for run_id in runs[1:3]] == [(0,), (1,)]
    store.finish(runs[1], "done")
    assert queue.advance(store) == runs[3:]
    assert store.get(runs[3]).cards == (0,), "the other card is in use"


def test_the_process_sees_its_own_card_and_several_are_started_by_torchrun(
    store, dataset, config, cards, monkeypatch
):
    called = []

    def popen(command, env, **more):
        called.append((command, env))
        return SimpleNamespace(pid=os.getpid(), wait=lambda: 0, kill=lambda: None)

    monkeypatch.setattr(launcher.subprocess, "Popen", popen)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    runs = [
        store.create(dataset, config.replace(device="auto", processes=number)) for number in (0, 1, 1, 2, 0)
    ]
    store.start(runs[0])
    store.finish(runs[0], "done")
    for run_id in runs[1:]:
        store.start(run_id)
    assert [env["CUDA_VISIBLE_DEVICES"] for _, env in called] == ["0,1", "0", "1", "0,1", "0"]
    several = ["torch.distributed.run" in command for command, _ in called]
    assert several == [True, False, False, True, False]


# What a waiting run waits for ---------------------------------------------------------------------------------


def test_a_waiting_run_says_its_place_and_that_a_paused_run_is_in_its_way(store, three, no_process):
    for run_id in three:
        queue.enqueue(store, run_id)
    assert queue.outlook(store, three[0]) == ""
    assert queue.outlook(store, three[2]).startswith("Number 2 of 2 in the queue. It starts in about ")
    store.set_paused(three[0], True)
    assert (store.get(three[0]).status, store.get(three[0]).phase) == ("running", "paused")
    assert queue.outlook(store, three[1]).startswith(
        "Number 1 of 2 in the queue. It waits for the run 'run 0', which is paused: resume or stop that run, or start"
        " this one now. It then takes about "
    )
    store.set_paused(three[0], False)
    store.index.update_run(three[0], heartbeat=1.0)
    assert store.get(three[0]).phase == "silent"
    assert "'run 0', which does not answer" in queue.outlook(store, three[1])
    store.finish(three[0], "done")
    assert store.get(three[0]).phase == "done"


def test_a_waiting_run_is_started_beside_a_paused_one(store, three, no_process):
    for run_id in three:
        queue.enqueue(store, run_id)
    store.set_paused(three[0], True)
    queue.start_now(store, three[2])
    assert statuses(store, three) == ["running", "queued", "running"]
    assert [run.id for run in queue.waiting(store)] == [three[1]]
    with pytest.raises(InputError, match="running already"):
        queue.start_now(store, three[2])
    store.finish(three[2], "done")
    assert queue.advance(store) == [], "the paused run still has its place"
    with pytest.raises(InputError, match="is done"):
        queue.start_now(store, three[2])


@pytest.fixture
def serve():
    """Starts a server of the workspace that queues runs and watches them; all are killed at the end."""
    servers = []

    def start(*run_ids):
        servers.append(process("serve", *run_ids))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
        server.wait()
        server.stdout.close()


def test_two_servers_on_one_workspace_start_each_waiting_run_once(store, three, serve, monkeypatch):
    monkeypatch.setenv("FAKE", "endless")
    first = serve(three[0])
    assert first.stdout.readline() == "waiting\n"
    monkeypatch.setenv("FAKE", "")
    others = [serve(*three[1:]) for _ in range(2)]
    assert [server.stdout.readline() for server in others] == ["waiting\n"] * 2
    until(lambda: len(store.events(three[0])) > 3)
    first.kill()  # the run that it started goes on without it
    first.wait()
    assert store.get(three[0]).status == "running"
    os.kill(store.get(three[0]).pid, signal.SIGKILL)
    until(lambda: statuses(store, three) == ["failed", "done", "done"])
    assert [trainings(store, run_id) for run_id in three] == [1, 1, 1]
