"""The page files, for links between pages."""

from __future__ import annotations

DATA, TRAIN, RESULTS, RUNS = (f"pages/views/{name}.py" for name in ("data", "train", "results", "runs"))
