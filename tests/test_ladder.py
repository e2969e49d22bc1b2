"""The ladder of the benchmarks: every rung on a small case, and its table and picture."""

import numpy as np
import pytest
import torch

from dsc_core.presets import preset
from tests.benchmarks import ladder
from tests.method.test_graph import blobs


def result(data="digits", seed=0, **more):
    config = preset("paper", clusters=10, seed=seed).to_dict()
    scores = {rung: {"acc": 0.5 + seed / 10, "nmi": 0.4, "ari": 0.3} for rung in ladder.RUNGS}
    about = {"data": data, "seed": seed, "revision": ladder.REVISION, "steps": ladder.STEPS}
    return {**about, "config": config, "rungs": scores} | more


def test_every_rung_labels_every_sample(monkeypatch):
    monkeypatch.setattr(ladder, "STEPS", 3)
    codes = torch.from_numpy(blobs(groups=4, size=40)[0])
    found = dict(ladder.rungs(codes, preset("paper", clusters=4, joint_batch=64, spectral_width=32)))
    assert [ladder.PAPER, *found] == list(ladder.RUNGS)
    for labels in found.values():
        assert labels.shape == (160,)
        assert set(np.unique(labels)) <= set(range(4))


def test_the_table_and_the_picture_show_every_rung_and_what_is_not_current():
    results = {"digits": [result(seed=0), result(seed=2)], "usps": [result("usps", steps=1)]}
    table, svg = ladder.table(results), ladder.picture(results).svg()
    assert table.count("| .600 ± .141 / .400 ± .000 | .500 / .400 |") == len(ladder.RUNGS)
    assert "digits, seeds 0, 2 | usps †, seeds 0" in table
    assert "† by an earlier revision" in table
    assert svg.count("<rect") >= 2 * len(ladder.RUNGS)
    assert ladder.table({}) == "No results yet."


@pytest.mark.parametrize("changes", [{"revision": 1}, {"steps": 1}, {"rungs": {}}])
def test_a_result_of_other_settings_is_not_current(changes):
    assert ladder.is_current(result())
    assert not ladder.is_current(result(**changes))


def test_what_was_measured_is_not_measured_again(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(ladder, "RESULTS", tmp_path)
    monkeypatch.setattr(ladder, "climb", lambda data, seed: result(data, seed))
    monkeypatch.setattr(ladder, "collected", lambda: {})
    assert ladder.main(["--data", "digits", "--seeds", "0"]) == 0
    assert ladder.main(["--data", "digits", "--seeds", "0"]) == 0
    assert capsys.readouterr().err == "digits 0: up to date\n"
