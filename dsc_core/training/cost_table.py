"""The weights of the counts in `costs.Job.features`, in seconds on one core.

Made by `python -m tests.benchmarks.costs --write`, on the machine and at the commit below.
"""

COSTS: dict[str, tuple[float, ...]] = {
    "start": (4.0,),
    "stage 1": (0.01, 3e-11, 3e-11, 1e-8),
    "stage 2": (0.03, 3e-11, 3e-11, 1e-8),
    "encoding": (0.01, 3e-11, 3e-11, 1e-8),
    "neighbours": (0.01, 1e-6, 3e-10),
    "cut": (1.0, 1e-5, 1e-5, 1e-7, 0.0),
    "teaching": (0.01, 0.002, 3e-11, 0.0),
    "labels": (0.1, 1e-6, 3e-11, 3e-11),
    "maps": (5.0, 0.0004, 0.00005),
    "film": (0.5, 0.0),
    "scores": (0.1, 1e-9),
    "saving": (0.05, 1e-6),
}
