"""The weights of the counts in `costs.Job.features`, in seconds on one core.

Made by `python -m tests.benchmarks.costs --write`, on the machine and at the commit below.
"""

# Measured on x86_64, 2 cores, at 8c034db, in seconds on one.
COSTS: dict[str, tuple[float, ...]] = {
    "start": (1.51,),
    "stage 1": (0.012, 3.69e-11, 3.58e-11, 0.0),
    "stage 2": (0.103, 1.66e-11, 7.57e-12, 1.9e-08),
    "encoding": (0.00369, 9.92e-12, 3.02e-12, 1.24e-09),
    "neighbours": (0.00163, 5.12e-06, 4.82e-11),
    "cut": (0.0248, 0.0, 2.95e-06, 6.68e-08, 0.0),
    "teaching": (0.315, 0.0, 4.04e-11, 0.0),
    "labels": (0.00869, 4.79e-06, 0.0, 1.05e-11),
    "maps": (0.0659, 8.86e-05, 0.0),
    "film": (0.5, 0.0),
    "scores": (0.00104, 3.48e-10),
    "saving": (0.0285, 8.45e-07),
}
