"""Exports "embeddings", "latent" and "spectral": the coordinates of each sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dsc_core.runs.artifacts.arrays import read_latent, read_spectral
from dsc_core.runs.artifacts.exports.kind import Context, Export, parts
from dsc_core.runs.artifacts.exports.parquet import write_parquet
from dsc_core.runs.artifacts.labels import labels_frame

READERS = {"latent": read_latent, "spectral": read_spectral}


def write_latent(context: Context) -> None:
    """The latent codes z."""
    _write(context, "latent")


def write_spectral(context: Context) -> None:
    """The spectral coordinates Y."""
    _write(context, "spectral")


def write_both(context: Context) -> None:
    """Both."""
    _write(context, "latent", "spectral")


def _write(context: Context, *spaces: str) -> None:
    """The coordinates in `spaces`; as Parquet with the id and the cluster beside them."""
    points = {space: READERS[space](context.run) for space in spaces}
    if context.suffix == ".npy":
        np.lib.format.write_array(context.out, points[spaces[0]], allow_pickle=False)
        return
    frame = labels_frame(context.run)

    def pieces() -> Iterator[pd.DataFrame]:
        for part in parts(len(frame)):
            columns = {"id": frame["id"].iloc[part].astype(str), "cluster": frame["cluster"].iloc[part]}
            for space, array in points.items():
                columns |= {f"{space}_{i}": np.array(array[part, i]) for i in range(array.shape[1])}
            yield pd.DataFrame(columns)

    write_parquet(pieces(), context.out)


EXPORTS = (
    Export(
        "embeddings",
        "Embeddings",
        (".parquet",),
        "Latent codes z and spectral coordinates Y of each sample.",
        write_both,
        order=6,
    ),
    Export(
        "latent",
        "Latent codes",
        (".npy", ".parquet"),
        "The codes z, one row per sample.",
        write_latent,
        order=7,
    ),
    Export(
        "spectral",
        "Spectral coordinates",
        (".npy", ".parquet"),
        "The coordinates Y, one row per sample.",
        write_spectral,
        order=8,
    ),
)
