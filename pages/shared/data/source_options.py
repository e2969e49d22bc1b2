"""Options for reading an uploaded file: label and id columns, arrays, image shape."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dsc_core.data import guess_keys, parse_size, source_kind
from dsc_core.errors import InputError
from pages.shared import formatting, uploads
from pages.shared.data import image_options, importing, table_options
from pages.shared.data.table_options import FOR_SCORES


def upload() -> None:
    """The uploader, and the field for a path."""
    st.subheader("Your own", anchor=False)
    try:
        path = uploads.pick()
    except InputError as problem:
        st.session_state["data_problem"] = problem
        st.rerun()
    if path is not None:
        select(path)
        st.rerun()


def select(path: Path) -> None:
    """Import a file or folder at once, or show its options first where there are any."""
    st.session_state["source"], st.session_state["data_problem"] = path, None
    if not source_kind(path):
        importing.import_source(path)


def panel() -> None:
    """The options of the selected file, where it can be read in more than one way."""
    path: Path | None = st.session_state.get("source")
    if path is None or not is_open():
        return
    size = getattr(st.session_state.get("data_problem"), "proposed", None)  # a common size for mixed images
    kind = source_kind(path)
    with st.container(border=True, key="source_form"):
        st.markdown(f"**{formatting.plain(path.name)}**")
        if kind == "images":
            options = image_options.archive_form(path, size)
        else:
            form = {"table": _table_options, "keys": _array_options}.get(kind)
            options = form(path) if form else {}
        if options is not None and size and kind != "images":
            options["size"] = image_options.size_option("", size, True)
        if options is not None and st.button(
            "Open", type="primary", key="open_source", icon=":material/folder_open:"
        ):
            importing.import_source(path, **options)
            st.rerun()
        if options is not None and kind == "images":  # below the button, which must not move out of view
            image_options.preview_files(path, options)


def is_open() -> bool:
    """Whether there is a selected file that can be read in more than one way."""
    path: Path | None = st.session_state.get("source")
    problem = st.session_state.get("data_problem")
    return path is not None and bool(source_kind(path) or getattr(problem, "proposed", None))


def close() -> None:
    """Forget the selected file and what was wrong with it."""
    st.session_state["source"] = st.session_state["data_problem"] = None


def _table_options(path: Path) -> dict | None:
    """Header, columns and image shape of a table, preset by a guess; None where it cannot be read."""
    form = table_options.draw(path)
    return None if form is None else _with_image_shape(path, *form)


def _with_image_shape(path: Path, options: dict, guess: tuple[int, ...] = ()) -> dict | None:
    """`options` with the image shape of the rows, if they are images; None where it cannot be parsed."""
    text = st.text_input(
        "Image shape",
        " × ".join(map(str, guess)),
        key=f"image_shape_{path}",
        placeholder="Not images",
        help="If each row is an image: height × width or channels × height × width, for example 28 × 28.",
    )
    try:
        return options | {"image_shape": parse_size(text) if text.strip() else None}
    except InputError as problem:
        st.error(formatting.plain(problem))
        return None


def _array_options(path: Path) -> dict | None:
    """Which arrays of a file are samples, labels and ids, preset by a guess; None where it cannot be read."""
    try:
        guess = _guess_arrays(path)
    except InputError as problem:
        st.error(formatting.plain(problem), icon=":material/error:")
        return None
    if guess.problem:
        st.warning(formatting.plain(guess.problem), icon=":material/warning:")
    options = {
        "samples_key": _array_option(path, "Samples", guess, guess.samples) or None,
        "label_column": _array_option(path, "Labels", guess, guess.labels, FOR_SCORES),
        "id_column": _array_option(path, "Ids", guess, guess.ids),
    }
    for name, guessed in (
        ("label_column", guess.labels),
        ("id_column", guess.ids),
        ("samples_key", guess.samples),
    ):
        as_guessed = options["samples_key"] in (None, *guess.samples) and (options[name],) == guessed
        options[name] = None if as_guessed else options[name]  # then read as by default, with notes
    samples = [options["samples_key"]] if options["samples_key"] else guess.samples
    if not any(guess.is_matrix(key) for key in samples):
        return options
    if guess.columns_first:
        options["columns_first"] = st.toggle(
            "Column-major pixels",
            value=True,
            key=f"columns_first_{path}",
            help="MATLAB stores the pixels of an image column by column. Turn off if the images appear rotated.",
        )
    return _with_image_shape(path, options)


def _array_option(
    path: Path, title: str, guess, guessed: tuple[str, ...], help: str | None = None
) -> str | None:
    """The array picked for samples, labels or ids; None for several guessed ones joined, "" for none."""
    joined = [None] if len(guessed) > 1 else []
    return st.selectbox(
        title,
        [*joined, *([""] if title != "Samples" else []), *guess.arrays],
        index=_array_index(title, guess, guessed),
        format_func=lambda key: " + ".join(guessed) if key is None else _array_title(guess, key),
        key=f"{title.lower()}_key_{path}",
        help=help,
    )


def _array_index(title: str, guess, guessed: tuple[str, ...]) -> int | None:
    """The position of the guess among the options; none for samples that must be chosen."""
    if not guessed and title == "Samples":
        return None
    return list(guess.arrays).index(guessed[0]) + (title != "Samples") if len(guessed) == 1 else 0


def _array_title(guess, key: str) -> str:
    """The key of an array with its shape and type."""
    return f"{key} ({guess.arrays[key]})" if key else "None"


@st.cache_data(show_spinner="Reading the list of arrays", max_entries=20)
def _guess_arrays(path: Path):
    """The arrays in a file, and which of them are probably samples, labels and ids."""
    return guess_keys(path)
