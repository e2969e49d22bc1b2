"""Groups of HDF5 that stand for one array, and what AnnData, 10x and pandas write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from dsc_core.data.headers import Headers, unreadable
from dsc_core.data.keys import LABEL_KEYS, Roles
from dsc_core.data.readers.sparse_arrays import Parts

COMPRESSED = ("data", "indices", "indptr")
PANDAS = "is a data frame of pandas: save it with to_parquet, so that its columns keep their names"
LABELS_OF_CELLS = (
    *("cell_type", "celltype", "cell_types", "cell_label", "cell_ontology_class", "cell_type_original"),
    *(
        *LABEL_KEYS,
        "annotation",
        "annotations",
        "louvain",
        "leiden",
        "cluster",
        "clusters",
        "seurat_clusters",
    ),
)


def hard_links(group: Any) -> set[str]:
    """The names in a group that are objects of this very file."""
    import h5py

    return {name for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink)}


def attribute(item: Any, *names: str) -> Any:
    """The first of these attributes, text as str; None if there is none."""
    for name in names:
        if name in item.attrs:
            value = item.attrs[name]
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return None


def sparse_parts(group: Any, key: str) -> Parts | None:
    """The sparse matrix that a group is: of MATLAB, AnnData, h5sparse, 10x (genes × cells), else None."""
    names = hard_links(group)
    if "MATLAB_sparse" in group.attrs:
        return _of_matlab(group, key, names)
    if not names.issuperset(COMPRESSED):
        return None
    pointers = _length(group["indptr"]) - 1
    shape = _shape(group, names)
    if shape is None or pointers not in shape:
        return None
    named = attribute(group, "encoding-type", "h5sparse_format", "format")
    form = str(named).removesuffix("_matrix").removesuffix("_array") if named is not None else ""
    genes_in_rows = "barcodes" in names
    if form not in ("csr", "csc"):
        form = "csc" if pointers == shape[1] and (genes_in_rows or shape[0] != shape[1]) else "csr"
    return Parts(form, shape, {part: f"{key}/{part}" for part in COMPRESSED}, transposed=genes_in_rows)


def _of_matlab(group: Any, key: str, names: set[str]) -> Parts | None:
    """A sparse matrix as MATLAB 7.3 writes it: without `data` and `ir` if all values are zero."""
    if "jc" not in names:
        return None
    shape = int(group.attrs["MATLAB_sparse"]), _length(group["jc"]) - 1
    if not names.issuperset(("data", "ir")):
        return None
    return Parts("csc", shape, {"data": f"{key}/data", "indices": f"{key}/ir", "indptr": f"{key}/jc"})


def _shape(group: Any, names: set[str]) -> tuple[int, int] | None:
    """The shape in the attributes, or in a data set of its own."""
    import h5py

    shape = attribute(group, "shape", "h5sparse_shape")
    if shape is None and "shape" in names:
        item = group["shape"]
        small = isinstance(item, h5py.Dataset) and item.shape == (2,) and item.dtype.kind in "iu"
        shape = item[()] if small else None
    if shape is None or np.shape(shape) != (2,):
        return None
    rows, columns = (int(side) for side in shape)
    return (rows, columns) if min(rows, columns) >= 0 else None


def _length(item: Any) -> int:
    shape = getattr(item, "shape", None)
    return int(shape[0]) if shape is not None and len(shape) == 1 else 0


def encoded_parts(group: Any) -> tuple[str, str] | None:
    """("codes", "categories") or ("values", "mask") for a column with categories or gaps; None for any other group."""
    import h5py

    names = hard_links(group)
    for pair in (("codes", "categories"), ("values", "mask")):
        if names == set(pair) and all(isinstance(group[name], h5py.Dataset) for name in pair):
            return pair
    return None


def frame_of_pandas(group: Any) -> bool:
    """Whether pandas wrote the group with to_hdf."""
    return str(attribute(group, "pandas_type")).startswith(("frame", "series", "wide"))


def pandas_header(group: Any) -> Any:
    """The header of a data frame of pandas, which is refused."""
    content = sum(item.id.get_storage_size() for item in group.values() if hasattr(item, "shape"))
    return unreadable((len(group),), PANDAS, content + 2)


def cell_roles(file: Any, arrays: Headers, sparse: Iterable[str]) -> Roles:
    """Which keys are samples, ids and labels in a file of AnnData or 10x; none in any other file."""
    import h5py

    tenx = [key for key in sparse if f"{key}/barcodes" in arrays]
    if len(tenx) == 1:
        return {"samples": tenx, "ids": [f"{tenx[0]}/barcodes"]}
    obs = file["obs"] if "obs" in hard_links(file) else None
    if not isinstance(obs, h5py.Group):
        return {}
    index = attribute(obs, "_index")
    if index is None and attribute(obs, "encoding-type") != "dataframe":
        return {}
    ids = [key for key in (f"obs/{index}", "obs/_index", "obs/index") if key in arrays][:1]
    columns = {
        key.removeprefix("obs/").lower().replace(" ", "_").replace("-", "_"): key
        for key in arrays
        if key.startswith("obs/") and key not in ids
    }
    labels = [columns[name] for name in LABELS_OF_CELLS if name in columns][:1]
    roles = {"ids": ids, "labels": labels}
    return roles | {"samples": ["X"]} if "X" in arrays else roles
