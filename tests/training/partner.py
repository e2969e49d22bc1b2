"""One of several processes that train together: `RANK=0 WORLD_SIZE=2 … python tests/training/partner.py OUT CASE…`.

The results go to OUT/RANK.json. The test calls the same `observe` in its own process to compare the two.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dsc_core import objective
from dsc_core.method.networks.networks import Networks
from dsc_core.presets import preset
from dsc_core.training import clock, distributed, joint, loop, setup

# 97 samples: no batch has an even number of rows for each process, and they are not all of one size.
IMAGES = load_digits().images[:97, None].astype(np.float32)
SMALL = {
    "epochs": 2,
    "joint_epochs": 3,
    "evaluate_every": 1,
    "batch": 20,
    "joint_batch": 24,
    "spectral_width": 32,
    "latent_dims": 8,
    "least_steps": 0,
    "clusters": 4,
    "tolerance": 0.0,
    "device": "cpu",
    "batches": 0,
    # 4 clusters of the 10 digits are not clear enough in both views that rounding would not choose among them
    "second_view": "none",
}
CASES = {
    # every term, with copies, a graph that is rebuilt, and batch norms; with enough neighbours to connect the graph,
    # since in a disconnected one rounding would choose the eigenvectors
    "all": (
        "standard",
        {"noisy_agreement": 1.0, "entropy": 0.5, "refresh": 1, "joint_epochs": 4, "neighbours": 30},
    ),
    "views": ("no-copies", {"second_view": "scattering", "neighbours": 30, "clusters": 10}),
    "paper": ("paper", {}),
    "released": ("released-code", {}),
    "rows": ("no-copies", {"decoders": "separate", "neighbours": 30}),
    # a weight of zero leaves a whole network without gradients
    "without": ("no-copies", {"global_mi": 0.0, "neighbours": 30}),
}
STEERED = {
    4: {"noise_level": 0.0, "local_mi": 0.0},
    7: {"pause": True},
    9: {"resume": True},
    15: {"stop": True},
}


def settings(case):
    """The Config of a case."""
    name, changes = CASES.get(case, CASES["all"])
    return preset(name).replace(**SMALL | changes)


def at(calls):
    """A control that answers at the given polls, counted from 0."""
    polls = iter(range(10**6))
    return lambda: calls.get(next(polls), {})


def spoilt(when):
    """The terms of a batch as they are, and with NaN at the calls that `when` names, counted from 1."""
    compute, calls = objective.compute, iter(range(1, 10**6))

    def bad(batch, stage):
        values = compute(batch, stage)
        if next(calls) in when:
            values["reconstruction"] = values["reconstruction"] * float("nan")
        return values

    return compute, bad


def observe(case):
    """The losses of each step of a training, its notes, its labels, and a hash of its networks at the end."""
    samples = IMAGES.reshape(97, -1)[:, 10:30] if case == "rows" else IMAGES
    more, made, states = {}, [], []
    if distributed.first():  # it alone takes snapshots, while the others wait
        more["snapshot"] = lambda *shown: None
    if case == "steered" and distributed.first():  # it alone receives requests
        more["control"] = at(STEERED)
    if case == "resumed":
        run(samples, settings(case), lambda state: states.append(state), made, **more)
        more["resume_from"] = states[1]
        made.clear()
    compute, objective.compute = spoilt({3, 14} if case == "spoilt" else set())
    try:
        losses, notes, fitted = run(samples, settings(case), None, made, **more)
    finally:
        objective.compute = compute
    # After training the first process alone teaches the head once more: the rest must be the same everywhere.
    arrays = [
        v for k, v in made[0].state_dict().items() if not k.startswith(("spectral", "centres", "shares"))
    ]
    digest = hashlib.sha256(b"".join(array.numpy().tobytes() for array in arrays)).hexdigest()
    labels = None if fitted is None else fitted.labels.tolist()
    return {"losses": losses, "notes": notes, "labels": labels, "networks": digest}


class Precise(setup.Feed):
    """Samples in double precision."""

    def __call__(self, index):
        return super().__call__(index).double()


class PrecisePairs(joint.Pairs):
    """A graph whose affinities are in double precision."""

    def among(self, index, device):
        return super().among(index, device).double()


def run(samples, config, checkpoint, made, precise=True, **more):
    """(the losses of each step, the notes, Fitted).

    precise: in double precision. In single precision rounding soon becomes visible, since Adam's first steps have the
    same length for a tiny gradient as for any other; in double precision only errors do.
    """
    clock.PERIOD = 0.0
    before = setup.Feed, joint.Pairs
    if precise:
        setup.Feed, joint.Pairs = Precise, PrecisePairs
    setup.Networks = lambda *given: made.append(exact(Networks(*given), precise)) or made[-1]
    teach = joint.teach_head
    joint.teach_head = lambda *given, **more: teach(*given[:4], 10, **more)
    try:
        training, losses, notes = (
            loop.fit(samples, config, scaling=(0.0, 1 / 16), checkpoint=checkpoint, **more),
            [],
            [],
        )
        while True:
            try:
                event = next(training)
            except StopIteration as end:
                return losses, notes, end.value
            if event.kind == "progress" and event.losses:
                losses.append([event.step, event.losses])
            elif event.kind == "note":
                notes.append(event.message)
    finally:
        clock.PERIOD, setup.Networks, joint.teach_head = 1.0, Networks, teach
        setup.Feed, joint.Pairs = before


def exact(nets, precise):
    """The networks, in double precision if `precise`."""
    return nets.double() if precise else nets


if __name__ == "__main__":
    torch.set_num_threads(1)
    distributed.join()
    results = {case: observe(case) for case in sys.argv[2:]}
    (Path(sys.argv[1]) / f"{torch.distributed.get_rank()}.json").write_text(json.dumps(results))
    distributed.leave()
