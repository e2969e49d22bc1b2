"""The page files, for links between pages."""

from __future__ import annotations

DATA, TRAIN, RESULTS = "pages/views/data.py", "pages/views/train.py", "pages/views/results.py"
