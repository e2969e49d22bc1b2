"""Another number of clusters on a trained latent space: a new run that keeps the networks of one that has ended.

What depends on K is made anew: the spectral network with its K' coordinates and K logits, the clusters' centres and
their expected sizes. Everything else (encoder, decoder, discriminators) is kept. The new run begins where stage 1 ends
and has no stage 2: it builds the graph of this latent space, cuts it into K clusters, teaches the spectral network
these clusters, and draws the maps.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsc_core.config import KNOBS, Config
from dsc_core.errors import InputError, RunError
from dsc_core.events import Event
from dsc_core.runs import checkpoints
from dsc_core.runs.event_log import FILE as EVENTS
from dsc_core.runs.files import write_whole
from dsc_core.runs.folder import event_line
from dsc_core.runs.run import Run, new_run
from dsc_core.runs.store import Store
from dsc_core.training.checkpoint import State

DEPEND_ON_K = ("spectral.", "centres", "shares")  # the networks' parts whose shape or meaning depends on K


def regroup(store: Store, run_id: str, clusters: int, name: str | None = None) -> str:
    """A new run of `clusters` clusters that keeps the latent space of the run `run_id`. → its id; it is not started.

    InputError if the run has not ended with a model, or K is out of range; RunError if the model or the data set
    cannot be read, or the disk is full.
    """
    parent = store.get(run_id)
    clusters = int(KNOBS["clusters"].validate(clusters))
    _check(store, parent, clusters)
    store.check_name(name)
    state, before = state_with(parent.folder / "model", clusters)
    changes = {"clusters": [before.clusters, clusters], "joint_epochs": [before.joint_epochs, 0]}
    source = {"run": parent.id, "name": parent.name, "checkpoint": "", "epoch": state.epoch, "step": 0}
    source |= {"changes": changes}
    run = new_run(name, f"{parent.name} K{clusters}", parent.dataset, state.config, store.home, source)
    note = event_line(1, _note(parent, state, clusters).to_json())

    def fill(folder: Path) -> None:
        write_whole(folder / EVENTS, note)
        checkpoints.save(folder, state, 1)

    return store.add(run, fill)


def _check(store: Store, parent: Run, clusters: int) -> None:
    """InputError or RunError if the run cannot be clustered anew into so many clusters."""
    from dsc_core.data.store import is_stored

    if not parent.finished or not (parent.folder / "model" / "model.json").is_file():
        raise InputError(f"The run '{parent.name}' has no trained latent space: it is {parent.status}.")
    if clusters > parent.samples:
        raise InputError(f"{parent.samples} samples cannot make {clusters} clusters; choose fewer clusters.")
    if not is_stored(str(parent.dataset.get("key", "")), store.home):
        raise RunError("The data set of this run is not in the workspace: open it again on the Data page.")


def _note(parent: Run, state: State, clusters: int) -> Event:
    """The event that says where the latent space comes from."""
    message = (
        f"Keeps the latent space of {parent.name}, with {clusters} clusters instead of {parent.clusters}."
    )
    return Event("note", state.stage, state.epoch, state.epochs, state.step, message=message)


def state_with(model: Path, clusters: int) -> tuple[State, Config]:
    """The state at the end of stage 1 with the networks of the model in the folder `model`, and that model's settings.

    The state's settings are the model's with another K and no stage 2. RunError if the model cannot be read.
    """
    import torch

    from dsc_core.method.networks.networks import Networks
    from dsc_core.model import Fitted
    from dsc_core.training.checkpoint import Carry, pack
    from dsc_core.training.clock import Clock
    from dsc_core.training.trainer import make_optimiser

    fitted = Fitted.load(model, device="cpu")
    config: Config = fitted.config.replace(clusters=clusters, joint_epochs=0)
    with torch.random.fork_rng(devices=[]):  # leave the server's own generator as it is
        torch.manual_seed(config.seed)
        nets = Networks(fitted.shape, config)
        kept = {k: v for k, v in fitted.nets.state_dict().items() if not k.startswith(DEPEND_ON_K)}
        fresh = {k: v for k, v in nets.state_dict().items() if k.startswith(DEPEND_ON_K)}
        nets.load_state_dict(kept | fresh)
        clock = Clock(config, epoch=config.epochs)
        optimiser = make_optimiser(nets, "autoencoder", config)
        state = pack(nets, optimiser, np.random.default_rng(config.seed), clock, config, Carry())
    return state, fitted.config
