"""The command `transforms`: which transforms of random copies a data set admits."""

from __future__ import annotations

import math
from typing import Any

from dsc_core.cli.datasets import import_source, print_notes
from dsc_core.cli.group import command
from dsc_core.cli.options import Source, data_options, seed_option
from dsc_core.cli.printing import print_transforms
from dsc_core.errors import InputError


@command("transforms", print_transforms)
@data_options
@seed_option
def transforms(source: Source, seed: int | None) -> dict[str, Any]:
    """Say which transforms of its images DATA admits, as training with random copies decides it.

    The ratio is that of the distances to the nearest other image after and before the transform.
    """
    from dsc_core.cli.progress import Progress
    from dsc_core.config import Config
    from dsc_core.method.admission import LIMIT, measure
    from dsc_core.workspace import home

    seed = Config().replace(seed=0 if seed is None else seed).seed  # a wrong one is reported
    _, dataset = import_source(source, home())
    if dataset.kind != "image":
        raise InputError(f"{dataset.name} has no images; only images have transforms.")
    print_notes(dataset)
    with Progress() as shown:
        found = measure(
            dataset.samples,
            dataset.scaling,
            seed,
            progress=lambda done, total: shown.update(f"Comparing transformed images: {done:,} of {total:,}"),
        )
    return {
        "data": dataset.name,
        "samples": len(dataset),
        "seed": seed,
        "limit": LIMIT,
        "transforms": [
            {
                "transform": each.transform.name,
                "ratio": round(each.ratio, 4) if math.isfinite(each.ratio) else None,
                "in_words": each.in_words if each.measured else "too few images",
                "admitted": each.admitted,
            }
            for each in found
        ],
    }
