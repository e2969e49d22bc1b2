"""The mark of a run's graph: what it depends on, and that runs of earlier versions keep theirs."""

from types import SimpleNamespace

import numpy as np
import pytest

from dsc_core.config import FURTHER, Config
from dsc_core.presets import preset
from dsc_core.runs.artifacts.graph import mark_of

LATENT = np.zeros((20, 3), np.float32)
OFF = dict.fromkeys(FURTHER, "off")


def mark(config: Config, kind: str = "image") -> str:
    run = SimpleNamespace(config=config, dataset={"kind": kind, "shape": [1, 8, 8]}, samples=20)
    return mark_of(run, LATENT)


@pytest.mark.parametrize("name", FURTHER)
def test_a_transform_of_the_copies_changes_the_graph(name):
    config = preset("standard", **OFF)
    assert mark(config.replace(**{name: "on"})) != mark(config)
    plain = preset("no-copies", **OFF)
    assert mark(plain.replace(**{name: "on"})) == mark(plain)  # no copies, no transforms
    assert mark(config.replace(**{name: "on"}), "table") == mark(config, "table")


def test_runs_of_before_there_were_transforms_keep_their_graphs():
    config = preset("standard", **OFF)
    before = {name: value for name, value in config.to_dict().items() if name not in FURTHER}
    assert mark(Config.from_dict(before)) == mark(config)
