"""Threads: one in a block and as before after it, shares of the cores, and the quotas of control groups."""

import os
import threading

import numpy as np
import pytest
import scipy.linalg
import torch

from dsc_core import threads


def numbers() -> set[int]:
    """The numbers of threads that the loaded libraries use in the calling thread."""
    np.ones((2, 2)) @ scipy.linalg.inv(np.eye(2))
    return {torch.get_num_threads(), *(pool["num_threads"] for pool in threads._pools().info())}


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    threads.set_threads(2)
    yield
    threads.set_threads(before)


def test_a_block_computes_on_one_thread_and_restores_the_numbers():
    assert numbers() == {2}
    with threads.one_thread():
        assert numbers() == {1}
        with threads.one_thread():
            assert numbers() == {1}
        assert numbers() == {1}
    assert numbers() == {2}


def test_the_numbers_are_restored_after_an_error():
    with pytest.raises(ZeroDivisionError), threads.one_thread():
        raise ZeroDivisionError
    assert numbers() == {2}


def test_a_decorated_function_computes_on_one_thread():
    assert threads.one_thread()(numbers)() == {1}
    assert numbers() == {2}


def test_blocks_of_several_threads_overlap_in_any_order():
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with threads.one_thread():
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    with threads.one_thread():
        other.start()
        assert entered.wait(10)
    blas = {pool["num_threads"] for pool in threads._pools().info() if pool["user_api"] == "blas"}
    assert blas == {1}, "the other thread is still inside"
    leave.set()
    other.join()
    assert numbers() == {2}


def test_the_cores_are_shared_and_nobody_gets_none(monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 16)
    assert [threads.share(runs) for runs in (0, 1, 2, 3, 16, 40)] == [16, 16, 8, 5, 1, 1]


def test_a_person_sets_the_number(monkeypatch):
    for text, number in {"3": 3, "4,2": 4, " 5 ": 5, "": None, "0": None, "many": None}.items():
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert threads.wanted() == number


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity is Linux's")
def test_affinity_limits_the_cores():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert threads.available() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert 1 <= threads.available() <= len(before)


def test_the_smallest_quota_of_the_control_groups_counts(monkeypatch, tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "a" / "cpu.max").write_text("250000 100000\n")
    (tmp_path / "a" / "b" / "cpu.max").write_text("800000 100000\n")
    assert threads._limits(tmp_path, "/a/b", "cpu.max") == [8.0, 2.5]
    (tmp_path / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    assert threads._limits(tmp_path, "/", "cpu.cfs_quota_us", "cpu.cfs_period_us") == []
    for quota, cores in {2.5: 2, 0.5: 1, 100.0: 8, None: 8}.items():
        monkeypatch.setattr(threads, "_quota", lambda quota=quota: quota)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
        assert threads.available() == cores
