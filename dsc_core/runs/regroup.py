"""Another number of clusters on a latent that is there: a new run that keeps the networks of one that has ended.

What depends on K is made anew: the spectral network with its K' coordinates and K logits, the clusters' centres
and their expected sizes. All else (encoder, decoder, discriminators) is taken as it is. The new run begins where
stage 1 ends and has no stage 2: what is left to it is to build the graph of this latent, read it out with the new
K, teach the spectral network what it says, and draw the maps.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsc_core.config import KNOBS, Config, checked
from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.runs import checkpoints
from dsc_core.runs.files import write_whole
from dsc_core.runs.store import Run, Store, event_line

OF_K = ("spectral.", "centres", "shares")  # the parts of the networks whose shape or meaning depends on K


def regroup(store: Store, run_id: str, clusters: int, name: str | None = None) -> str:
    """A new run of `clusters` clusters that keeps the latent of the run `run_id`; its id. It has not been started.

    InputError where the run has not ended with a model, or K is out of range; RunError where the model or the
    data set cannot be read, or the disk is full.
    """
    from dsc_core.data.store import is_stored

    parent = store.get(run_id)
    clusters = checked(KNOBS["clusters"], clusters)
    if not parent.finished or not (parent.folder / "model" / "model.json").is_file():
        raise InputError(f"The run '{parent.name}' has no trained latent to keep: it is {parent.status}.")
    if clusters > parent.samples:
        raise InputError(f"{parent.samples} samples cannot make {clusters} clusters; choose fewer clusters.")
    if not is_stored(str(parent.dataset.get("key", "")), store.home):
        raise RunError("The data set of this run is not in the workspace: open it again on the Data page.")
    if name is not None:
        store._check_name(name)
    state, before = state_with(parent.folder / "model", clusters)
    changes = {"clusters": [before.clusters, clusters], "joint_epochs": [before.joint_epochs, 0]}
    source = {"run": parent.id, "name": parent.name, "checkpoint": "", "epoch": state.epoch, "step": 0}
    run = store._new_run(
        name, f"{parent.name} K{clusters}", parent.dataset, state.config, source | {"changes": changes}
    )
    note = event_line(1, told(parent, state, clusters).to_json())

    def fill(folder: Path) -> None:
        write_whole(folder / "events.jsonl", note)
        checkpoints.save(folder, state, 1)

    store._keep_new(run, fill)
    with store._transaction() as db:
        store._catch_up(db, run.id)
    return run.id


def told(parent: Run, state, clusters: int) -> Event:
    """The event that tells where the latent comes from."""
    message = f"Keeps the latent of {parent.name}, with {clusters} clusters in place of {parent.clusters}."
    return Event("note", state.stage, state.epoch, state.epochs, state.step, message=message)


def state_with(model: Path, clusters: int):
    """The `State` at the end of stage 1 with the networks kept in the folder `model`, and that model's Config.

    Its settings are the model's with another K and no stage 2. RunError where the model cannot be read.
    """
    import torch

    from dsc_core.method.networks.networks import Networks
    from dsc_core.model import Fitted
    from dsc_core.training.checkpoint import Carry, pack
    from dsc_core.training.clock import Clock
    from dsc_core.training.trainer import make_optimiser

    fitted = Fitted.load(model, device="cpu")
    config: Config = fitted.config.replace(clusters=clusters, joint_epochs=0)
    with torch.random.fork_rng(devices=[]):  # the server's own generator is nobody's affair
        torch.manual_seed(config.seed)
        nets = Networks(fitted.shape, config)
        kept = {k: v for k, v in fitted.nets.state_dict().items() if not k.startswith(OF_K)}
        fresh = {k: v for k, v in nets.state_dict().items() if k.startswith(OF_K)}
        nets.load_state_dict(kept | fresh)
        clock = Clock(config, epoch=config.epochs)
        optimiser = make_optimiser(nets, "autoencoder", config)
        state = pack(nets, optimiser, np.random.default_rng(config.seed), clock, config, Carry())
    return state, fitted.config
