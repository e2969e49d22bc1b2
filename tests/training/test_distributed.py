"""Several processes train as a single one does with the same batches; real processes, over gloo on the CPU."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dsc_core.errors import InputError
from dsc_core.method.share import Share
from dsc_core.training import distributed
from dsc_core.training.distributed import ProcessShare
from tests.training import partner

CASES = [*partner.CASES, "steered", "resumed", "spoilt"]


def together(number, folder, cases):
    """The results of each of so many processes, by rank."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(number),
        "OMP_NUM_THREADS": "1",
    }
    call = [sys.executable, partner.__file__, str(folder), *cases]
    started = [
        subprocess.Popen(call, env={**os.environ, **variables, "RANK": str(rank)}) for rank in range(number)
    ]
    try:
        assert [process.wait(120) for process in started] == [0] * number
    finally:
        [process.kill() for process in started]
    return [json.loads((Path(folder) / f"{rank}.json").read_text()) for rank in range(number)]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return together(2, tmp_path_factory.mktemp("two"), CASES)


def check_same(results, case):
    """All processes have, at every step, the losses of a single process."""
    alone = json.loads(json.dumps(partner.observe(case)))
    for one in results:
        steps = one[case]["losses"]
        assert [step for step, _ in steps] == [step for step, _ in alone["losses"]]
        for (step, losses), (_, wanted) in zip(steps, alone["losses"], strict=True):
            assert losses.keys() == wanted.keys()
            for name, value in wanted.items():
                assert losses[name] == pytest.approx(value, rel=1e-6, abs=1e-9), (step, name)
    assert len({one[case]["networks"] for one in results}) == 1, "the networks stay the same everywhere"
    assert all(one[case]["labels"] is None for one in results[1:])
    assert np.mean(np.array(results[0][case]["labels"]) == alone["labels"]) > 0.95
    return alone


@pytest.mark.parametrize("case", partner.CASES)
def test_two_processes_have_the_losses_of_one_in_both_stages(two, case):
    alone = check_same(two, case)
    assert len(alone["losses"]) >= 20
    names = [set(losses) for _, losses in alone["losses"]]
    assert "spectral" not in names[9]
    assert "spectral" in names[10], "the joint stage is among the first 20 steps"


def test_three_processes_have_the_losses_of_one(tmp_path):
    check_same(together(3, tmp_path, ["all"]), "all")


def test_requests_to_the_first_process_reach_all_at_the_same_step(two):
    alone = check_same(two, "steered")
    assert [step for step, _ in alone["losses"]] == list(range(1, 14))  # two of the polls were waits
    for one in two:
        losses = one["steered"]["losses"]
        assert "local_mi" in losses[3][1]
        assert "local_mi" not in losses[4][1]
        assert "Noise level 0.5 → 0" in one["steered"]["notes"][-2]
        assert "Stopped" in one["steered"]["notes"][-1]


def test_training_continues_from_a_checkpoint(two):
    assert check_same(two, "resumed")["losses"][0][0] == 11


def test_all_processes_step_back_after_a_bad_loss(two):
    alone = check_same(two, "spoilt")
    assert sum("half the learning rate" in note for note in alone["notes"]) == 2
    assert all(
        one["spoilt"]["notes"] == two[0]["spoilt"]["notes"][: len(one["spoilt"]["notes"])] for one in two
    )


# The parts, in this process ----------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "size"), [(7, 1), (7, 2), (8, 3), (97, 8), (4, 4)])
def test_every_row_belongs_to_one_process_and_the_shares_are_nearly_equal(count, size):
    shares = [ProcessShare(count, rank, size) for rank in range(size)]
    rows = np.concatenate([share.mine(np.arange(count)) for share in shares])
    assert rows.tolist() == list(range(count))
    lengths = [share.rows.stop - share.rows.start for share in shares]
    assert max(lengths) - min(lengths) <= 1
    assert min(lengths) > 0


@pytest.mark.parametrize(("count", "size", "step"), [(256, 3, 4), (17, 5, 3), (64, 1, 4), (9, 4, 2)])
def test_of_every_so_many_rows_each_belongs_to_the_process_that_has_it(count, size, step):
    shares = [ProcessShare(count, rank, size) for rank in range(size)]
    chosen, last = [], 0
    for share in shares:
        own = np.arange(count)[share.rows]
        chosen += own[-share.rows.start % step :: step].tolist()
        part = share.every(step)
        assert part.rows.start == last
        last = part.rows.stop
        assert last == len(chosen)
    assert chosen == list(range(0, count, step))
    assert part.count == len(chosen) == Share(count).every(step).count


def test_in_a_single_process_nothing_is_exchanged():
    values, nets = torch.arange(6.0).reshape(3, 2), torch.nn.Sequential(torch.nn.BatchNorm1d(2))
    share = distributed.share(3)
    assert share.whole(values)[0] is values
    assert share.mine(values) is values
    assert share.mean({"a": values}) == {"a": values}
    assert type(distributed.normalised_together(nets)[0]) is torch.nn.BatchNorm1d
    assert distributed.once(lambda: 5) == 5
    assert (distributed.size(), distributed.first()) == (1, True)
    assert not isinstance(distributed.averaged(nets), torch.nn.parallel.DistributedDataParallel)
    distributed.spread(nets)
    distributed.check(torch.device("cuda"), 0)


def test_more_processes_than_cards_or_than_samples_in_a_batch_are_refused(monkeypatch):
    monkeypatch.setattr(distributed, "_joined", True)
    monkeypatch.setattr(distributed, "size", lambda: 4)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match=r"4 processes need a CUDA device each, and 2 can be used"):
        distributed.check(torch.device("cuda"), 100)
    with pytest.raises(InputError, match=r"A batch of 3 samples is too small for 4 processes"):
        distributed.check(torch.device("cpu"), 3)
    distributed.check(torch.device("cpu"), 4)
