"""What to do with files that people bring and that are not read, by their suffix."""

from __future__ import annotations

from dsc_core.data.readers.images import SUFFIXES

ADVICE = {
    SUFFIXES: "it is a single image, so put it with the others into a folder or a ZIP archive",
    (".xlsx", ".xls", ".ods", ".numbers"): "save the sheet as CSV",
    (
        ".json",
        ".jsonl",
        ".feather",
        ".arrow",
        ".txt",
        ".dat",
        ".arff",
        ".dta",
        ".sav",
        ".rds",
        ".sqlite",
        ".db",
    ): "save the table as CSV or Parquet",
    (
        ".pkl",
        ".pickle",
        ".pt",
        ".pth",
        ".joblib",
    ): "it is never opened, since it may hold a program, so save the arrays with numpy.save",
    (".7z", ".rar", ".zst", ".bz2", ".xz"): "unpack it, and choose what is in it or pack that as ZIP",
}


def advice(suffix: str) -> str | None:
    """What its user can do with a file of this suffix, in small letters; None where nothing better is known."""
    return next((words for suffixes, words in ADVICE.items() if suffix in suffixes), None)
