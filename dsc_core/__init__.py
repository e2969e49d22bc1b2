"""Deep spectral clustering with a dual autoencoder: data, training, runs and results, without the app."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsc_core.estimator import DeepSpectralClustering as DeepSpectralClustering
    from dsc_core.runs.loaded_run import load_run as load_run

# Threads that wait by spinning halve the speed as soon as another program, such as the browser, needs a core; threads
# that sleep at once lose a third of the speed of small layers on idle cores. So they spin for a thousand rounds, some
# microseconds, and then sleep. GOMP_SPINCOUNT is read by GNU OpenMP, which PyTorch has on Linux, and goes before the
# policy there. Both must be set before PyTorch loads OpenMP, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__version__ = "0.2.0"
__all__ = ["DeepSpectralClustering", "__version__", "load_run"]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that `import dsc_core` and the quick commands need not wait for PyTorch.
    if name == "DeepSpectralClustering":
        from dsc_core.estimator import DeepSpectralClustering

        return DeepSpectralClustering
    if name == "load_run":
        from dsc_core.runs.loaded_run import load_run

        return load_run
    raise AttributeError(f"module 'dsc_core' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
