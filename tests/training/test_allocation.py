"""Blocks of memory that stay with the process between two steps, and are given back after training."""

import json
import subprocess
import sys

import pytest

from dsc_core.training import allocation

# In a process of its own: the limits hold for a whole process.
SCRIPT = """
import json, resource, torch
from dsc_core.training import allocation

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        parts = [torch.zeros(1_000_000) for _ in range(10)]
        del parts
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

torch.set_num_threads(1)
allocation.give_back()
usual = faults()
assert allocation.keep_blocks()
faults()
kept, held = faults(), resident()
assert allocation.give_back()
print(json.dumps([usual, kept, held, resident()]))
"""


@pytest.mark.skipif(allocation._glibc() is None, reason="only glibc can be told")
def test_blocks_are_kept_between_steps_and_given_back():
    out = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    usual, kept, held, after = json.loads(out)
    assert kept < usual / 10
    assert after < held - 20_000_000


def test_another_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(allocation, "_glibc", lambda: None)
    assert not allocation.keep_blocks()
    assert not allocation.give_back()
