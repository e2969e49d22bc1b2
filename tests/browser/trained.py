"""A run for the browser tests to look at, trained in a few seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsc_core.analysis import umap_map
from dsc_core.data import Dataset, open_dataset
from dsc_core.presets import preset
from dsc_core.runs import Store, execute

SAMPLES = 400


def trained(home: Path) -> str:
    """The id of a finished run on a part of digits, in the workspace `home`.

    Its maps are principal axes: UMAP takes long to compile.
    """
    patch = pytest.MonkeyPatch()
    patch.setenv("DSC_HOME", str(home))
    patch.setattr(
        umap_map, "project", lambda points, seed, progress=None: umap_map.principal_axes(np.array(points), 2)
    )
    whole = open_dataset("digits")
    dataset = Dataset(
        "digits", whole.samples[:SAMPLES], whole.ids[:SAMPLES], whole.labels[:SAMPLES], "image", whole.scaling
    )
    store = Store()
    run_id = store.create(dataset, preset("quick", clusters=10, epochs=8, joint_epochs=1, least_steps=0))
    execute(store, run_id)
    store.close()
    patch.undo()
    return run_id
