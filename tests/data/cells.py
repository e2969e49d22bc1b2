"""Files of single cells as AnnData and 10x write them, small and seeded, for the readers' tests."""

from pathlib import Path

import h5py
import numpy as np
import scipy.sparse

CELLS, GENES = 60, 40
COUNTS = scipy.sparse.random(CELLS, GENES, 0.2, "csr", random_state=0)
COUNTS.data = np.ceil(COUNTS.data * 9)
TYPES = ["B", "T", "NK"]
NAMES = [f"AAAC{number}-1" for number in range(CELLS)]


def sparse_group(group, matrix) -> None:
    """A group of AnnData with a CSR or CSC matrix."""
    group.attrs["encoding-type"] = f"{matrix.format}_matrix"
    group.attrs["shape"] = matrix.shape
    for part in ("data", "indices", "indptr"):
        group[part] = getattr(matrix, part)


def h5ad(path: Path, counts=COUNTS, missing: int | None = None, old: bool = False) -> Path:
    """A file of AnnData. counts: sparse or dense. missing: a cell without a type. old: categories as before 0.7."""
    codes = (np.arange(CELLS) % 3).astype("i1")
    if missing is not None:
        codes[missing] = -1
    with h5py.File(path, "w") as file:
        if scipy.sparse.issparse(counts):
            sparse_group(file.create_group("X"), counts)
        elif counts is not None:
            file["X"] = counts
        obs = file.create_group("obs")
        obs.attrs["_index"], obs.attrs["encoding-type"] = "_index", "dataframe"
        obs["_index"], obs["n_genes"] = NAMES, np.arange(CELLS)
        if old:
            obs["louvain"], obs["__categories/louvain"] = codes, TYPES
        else:
            column = obs.create_group("cell_type")
            column.attrs["encoding-type"] = "categorical"
            column["codes"], column["categories"] = codes, TYPES
        file["obsm/X_pca"] = np.random.default_rng(0).random((CELLS, 20))
        sparse_group(file.create_group("raw/X"), COUNTS)
        file["var/_index"] = [f"gene{number}" for number in range(GENES)]
    return path


def tenx(path: Path, group: str = "matrix") -> Path:
    """A file of 10x, genes × cells. group: "matrix", or the genome in files of version 2."""
    matrix = COUNTS.T.tocsc()
    with h5py.File(path, "w") as file:
        parts = file.create_group(group)
        for part in ("data", "indices", "indptr"):
            parts[part] = getattr(matrix, part)
        parts["shape"], parts["barcodes"] = np.array(matrix.shape, "i4"), np.array(NAMES, "S18")
        parts["features/id"] = np.array([f"ENSG{number}" for number in range(GENES)], "S18")
    return path
