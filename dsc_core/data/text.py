"""Text that comes from files: names, ids and labels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

LISTED = 8  # names in an error or a note


def clean(text: str) -> str:
    """`text` without what UTF-8 cannot store (file names in other encodings), otherwise unchanged."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")


def row_ids(n: int, first: int = 0) -> np.ndarray:
    """Row numbers as ids, counted from `first`: (n,) str."""
    return np.arange(first, first + n).astype(f"<U{len(str(max(first + n - 1, 0)))}")


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape in words: "3×28×28"."""
    return "×".join(str(side) for side in shape)


def listed(names: Iterable[object], most: int = LISTED, width: int = 40) -> str:
    """The first `most` names, separated by commas, each cut to `width` characters: "a, b and 3 more"."""
    texts = [str(name)[:width] for name in names]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most:,} more" if len(texts) > most else "")
