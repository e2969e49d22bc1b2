"""Columns that give the labels away are named, and stay."""

import numpy as np
import pandas as pd

from dsc_core.data.from_table import from_frame
from dsc_core.data.options import Options

KINDS = np.repeat(["cat", "dog", "fox"], 20)


def notes_on(frame: pd.DataFrame) -> dict[str, str]:
    notes = []
    from_frame(frame, "t.csv", Options(name="t"), notes)
    return {note.kind: note.about for note in notes}


def test_columns_made_from_the_labels_are_named():
    frame = pd.DataFrame({"size": np.random.default_rng(0).normal(size=60), "label": KINDS})
    assert "tells_classes" not in notes_on(frame)
    one_hot = {f"is_{kind}": (kind == KINDS).astype(int) for kind in ("cat", "dog", "fox")}
    frame = frame.assign(**one_hot, code=np.repeat([7.5, 3.5, 1.5], 20), word=np.char.upper(KINDS))
    assert notes_on(frame)["tells_classes"] == "is_cat, is_dog, is_fox, code, word"
    frame.loc[3, "code"] = 0
    assert "code" not in notes_on(frame)["tells_classes"]


def test_few_rows_tell_nothing():
    frame = pd.DataFrame({"size": np.arange(6) % 5, "code": [0, 0, 1, 1, 2, 2], "label": list("aabbcc")})
    assert "tells_classes" not in notes_on(frame)
