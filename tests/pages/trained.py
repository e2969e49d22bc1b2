"""A run for the pages to show, trained in a moment."""

import numpy as np

from dsc_core.data import Dataset
from dsc_core.presets import preset
from dsc_core.runs import Store, execute

FEW = 14  # so few that the maps are drawn without UMAP, which takes long to compile


def trained(kind: str, labelled: bool, map_every: int = 0) -> str:
    """A run of a few samples in three groups, trained for an epoch of each stage; its id."""
    rng = np.random.default_rng(0)
    groups = np.arange(FEW) % 3
    shape = (1, 8, 8) if kind == "image" else (5,)
    samples = (rng.normal(size=(FEW, *shape)) * 0.1 + groups.reshape(-1, *[1] * len(shape))).astype(
        np.float32
    )
    ids = np.array([f"<b>{i}</b>*x*.png" for i in range(FEW)])
    labels = np.array(["a|b", "$c$", "<i>"])[groups] if labelled else None
    dataset = Dataset(
        "few", samples, ids, labels, kind, scaling=(0.0, 0.5) if kind == "image" else (0.0, 1.0)
    )
    config = preset(
        "quick",
        clusters=3,
        epochs=1,
        joint_epochs=1,
        least_steps=0,
        neighbours=3,
        batch=8,
        map_every=map_every,
        second_view="none",  # the groups differ in brightness alone, which the scattering transform hardly sees
    )
    store = Store()
    run_id = store.create(dataset, config)
    execute(store, run_id)
    store.close()
    return run_id


def at(app, run_id: str, page: str):
    """The app on a page about the run."""
    app.query_params["run"] = run_id
    app.run()
    app.switch_page(page).run()
    assert not app.exception
    return app
