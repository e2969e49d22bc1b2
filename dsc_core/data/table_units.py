"""From the float32 matrix that the network sees back to a table's columns in their original units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Preprocessing = dict[str, Any]


def column_width(column: dict[str, Any]) -> int:
    """How many columns of the matrix a column of the table becomes: one, or one per category."""
    return 1 if column["kind"] == "number" else len(column["categories"])


def column_titles(preprocessing: Preprocessing | None, width: int) -> list[str]:
    """The titles of the matrix' `width` columns: "size", "colour = red"; numbered if unknown or ambiguous."""
    titles = []
    for column in (preprocessing or {}).get("columns", []):
        name, categories = str(column["name"]), column.get("categories")
        titles += [f"{name} = {category}" for category in categories] if categories else [name]
    return titles if len(set(titles)) == width == len(titles) else _numbered(width)


def source_columns(preprocessing: Preprocessing | None, width: int) -> list[str]:
    """For each of the matrix' `width` columns, the name of the table's column that it came from."""
    names = []
    for column in (preprocessing or {}).get("columns", []):
        names += [str(column["name"])] * column_width(column)
    return names or _numbered(width)


def _numbered(width: int) -> list[str]:
    return [f"column {index}" for index in range(width)]


def to_original_units(matrix: np.ndarray, preprocessing: Preprocessing | None) -> pd.DataFrame:
    """The inverse of `apply_table` and `apply_matrix`: the table's columns in their units, missing values filled.

    matrix: (n, F). Numbers are exact to float32's seven digits; categories that training did not have become "".
    Without preprocessing, the columns are numbered.
    """
    import pandas as pd

    columns = (preprocessing or {}).get("columns")
    if columns is None:
        return pd.DataFrame(np.asarray(matrix), columns=_numbered(matrix.shape[1]))
    series: list[pd.Series] = []
    start = 0
    for column in columns:
        part = matrix[:, start : start + column_width(column)]
        if column["kind"] == "number":
            series.append(pd.Series(part[:, 0].astype(np.float64) * column["scale"] + column["mean"]))
        else:
            categories = [*column["categories"], ""]
            chosen = np.where(part.max(1) > 0.5, part.argmax(1), len(categories) - 1)
            series.append(pd.Series([categories[index] for index in chosen], dtype=object))
        start += column_width(column)
    return pd.concat(series, axis=1, keys=[str(column["name"]) for column in columns])


def snap_categories(rows: np.ndarray, preprocessing: Preprocessing | None) -> np.ndarray:
    """Means or decodings (n, F) as possible rows: of each categorical column, the most likely category. → (n, F)."""
    rows, start = np.array(rows, dtype=np.float32), 0
    for column in (preprocessing or {}).get("columns", []):
        width = column_width(column)
        if column["kind"] != "number":
            part = rows[:, start : start + width]
            rows[:, start : start + width] = np.eye(width, dtype=np.float32)[part.argmax(1)]
        start += width
    return rows


def comparison_table(rows: dict[str, np.ndarray], preprocessing: Preprocessing | None) -> pd.DataFrame:
    """Rows of a table, {title: (F,)}, side by side as text: one line per column, in its original units.

    Rows may be means or decodings, see `snap_categories`.
    """
    matrix = snap_categories(np.stack(list(rows.values())), preprocessing)
    frame = to_original_units(matrix, preprocessing).T
    frame.columns = list(rows)
    # Numbers and words share a column, which a dataframe on screen cannot show as they are.
    texts = frame.map(lambda value: value if isinstance(value, str) else f"{value:.4g}")
    return texts.rename_axis("column").reset_index()
