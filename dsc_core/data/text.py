"""Text that comes from files: names, ids and labels."""

from __future__ import annotations

import numpy as np


def clean(text: str) -> str:
    """`text` without what UTF-8 cannot store (file names in other encodings), otherwise unchanged."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")


def row_ids(n: int, first: int = 0) -> np.ndarray:
    """Row numbers as ids, counted from `first`: (n,) str."""
    return np.arange(first, first + n).astype(f"<U{len(str(max(first + n - 1, 0)))}")


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape in words: "3×28×28"."""
    return "×".join(str(side) for side in shape)
