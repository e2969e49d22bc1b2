"""A training that takes no time, in place of `dsc_core.training.loop` and `dsc_core.model`.

As a program it is a worker: `python fakes.py RUN`, and the environment's FAKE says how it trains. With more words it
lays out a film, without UMAP: `python fakes.py FOLDER SEED`.
"""

import errno
import os
import sys
import time
import types
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from dsc_core.runs import film_process

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from dsc_core.events import Event
from dsc_core.training.checkpoint import State

PER_EPOCH = 25  # steps of an epoch of `many`


@dataclass
class Fitted:
    latent: np.ndarray
    spectral: np.ndarray
    labels: np.ndarray
    confidence: np.ndarray
    affinity: object = None  # as of a training without a graph
    eigenvalues: object = None

    def save(self, folder, embeddings):
        for needed in (folder, embeddings):
            needed.mkdir(parents=True, exist_ok=True)
        parts = {name: value for name, value in self.__dict__.items() if value is not None}
        np.savez(folder / "fake.npz", **parts)
        for name in ("latent", "spectral"):
            np.save(embeddings / f"{name}.npy", np.asarray(getattr(self, name), dtype=np.float32))

    @classmethod
    def load(cls, folder):
        with np.load(folder / "fake.npz", allow_pickle=False) as known:
            return cls(**known)

    def assign(self, samples, scaling):
        values = ((np.asarray(samples, dtype=np.float32) - scaling[0]) * scaling[1]).reshape(len(samples), -1)
        level = values.mean(1, keepdims=True)
        centres = np.array([level_of(self, k) for k in range(3)])
        away = np.abs(level - centres)
        return SimpleNamespace(
            labels=away.argmin(1),
            confidence=np.exp(-away.min(1)),
            latent=np.hstack([level, level**2]),
            spectral=np.hstack([level, 1 - level]),
            probabilities=np.exp(-away),
            errors=np.full(len(level), np.nan),
        )

    @property
    def novelty(self):
        from dsc_core.analysis import outliers

        return outliers.fit(self.latent)


def level_of(fitted, cluster):
    return float(fitted.latent[fitted.labels == cluster, 0].mean())


def state(config, epoch, step):
    """A State as at the end of an epoch of ten steps, with one array in place of the networks."""
    clock = {"stage": "joint", "epoch": epoch, "step": step, "epoch_step": 10, "batches": 10}
    facts = {"config": config.to_dict() | {"epochs": 1, "joint_epochs": 2}, "clock": clock, "order": None}
    facts |= {"times": {"began": step / 10}, "carried": {"over": False}}
    return State({"networks.fake": np.full(3, step, dtype=np.float32)}, facts)


def die_at_state(monkeypatch, number):
    """Let trainings in this process fail where they make their state of that number, counted from 1."""
    make, calls = state, iter(range(1, 9))

    def dies(*given):
        if next(calls) == number:
            raise ValueError("dead")
        return make(*given)

    monkeypatch.setattr(sys.modules[__name__], "state", dies)


def fit(
    samples,
    config,
    *,
    control=None,
    observe=None,
    scaling=(0.0, 1.0),
    checkpoint=None,
    snapshot=None,
    resume_from=None,
    scratch=None,
    countdown=None,
):
    """Thirty steps in three epochs; the clusters are the samples' brightness, cut in three.

    FAKE=film: shows its latents after each. FAKE=many: `many` steps in place of thirty.
    """
    how, *arguments = os.environ.get("FAKE", "").split(":")
    values = ((np.asarray(samples, dtype=np.float32) - scaling[0]) * scaling[1]).reshape(len(samples), -1)
    level = values.mean(1, keepdims=True)
    labels = np.argsort(np.argsort(level[:, 0])) * config.clusters // len(level)
    step = resume_from.step if resume_from else 0
    if how == "many":
        step = yield from many(config, control)
    while step < 30 or how == "endless":
        step += 1
        wishes = control() if control else {}
        if wishes.get("stop"):
            yield Event("note", "joint", epoch=step // 10, epochs=3, message="Stopped")
            break
        for name, value in wishes.items():
            yield Event("note", "joint", message=f"{name} is {value}")
        if how == "raise" and step == 15:
            raise {
                "ValueError": ValueError("bad\nthing"),
                "MemoryError": MemoryError(),
                "full": OSError(errno.ENOSPC, "No space left on device"),
            }[arguments[0]]
        if how == "endless":
            time.sleep(0.02)
        yield Event("progress", "joint", step // 10, 3, step, {"total": 1 / step}, step / 10, 100.0, 3.0)
        if step % 10 == 0:
            yield Event("epoch", "joint", step // 10, 3, step, {"total": 1 / step}, step / 10, 100.0)
            yield Event("evaluation", "joint", step // 10, 3, step, scores=observe(labels) if observe else {})
            if snapshot and how == "film":
                snapshot(step // 10, np.hstack([level, level**2]) + step, labels if step > 10 else None)
            if checkpoint:
                checkpoint(state(config, step // 10, step))
    yield Event(
        "done", "labels", 3, 3, step, seconds=step / 10, cluster_sizes=tuple(np.bincount(labels).tolist())
    )
    latent, spectral = np.hstack([level, level**2]), np.hstack([level, 1 - level])
    return Fitted(latent, spectral, labels, np.linspace(0.5, 1, len(level)).astype(np.float32))


TERMS = ("total", "reconstruction", "relative", "global_mi", "local_mi", "prior", "spectral")


def many(config, control):
    """At least thirty steps, PER_EPOCH for each of `epochs`, as fast as they can be told; how many there were."""
    count = max(30, PER_EPOCH * config.epochs)
    for step in range(1, count + 1):
        if (control() if control else {}).get("stop"):
            return max(step, 30)
        losses = {name: (place + 1) / step for place, name in enumerate(TERMS)}
        epoch = 1 + (step - 1) // PER_EPOCH
        yield Event("progress", "autoencoder", epoch, config.epochs, step, losses, step / 10, 900.0, 3.0)
    return count


def modules():
    """The stand-ins by the full names of the modules that they replace."""
    train, cluster = types.ModuleType("dsc_core.training.loop"), types.ModuleType("dsc_core.model")
    train.fit, cluster.Fitted, cluster.Assignment = fit, Fitted, SimpleNamespace
    return {"dsc_core.training.loop": train, "dsc_core.model": cluster}


def install(put=sys.modules.__setitem__, bind=setattr) -> None:
    """Put the stand-ins where imports find them. put, bind: as of `sys.modules` and `setattr`, or monkeypatch's."""
    for name, module in modules().items():
        parent, _, last = name.rpartition(".")
        put(name, module)
        bind(import_module(parent), last, module)


def no_map(points, seed, progress=None):
    """A map without a layout."""
    return np.asarray(points, dtype=np.float32)[:, :2]


def no_layout(latent, *_):
    """A frame without a layout."""
    return np.asarray(latent, dtype=np.float32)[:, :2]


def film_command(folder, seed):
    """The command that draws a film without layouts."""
    return [sys.executable, __file__, str(folder), str(seed)]


if __name__ == "__main__" and len(sys.argv) == 3:
    from dsc_core.analysis import map_film

    map_film._lay_out = no_layout
    sys.exit(film_process.main())

if __name__ == "__main__":
    from dsc_core.analysis import umap_map
    from dsc_core.runs import launcher, worker

    film_process.command = film_command

    # The next run of a queue, which this process starts, is trained by a stand-in as well.
    launcher.worker_command = lambda run_id: [sys.executable, __file__, run_id]
    install()
    umap_map.project = no_map
    worker.describe = lambda device: (device, "CPU, 1 thread")  # PyTorch takes seconds to load
    sys.exit(worker.main())
