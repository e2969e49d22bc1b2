"""The command `baselines`: standard clustering methods on the same data."""

from __future__ import annotations

from typing import Any

from dsc_core.cli.console import say
from dsc_core.cli.datasets import cluster_count, import_source, print_notes
from dsc_core.cli.group import command
from dsc_core.cli.options import Source, clusters_option, data_options, seed_option
from dsc_core.cli.printing import print_baselines
from dsc_core.errors import InputError


@command("baselines", print_baselines)
@data_options
@clusters_option
@seed_option
def baselines(source: Source, clusters: int | None, seed: int | None) -> dict[str, Any]:
    """Cluster DATA with k-means, spectral clustering and UMAP with a Gaussian mixture; images also by scattering."""
    from dsc_core.analysis.baselines import compare
    from dsc_core.workspace import home

    seed = 0 if seed is None else seed
    _, dataset = import_source(source, home())
    count = cluster_count(dataset, clusters)
    if count > len(dataset):
        raise InputError(
            f"There are fewer samples ({len(dataset)}) than clusters ({count}); reduce --clusters."
        )
    print_notes(dataset)
    return {
        "data": dataset.name,
        "samples": len(dataset),
        "clusters": count,
        "seed": seed,
        "baselines": compare(dataset.values(), dataset.labels, count, seed, progress=say),
    }
