"""The weights of the counts in `costs.Job.features`, in seconds on one core.

Made by `python -m tests.benchmarks.costs --write`, on the machine and at the commit below.
"""

# Measured on x86_64, 2 cores, at 9ae27ed, in seconds on one.
COSTS: dict[str, tuple[float, ...]] = {
    "start": (1.11,),
    "stage 1": (0.00671, 3.07e-11, 4.32e-11, 0.0),
    "stage 2": (0.000474, 2.28e-11, 3.17e-11, 0.0),
    "encoding": (0.0033, 1.09e-11, 4.62e-12, 0.0),
    "neighbours": (0.00127, 9.2e-06, 2.3e-11),  # at the commit that brought the search by cells
    "scattering": (0.1, 9.0e-07, 2.3e-11),
    "cut": (0.0237, 0.0, 2.45e-06, 3.13e-08, 6.06e-05),
    "teaching": (0.0, 0.0, 5.96e-11, 6.71e-07),
    "labels": (0.00798, 1.1e-06, 2.33e-11, 9e-12),
    "maps": (0.0471, 7.42e-05, 0.000124),
    "film": (0.5, 0.0),
    "scores": (0.00121, 0.0),
    "saving": (0.0231, 1.16e-06),
}
