"""The form for reading a table: its header, its columns of labels and ids, and the columns to leave out."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dsc_core.data import Columns, Note, guess_columns
from dsc_core.data.text import listed
from dsc_core.errors import InputError
from pages.shared import formatting

FOR_SCORES = "Used for scores only, never for training."
FIRST_ROW = {"Detect": None, "Column names": True, "Data": False}
NO_LABELS, NO_IDS = "No label column", "No id column"


def draw(path: Path) -> tuple[dict, tuple[int, ...]] | None:
    """The form, preset by a guess: the options for reading the table, and the image shape that is guessed.

    None where the table cannot be read.
    """
    header = _header(path)
    try:
        guess = _guess_columns(path, path.stat().st_mtime_ns, header)
    except (InputError, OSError) as problem:
        st.error(formatting.plain(problem), icon=":material/error:")
        return None
    key = f"{path}_{header}"
    with st.container(horizontal=True):
        label = _column(
            "Label column",
            guess,
            guess.label,
            NO_LABELS,
            f"label_column_{key}",
            f"The class of each row. {FOR_SCORES}",
        )
        identity = _column(
            "Id column",
            guess,
            guess.id,
            NO_IDS,
            f"id_column_{key}",
            "The name of each row. It is not trained on.",
        )
    chosen = st.multiselect(
        "Columns to leave out",
        guess.names,
        default=guess.left_out,
        key=f"exclude_{key}",
        placeholder="None",
        help="Columns that are not trained on, such as row numbers, names, or anything that was made from the labels.",
    )
    untrained = {label, identity, *chosen} - {""}
    _say_categories({name: count for name, count in guess.categories.items() if name not in untrained}, guess)
    _warn(guess, untrained, bool(label))
    options = {
        "label_column": label,
        "id_column": identity,
        # The empty name: exactly these columns are left out, and none besides them.
        "exclude": ("", *(name for name in chosen if name not in (label, identity))),
        "header": header,
    }
    return options, guess.image_shape or ()


def _header(path: Path) -> bool | None:
    """Whether the first row holds the names of the columns; None to find out. Parquet files have names."""
    if path.suffix.lower() == ".parquet":
        return None
    choice = st.segmented_control(
        "First row",
        list(FIRST_ROW),
        default="Detect",
        key=f"header_{path}",
        help="Whether the first row of the file names the columns or is a sample. Detect compares it with the others.",
    )
    return FIRST_ROW[choice or "Detect"]


def _column(title: str, guess: Columns, guessed: str | None, none: str, key: str, help: str) -> str:
    """The column that is picked, "" for none."""
    names = ["", *guess.names]
    return st.selectbox(
        title,
        names,
        index=names.index(guessed or ""),
        format_func=lambda name: name or none,
        key=key,
        help=help,
    )


def _say_categories(categories: dict[str, int], guess: Columns) -> None:
    """Which columns of text become how many inputs."""
    if categories:
        shown = listed(f"{name} ({count})" for name, count in categories.items())
        st.caption(
            f"Text columns become categories with one input per value, which can decide the clusters:"
            f" {formatting.plain(shown)}. Leave out those that do not describe what should be grouped."
            f" Counted in the first {guess.first_rows:,} rows."
        )


def _warn(guess: Columns, untrained: set[str], labelled: bool) -> None:
    """What would be trained on although it looks like labels, or might decide the clusters."""
    labels = [name for name in guess.labels if name not in untrained]
    many = [f"{name} ({guess.categories[name]})" for name in guess.many_values if name not in untrained]
    notes = [
        Note(kind, about=listed(names))
        for kind, names in (("labels_trained_on", labels), ("many_categories", many))
        if names
    ]
    notes += guess.roles.doubts_of(untrained, labelled)
    if notes:
        sentences = [formatting.plain(note) for note in notes]
        st.warning("\n\n".join(sentences), icon=":material/warning:")


@st.cache_data(show_spinner="Reading the first rows", max_entries=20)
def _guess_columns(path: Path, changed: int, header: bool | None) -> Columns:
    """The columns of a table, and which of them are probably label and id."""
    return guess_columns(path, header=header)
