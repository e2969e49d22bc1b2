"""Data: choose a sample or bring your own images or table, and see what will be clustered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from dsc_core.data import (
    CHANNELS,
    fetchable_names,
    guess_columns,
    guess_keys,
    load_dataset,
    open_dataset,
    parse_size,
    sample_names,
    source_kind,
)
from dsc_core.data.look import as_read, look, plane
from dsc_core.errors import InputError, RunError
from dsc_core.method.networks.sizes import in_words
from dsc_core.plots import interactive
from dsc_core.runs import home
from pages.shared import imports, state, uploads, widgets

TRAIN = "pages/views/train.py"
ABOUT = {
    "digits": "1,797 handwritten digits of 8\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}8. The quickest to train.",
    "mnist-test": "10,000 handwritten digits of 28\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}28.",
    "mnist": "70,000 handwritten digits of 28\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}28.",
    "usps": "9,298 digits from envelopes, 16\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}16.",
    "fashion-mnist": "70,000 pictures of clothes, 28\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}28.",
    "kmnist": "70,000 characters of old Japanese script, 28\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}28.",
    "cifar10": "60,000 colour photographs, 32\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}32.",
    "fashion-mnist-test": "10,000 pictures of clothes, 28\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}28.",
}
PICTURED = ("digits", "mnist-test")  # quick enough to open for a strip of thumbnails
PREVIEW, FEW = 60, 15
AS_THEY_ARE = "as they are"


# Where data comes from ------------------------------------------------------------------------------------


def take(source, **options) -> None:
    """Begin to import `source` into the workspace; the next run of the page waits for it."""
    st.session_state["data_problem"] = None
    imports.start(source, home(), options)


def taken() -> bool:
    """Wait for the import that runs, if any, and make it the current data set, or say what is wrong.

    The data set that was chosen before stays chosen when this one cannot be read.
    """
    job = imports.settled()
    if job is None:
        return False
    st.session_state["data_problem"] = job.problem
    if job.key is not None:
        st.session_state["preview_seed"] = 0
        remember(job)
        state.choose("data", job.key)
        state.choose("run", None)
    return True


def remember(job) -> None:
    """Whence the current data set came, so that it can be read once more with other choices.

    "plain": the key under which it was first read. What is chosen later is shown on these images.
    """
    known = st.session_state.get("came_from")
    otherwise = any(job.options.get(name) for name in ("size", "crop", "channels"))
    if known and known["source"] == job.source and otherwise:
        known["key"] = job.key
    else:
        st.session_state["came_from"] = {
            "key": job.key,
            "plain": job.key,
            "source": job.source,
            "options": job.options,
        }


def samples(columns: int) -> None:
    """One card a data set that is ready to use."""
    st.subheader("Ready to use", anchor=False)
    with st.grid(columns, min_column_width=280):
        for name in sample_names():
            with st.container(border=True, gap="small", height="stretch", vertical_alignment="distribute"):
                sample_card(name)
    fetchable()


def fetchable() -> None:
    """The public sets that are not at hand, behind a choice: fetching takes a network and some minutes."""
    names = fetchable_names()
    if not names:
        return
    with st.expander("More, from OpenML", icon=":material/cloud_download:", key="from_openml"):
        name = st.selectbox("Data set", names, key="to_fetch", label_visibility="collapsed")
        st.caption(
            f"{ABOUT[name]} Fetched once and kept in the workspace. Without a network: put the file {name}.npz"
            " in the folder that DSC_DATA names."
        )
        if st.button("Fetch", key="fetch", icon=":material/cloud_download:"):
            st.session_state["source"] = None
            take(name)
            st.rerun()


def sample_card(name: str) -> None:
    """The card of one data set: some of its images where they are quick to open, its name, a button."""
    if name in PICTURED:
        st.image(strip(name), alt=f"Some images of {name}", width="stretch")
    about = ABOUT.get(name, "A data set of your data folder.")
    # The button below, not beside: beside a long text it would go below alone, and cards would differ.
    st.markdown(f"**{widgets.plain(name)}**  \n:small[{about}]", width="stretch")
    if st.button("Use", key=f"use_{name}"):
        st.session_state["source"] = None
        take(name)
        st.rerun()


@st.cache_data(show_spinner=False)
def strip(name: str) -> np.ndarray:
    """A row of thumbnails of a built-in sample."""
    dataset = open_dataset(name)
    return interactive.image_sheet(
        dataset.values(interactive.seeded_choice(len(dataset), 10, 3)), 10, tile=40
    )


def upload() -> None:
    """The uploader, and the field for a path."""
    st.subheader("Your own", anchor=False)
    try:
        path = uploads.pick()
    except InputError as problem:
        st.session_state["data_problem"] = problem
        st.rerun()
    if path is not None:
        chosen(path)
        st.rerun()


def chosen(path: Path) -> None:
    """A file or folder was named: read it at once, or ask first where there is a choice to make."""
    st.session_state["source"], st.session_state["data_problem"] = path, None
    if not source_kind(path):
        take(path)


def choices() -> None:
    """The panel of a file that can be read in more than one way."""
    path: Path | None = st.session_state.get("source")
    resized = getattr(st.session_state.get("data_problem"), "proposed", None)
    if path is None or not (source_kind(path) or resized):  # what was read at once leaves nothing to ask
        return
    with st.container(border=True):
        st.markdown(f"**{widgets.plain(path.name)}**")
        ask = {"table": table_choices, "keys": key_choices}.get(source_kind(path), image_choices)
        options = ask(path)
        size = getattr(st.session_state.get("data_problem"), "proposed", None)
        if options is not None and source_kind(path) == "images":
            options |= seen_choices("", size, bool(size))
            preview_of_files(path, options)
        elif options is not None and size:
            options["size"] = size_choice("", size, True)
        if options is not None and st.button(
            "Open", type="primary", key="open_source", icon=":material/folder_open:"
        ):
            take(path, **options)
            st.rerun()


def image_choices(path: Path) -> dict:
    """What can be said of images: whether folders are labels."""
    options = {}
    if source_kind(path) == "images":
        options["labels_from_folders"] = st.toggle(
            "Folders are labels",
            key="folders_are_labels",
            help="The folder that holds an image is its class. Used for scores only, never for training.",
        )
    return options


def seen_choices(prefix: str, proposed: tuple[int, int] | None, resized: bool) -> dict:
    """How images are to be brought to one size, one cut and one number of channels. prefix: of the widgets' keys."""
    options = {"size": size_choice(prefix, proposed, resized)}
    options["crop"] = st.toggle(
        "Crop to the middle",
        key=f"{prefix}crop",
        persist_state="session",
        help="Take the middle of each image, in the proportions of the size or a square. Off: the whole image, "
        "squeezed where its proportions differ.",
    )
    channels = st.segmented_control(
        "Channels",
        [AS_THEY_ARE, *CHANNELS],
        default=AS_THEY_ARE,
        required=True,
        key=f"{prefix}channels",
        persist_state="session",
    )
    return options | {"channels": channels if channels in CHANNELS else None}


def size_choice(prefix: str, proposed: tuple[int, int] | None, resized: bool) -> tuple[int, int] | None:
    """A common size for images, None for their own; it starts at the proposed one, in use if `resized`."""
    names = [f"{prefix}resize_{side}" for side in ("height", "width")]
    if proposed and st.session_state.get(f"{prefix}proposed") != proposed:
        st.session_state[f"{prefix}proposed"] = proposed
        st.session_state[f"{prefix}resize"] = resized
        st.session_state[names[0]], st.session_state[names[1]] = map(int, proposed)
    for name in names:
        st.session_state.setdefault(name, 28)
    if not st.toggle("Resize all images", key=f"{prefix}resize", persist_state="session"):
        return None
    left, right = st.columns(2)
    height = left.number_input("Height", 8, 512, key=names[0], persist_state="session")
    width = right.number_input("Width", 8, 512, key=names[1], persist_state="session")
    return int(height), int(width)


def preview_of_files(path: Path, options: dict) -> None:
    """Some of the images of a folder or an archive as the choices make them; or in words why there are none."""
    try:
        found = some_images(path, path.stat().st_mtime_ns, **options)
    except (InputError, OSError) as problem:
        st.caption(widgets.plain(problem))
    else:
        seen(*found)


@st.cache_data(show_spinner="Looking at some images", max_entries=20)
def some_images(path: Path, stamp: int, **options) -> tuple[np.ndarray, tuple[int, ...]]:
    """A sheet of a few images and the shape of one. stamp: of the file's last change."""
    found = open_dataset(path, most=FEW, **options)
    return interactive.image_sheet(found.values(), FEW, tile=56), found.shape


def seen(sheet: np.ndarray, shape: tuple[int, ...]) -> None:
    """A sheet of images as the network will see them, and which network that is."""
    st.image(sheet, width="stretch", alt="Some images as the network will see them")
    size = " × ".join(map(str, shape))
    st.caption(f"**What the network will see**, {size}. {in_words(shape)}")


def adjust(dataset, key: str) -> None:
    """Size, crop and channels of a data set that was read at once, on request."""
    known = st.session_state.get("came_from")
    if dataset.kind != "image" or not known or known["key"] != key:
        return
    if isinstance(known["source"], Path) and source_kind(known["source"]) == "images":
        return  # the panel of its file asks for the same
    place = st.expander("Size, crop and colour", icon=":material/crop:", key="adjust", on_change="rerun")
    if not place.open:
        return
    with place:
        try:
            plain = load_dataset(known["plain"], home())
            options = seen_choices(
                f"adjust_{known['plain'][:8]}_", plain.shape[1:], bool(known["options"].get("size"))
            )
            rows = interactive.seeded_choice(len(plain), FEW, st.session_state["preview_seed"])
            made = as_read(plain, rows, **options)
        except (InputError, RunError) as problem:
            st.error(widgets.plain(problem), icon=":material/error:")
            return
        seen(interactive.image_sheet(made.values(), FEW, tile=56), made.shape)
        if st.button("Read it so", key="adjust_open", icon=":material/crop:"):
            take(known["source"], **(known["options"] | options))
            st.rerun()


def table_choices(path: Path) -> dict | None:
    """Which columns are label and id, and whether the rows are images; it starts with a guess."""
    try:
        guess = guessed(path)
    except InputError as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
        return None
    label = st.selectbox(
        "Label column",
        guess.names,
        index=place(guess.names, guess.label),
        placeholder="none",
        key=f"label_column_{path}",
        help="The class of each row. Used for scores only, never for training.",
    )
    identity = st.selectbox(
        "Id column",
        guess.names,
        index=place(guess.names, guess.id),
        placeholder="row number",
        key=f"id_column_{path}",
    )
    columns = {"label_column": label or "", "id_column": identity or ""}
    return shape_choice(path, columns, guess.image_shape or ())


def shape_choice(path: Path, options: dict, guess: tuple[int, ...] = ()) -> dict | None:
    """`options` with the shape of the images that rows hold, if they do; None where it cannot be read."""
    text = st.text_input(
        "Image shape",
        " × ".join(map(str, guess)),
        key=f"image_shape_{path}",
        placeholder="not images",
        help="Where each row is an image: height × width, or channels × height × width, as in 28 × 28.",
    )
    try:
        return options | {"image_shape": parse_size(text) if text.strip() else None}
    except InputError as problem:
        st.error(widgets.plain(problem))
        return None


def key_choices(path: Path) -> dict | None:
    """Which arrays of a file are samples, labels and ids; it starts with a guess that the user confirms."""
    try:
        guess = guessed_keys(path)
    except InputError as problem:
        st.error(widgets.plain(problem), icon=":material/error:")
        return None
    options = {
        "samples_key": key_choice(path, "Samples", guess, guess.samples) or None,
        "label_column": key_choice(
            path, "Labels", guess, guess.labels, "Used for scores only, never for training."
        ),
        "id_column": key_choice(path, "Ids", guess, guess.ids),
    }
    samples = [options["samples_key"]] if options["samples_key"] else guess.samples
    if not any(guess.is_matrix(key) for key in samples):
        return options
    if guess.columns_first:
        options["columns_first"] = st.toggle(
            "Pixels run down the columns",
            value=True,
            key=f"columns_first_{path}",
            help="As MATLAB lays out an image in a row. Off where the images would lie on their side.",
        )
    return shape_choice(path, options)


def key_choice(path: Path, title: str, guess, taken: tuple[str, ...], help: str | None = None) -> str | None:
    """The key picked for samples, labels or ids; None for the guess, where several are joined, "" for none."""
    joined = [None] if len(taken) > 1 else []
    return st.selectbox(
        title,
        [*joined, *([""] if title != "Samples" else []), *guess.arrays],
        index=0 if joined or not taken else list(guess.arrays).index(taken[0]) + (title != "Samples"),
        format_func=lambda key: " + ".join(taken) if key is None else key_title(guess, key),
        key=f"{title.lower()}_key_{path}",
        help=help,
    )


def key_title(guess, key: str) -> str:
    """A key with what lies under it; the empty one is none."""
    return f"{key} ({guess.arrays[key]})" if key else "none"


@st.cache_data(show_spinner="Looking into the file", max_entries=20)
def guessed_keys(path: Path):
    """What the reader thinks of the arrays in a file."""
    return guess_keys(path)


@st.cache_data(show_spinner=False, max_entries=20)
def guessed(path: Path):
    """What the reader thinks of a table's columns."""
    return guess_columns(path)


def place(names: tuple[str, ...], name: str | None) -> int | None:
    """Where `name` stands in `names`, None where there is no such name."""
    return names.index(name) if name in names else None


# What it is -----------------------------------------------------------------------------------------------


def show(dataset, key: str) -> None:
    """The chosen data set: its figures, a look at it, and the way on."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(widgets.plain(dataset.name), anchor=False, width="content")
        st.space("stretch")
        if st.button("Continue to training", type="primary", icon=":material/arrow_forward:", key="continue"):
            st.switch_page(TRAIN, query_params={"data": key})
    low, high = value_range(key, dataset)
    with st.grid(4, min_column_width=140):
        st.metric("Samples", f"{len(dataset):,}")
        st.metric("Shape", " × ".join(map(str, dataset.shape)), help="Channels × height × width, or columns.")
        plain = "As read. Images are scaled to 0 to 1 for training."
        standardised = "As the network sees them: numbers standardised, categories as columns of their own."
        st.metric(
            "Values", f"{low:.4g} to {high:.4g}", help=plain if dataset.kind == "image" else standardised
        )
        st.metric("Classes", dataset.classes or "no labels")
    if dataset.skipped:
        st.warning(f"{len(dataset.skipped):,} could not be read and are left out.", icon=":material/warning:")
        with st.expander("What was left out, and why", key="skipped"):
            st.dataframe(pd.DataFrame(dataset.skipped, columns=["file", "reason"]), hide_index=True)
    for note in dataset.notes:
        st.caption(widgets.plain(note))
    if dataset.kind == "image":
        images(dataset, key)
        adjust(dataset, key)
    else:
        table(dataset)
    before_training(dataset, key)


@st.cache_data(show_spinner=False, max_entries=20)
def value_range(key: str, _dataset) -> tuple[float, float]:
    """Smallest and largest value as read."""
    return float(np.min(_dataset.samples)), float(np.max(_dataset.samples))


def images(dataset, key: str) -> None:
    """A sheet of images, drawn by a seed that the button moves on."""
    seed = st.session_state.setdefault("preview_seed", 0)
    with st.container(border=True):
        st.image(sheet(key, seed, dataset), width="stretch", alt=f"A sample of the images of {dataset.name}")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("Reshuffle", icon=":material/shuffle:", key="reshuffle", on_click=reshuffle)
            st.caption(f"{min(PREVIEW, len(dataset))} of {len(dataset):,}, drawn at random (seed {seed}).")
        st.caption(f"As the network sees them. {in_words(dataset.shape)}")


def reshuffle() -> None:
    """Draw other samples."""
    st.session_state["preview_seed"] += 1


@st.cache_data(show_spinner=False, max_entries=30)
def sheet(key: str, seed: int, _dataset) -> np.ndarray:
    """The preview sheet as one picture."""
    return interactive.image_sheet(
        _dataset.values(interactive.seeded_choice(len(_dataset), PREVIEW, seed)), 15, tile=56
    )


def table(dataset) -> None:
    """Some rows, as the network sees them."""
    rows = interactive.seeded_choice(len(dataset), PREVIEW, st.session_state.setdefault("preview_seed", 0))
    frame = pd.DataFrame(dataset.values(rows), columns=dataset.column_titles)
    frame.insert(0, "id", dataset.ids[rows])
    st.markdown("**Some rows, as the network sees them**")
    st.dataframe(frame, hide_index=True, height=320)
    about = in_words(dataset.shape)
    if all(title.isdecimal() for title in dataset.column_titles):  # a matrix, whose columns have no names
        about += (
            " Are the rows embeddings of a pretrained model? Then set the encoder to none when you train, and they go"
            " straight to the graph."
        )
    st.caption(about)
    st.button("Reshuffle", icon=":material/shuffle:", key="reshuffle", on_click=reshuffle)


def before_training(dataset, key: str) -> None:
    """What a look at all samples finds, class counts, and a first map of them."""
    found = looked(key, dataset)
    with st.container(border=True):
        st.markdown("**A look before training**")
        with st.grid(3, min_column_width=140):
            st.metric(
                "Duplicates", f"{found.duplicates:,}", help="Samples that equal an earlier one exactly."
            )
            if dataset.kind == "image":
                st.metric(
                    "Near-constant", f"{found.flat:,}", help="Images that vary by 2 % of the range or less."
                )
            else:
                missing = sum(count for _, count in found.missing)
                st.metric("Missing values", f"{missing:,}", help="Filled when the table was read.")
        oddities(dataset, found)
        first_map(dataset, key)
    if found.classes is not None:
        class_counts(found)


@st.cache_data(show_spinner="Looking at the data", max_entries=20)
def looked(key: str, _dataset):
    """Duplicates, near-constant images, missing values and class counts."""
    return look(_dataset)


def oddities(dataset, found) -> None:
    """Which samples are duplicates or near-constant, and which columns had gaps; nothing where there are none."""
    if found.duplicates:
        with st.expander("Which are duplicates", key="duplicates"):
            pairs = {"id": dataset.ids[found.repeats[:, 0]], "equals": dataset.ids[found.repeats[:, 1]]}
            st.dataframe(pd.DataFrame(pairs), hide_index=True, height=220)
    if found.flat:
        with st.expander("Which are near-constant", key="near_constant"):
            at = found.flat_at[:PREVIEW]
            st.image(interactive.image_sheet(dataset.values(at), 15, tile=56), width="stretch")
            st.caption(widgets.plain(", ".join(dataset.ids[at].tolist())[:2000]))
    if found.missing:
        with st.expander("Where values were missing", key="missing"):
            st.dataframe(pd.DataFrame(found.missing, columns=["column", "missing"]), hide_index=True)


def first_map(dataset, key: str) -> None:
    """A 2-D PCA, coloured by class where there are labels: a picture before anything is learned."""
    found = projected(key, dataset)
    labels = None if dataset.labels is None else dataset.labels[found.rows].astype(str)
    names = [] if labels is None else sorted(set(labels.tolist()), key=lambda name: (len(name), name))
    if not 1 < len(names) <= len(interactive.PALETTE):
        labels, names = np.full(len(found.rows), "samples"), ["samples"]
    hover = [f"{name}: {group}" for name, group in zip(dataset.ids[found.rows], labels, strict=True)]
    figure = interactive.group_map(found.points, labels, {name: name for name in names}, hover)
    st.plotly_chart(figure, key="pca", config={"displaylogo": False})
    first, second = found.explained
    st.caption(
        f"The two main directions (PCA) of {len(found.rows):,} samples; they carry {first:.0%} and {second:.0%}"
        " of the variance. Classes, where known, give the colours and nothing else."
    )


@st.cache_data(show_spinner=False, max_entries=20)
def projected(key: str, _dataset):
    """A 2-D PCA of a sample."""
    return plane(_dataset)


def class_counts(found) -> None:
    """How many samples each class has."""
    names, counts = [name for name, _ in found.classes], [count for _, count in found.classes]
    with st.container(border=True):
        st.markdown("**Samples a class**", help="Labels are used for scores only; they never reach training.")
        if len(names) > 60:
            st.dataframe(pd.DataFrame({"class": names, "samples": counts}), hide_index=True, height=260)
        else:
            option = interactive.bars(names, np.array(counts), first_colour=None)
            widgets.echart(option, height=220, key="label_counts", alt="Samples a class")


def welcome() -> None:
    """Before anything is chosen: what this is, and all the ways to begin."""
    st.title("What shall be clustered?", anchor=False)
    st.markdown(
        "Choose images or a table; a dual autoencoder and a spectral network then find the groups in it. "
        "You see what was read before anything is trained, and nothing leaves this machine."
    )
    samples(3)
    with st.container(width=760):
        upload()
        choices()
        problem()


def problem() -> None:
    """What was wrong with the last choice, in one sentence; the data set chosen before stays chosen."""
    if st.session_state.get("data_problem") is not None:
        st.error(widgets.plain(st.session_state["data_problem"]), icon=":material/error:")


def page() -> None:
    """The ways to choose, and beside them the chosen data set once there is one."""
    if taken():
        st.rerun()
    dataset = state.dataset()
    if dataset is None:
        welcome()
        return
    main, side = st.columns([2, 1], gap="large")
    with main:
        show(dataset, state.current("data"))
    with side:
        upload()
        choices()
        problem()
        samples(1)


page()
