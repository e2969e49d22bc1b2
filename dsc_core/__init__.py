"""Deep spectral clustering with a dual autoencoder: data, training, runs and results, without the screen."""

from __future__ import annotations

import os

# Threads that wait by spinning halve the speed as soon as another program, such as the browser that watches,
# wants a core. It must be said before PyTorch loads OpenMP, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = ["DeepSpectralClustering", "load_run"]


def __getattr__(name: str):
    # Loaded when asked for, so that `import dsc_core` and the quick commands need not wait for PyTorch.
    if name == "DeepSpectralClustering":
        from dsc_core.estimator import DeepSpectralClustering

        return DeepSpectralClustering
    if name == "load_run":
        from dsc_core.runs.artifacts.results import load_run

        return load_run
    raise AttributeError(f"module 'dsc_core' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
