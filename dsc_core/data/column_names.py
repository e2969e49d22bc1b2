"""Usual names of columns: of labels, of ids, and of what tells the classes without being measured."""

from __future__ import annotations

import re

LABEL_NAMES = (
    *("label", "labels", "class", "classes", "target", "targets", "y", "category", "species"),
    *("diagnosis", "ground_truth", "truth", "gnd", "gt", "cell_type", "celltype", "variety", "outcome"),
    *("true_label", "true_class", "class_label", "class_labels", "target_class"),
)
LABEL_WORDS = ("label", "class", "target", "species", "category", "variety", "diagnosis")
LABEL_ENDINGS = ("name", "names", "id", "idx", "index", "code", "num", "no")
ID_NAMES = (
    *("id", "ids", "uuid", "guid", "index", "key", "name", "names", "filename", "file", "file_name", "path"),
    *("sample", "sample_name", "cell", "barcode", "gene", "image", "image_name", "accession"),
    *("rownames", "row_names", "row_name", "row", "no", "nr", "number", "sno", "s_no", "serial", "sample_no"),
)
MEASURED_NAMES = (
    "cell",
    "gene",
    "image",
    "path",
    "name",
    "names",
    "file",
    "key",
    "sample",
)  # ids only as text
NO_NAMES = ("unnamed_0", "x", "level_0", "index_level_0")  # of a first column that is an index without a name
ANSWER_NAMES = (
    *("cluster", "clusters", "matched_label", "prediction", "predicted", "pred", "split", "fold", "folds"),
    *("partition", "subset", "is_train", "train_test", "usage", "type", "group"),
)


def plain_name(name: str) -> str:
    """A name in lower case with underscores: "Class Label", "classLabel" and " class-label" are "class_label"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"\W+|_+", "_", spaced).strip("_").lower()


def label_rank(name: str) -> int | None:
    """The place of a column's name among the usual ones of labels, smaller is likelier; None if it is none."""
    plain = plain_name(name)
    if plain in LABEL_NAMES:
        return LABEL_NAMES.index(plain)
    first, _, ending = plain.partition("_")
    return len(LABEL_NAMES) if first in LABEL_WORDS and ending in LABEL_ENDINGS else None


def id_rank(name: str) -> int | None:
    """The place of a column's name among the usual ones of ids, smaller is likelier; None if it is none."""
    plain = plain_name(name)
    if plain in ID_NAMES:
        return ID_NAMES.index(plain)
    return ID_NAMES.index("index") if plain.endswith("_id") else None


def is_numbered(names: list[str]) -> bool:
    """Whether the names only count the columns, as of a file without a header."""
    counted = [str(index) for index in range(len(names) + 1)]
    return len(names) >= 3 and names in (counted[:-1], counted[1:])
