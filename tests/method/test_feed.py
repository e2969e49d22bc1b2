"""Samples by index: from the memory of the host and from the device, whole and in part."""

import numpy as np
import pytest
import torch

from dsc_core.method import feed as feeds
from dsc_core.method.feed import Feed, on_device, uploaded

CPU = torch.device("cpu")
SAMPLES = np.random.default_rng(0).integers(0, 255, (50, 3, 5, 4), dtype=np.uint8)
SCALING = (10.0, 1 / 245)


@pytest.mark.parametrize("rows", [None, np.array([4, 9, 30, 49])])
def test_samples_on_the_device_are_those_of_the_host(rows, monkeypatch):
    monkeypatch.setattr(feeds, "UPLOAD", 7 * SAMPLES[0].nbytes)  # several blocks, the last one smaller
    host = Feed(SAMPLES, SCALING, CPU, rows)
    there = Feed(SAMPLES, SCALING, CPU, rows, uploaded(SAMPLES, CPU))
    index = np.array([3, 0, 1, 3])
    for positions in (index, torch.from_numpy(index)):
        assert torch.equal(there(positions), host(index))
        assert there(positions).stride() == host(index).stride()
    part = Feed(SAMPLES, SCALING, CPU, None, uploaded(SAMPLES, CPU)).part(np.array([8, 5]))
    assert torch.equal(part(torch.tensor([1])), Feed(SAMPLES, SCALING, CPU)(np.array([5])))


def test_only_a_graphics_card_with_room_takes_all_samples(monkeypatch):
    assert on_device(SAMPLES, CPU) is None
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (SAMPLES.nbytes, 10 * SAMPLES.nbytes))
    assert on_device(SAMPLES, torch.device("cuda")) is None
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (3 * SAMPLES.nbytes, 10 * SAMPLES.nbytes))
    monkeypatch.setattr(feeds, "uploaded", lambda samples, device: (len(samples), device.type))
    assert on_device(SAMPLES, torch.device("cuda")) == (50, "cuda")
