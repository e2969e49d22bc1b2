"""Small trainings that several tests look at."""

import numpy as np
from sklearn.datasets import load_digits

from dsc_core.training.loop import fit

SMALL = {
    "epochs": 3,
    "joint_epochs": 2,
    "evaluate_every": 1,
    "batch": 32,
    "joint_batch": 64,
    "spectral_width": 64,
    "least_steps": 0,
}
SCALING = (0.0, 1 / 16)


def images(count=300):
    return load_digits().images[:count, None].astype(np.float32)


def run(samples, config, **more):
    training, events = fit(samples, config, scaling=SCALING, **more), []
    while True:
        try:
            events.append(next(training))
        except StopIteration as end:
            return end.value, events


def warnings(events):
    """The messages of all warnings."""
    return [event.message for event in events if event.kind == "note" and event.level == "warning"]
