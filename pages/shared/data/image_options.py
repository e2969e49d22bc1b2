"""Options for images: size, crop and channels, with a preview of what the network gets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from dsc_core.data import CHANNELS, MAX_SIDE, MIN_SIDE, load_dataset, open_dataset, source_kind
from dsc_core.data.folder_labels import FolderLevel
from dsc_core.data.image_look import ImageLook, look_at_images
from dsc_core.data.inspection import preview_images
from dsc_core.errors import InputError, RunError
from dsc_core.method.networks.sizes import describe_network
from dsc_core.plots.image_sheets import image_sheet
from dsc_core.runs import home
from dsc_core.sampling import sample_rows
from pages.shared import formatting
from pages.shared.data import importing

UNCHANGED = "unchanged"
PAGES = {"first": "Read the first", "all": "Each is a sample"}
DEFAULT_SIDE = 28  # pixels
PREVIEW_COUNT, TILE = 15, 56


def archive_form(path: Path, proposed: tuple[int, int] | None) -> dict | None:
    """How the images of a folder or an archive are read, as options of `open_dataset`; None if it cannot be read.

    Preset by a first look at the images. proposed: a size from an error, where the look did not see that one is needed.
    """
    try:
        look = _first_look(path, path.stat().st_mtime_ns)
    except (InputError, OSError) as problem:
        st.error(formatting.plain(problem), icon=":material/error:")
        return None
    if st.session_state.get("sizes_asked_of") != str(path):  # another file keeps no size of the one before
        st.session_state["sizes_asked_of"] = str(path)
        st.session_state["resize"], st.session_state["proposed"] = False, None
    options = _folder_options(path, look.levels)
    if look.paged:
        options["pages"] = _pages_option(path)
    size = proposed or look.proposed
    if look.proposed:
        st.caption(formatting.plain(look.why_resized))
    options |= options_form("", size, bool(size))
    switched_off = look.proposed and options["size"] is None
    if switched_off and len(look.sizes) == 1:  # the images keep their size
        options["size"] = next(iter(look.sizes))
    return options


def _folder_options(path: Path, levels: list[FolderLevel]) -> dict:
    """Whether the folders of images are labels, and which folders."""
    as_labels = st.toggle(
        "Use folder names as labels",
        key="folders_are_labels",
        help="The label of an image is the folder it lies in. Used for scores only, never for training.",
    )
    options: dict = {"labels_from_folders": as_labels}
    if as_labels and len(levels) > 1:
        titles = {0: "Found by itself"} | {level.level: level.title for level in levels}
        chosen = st.selectbox(
            "Folders that name the classes",
            list(titles),
            format_func=lambda level: f"{level}. {titles[level]}" if level else titles[level],
            key=f"folder_level_{path}",
            help="Counted from the image: 1 is the folder that contains it, 2 the one around that.",
        )
        options["folder_level"] = chosen or None
    return options


def _pages_option(path: Path) -> str:
    """Whether every page of a file is a sample."""
    return st.segmented_control(
        "Files with several pages or frames",
        list(PAGES),
        default="first",
        required=True,
        format_func=PAGES.get,
        key=f"pages_{path}",
        help="A page of its own has the name of its file and its number: stack.tif#2.",
    )


@st.cache_data(show_spinner="Looking at the images", max_entries=20)
def _first_look(path: Path, modified: int) -> ImageLook:
    """What a first look at the images of a folder or an archive found."""
    return look_at_images(path)


def options_form(prefix: str, proposed: tuple[int, int] | None, resize: bool) -> dict:
    """Size, crop and channels of all images, as options of `open_dataset`. prefix: of the widgets' keys."""
    options = {"size": size_option(prefix, proposed, resize)}
    options["crop"] = st.toggle(
        "Center crop",
        key=f"{prefix}crop",
        persist_state="session",
        help="Cut each image to the proportions of the size above, or to a square. If off, images with other "
        "proportions are stretched.",
    )
    channels = st.segmented_control(
        "Channels",
        [UNCHANGED, *CHANNELS],
        default=UNCHANGED,
        required=True,
        key=f"{prefix}channels",
        persist_state="session",
        format_func=str.capitalize,
    )
    return options | {"channels": channels if channels in CHANNELS else None}


def size_option(prefix: str, proposed: tuple[int, int] | None, resize: bool) -> tuple[int, int] | None:
    """A common (height, width), preset to `proposed` and switched on if `resize`; None keeps the images' size."""
    names = [f"{prefix}resize_{side}" for side in ("height", "width")]
    if proposed and st.session_state.get(f"{prefix}proposed") != proposed:
        st.session_state[f"{prefix}proposed"] = proposed
        st.session_state[f"{prefix}resize"] = resize
        st.session_state[names[0]], st.session_state[names[1]] = (
            min(int(side), MAX_SIDE) for side in proposed
        )
    for name in names:
        st.session_state.setdefault(name, DEFAULT_SIDE)
    if not st.toggle("Resize all images", key=f"{prefix}resize", persist_state="session"):
        return None
    left, right = st.columns(2)
    height = left.number_input("Height", MIN_SIDE, MAX_SIDE, key=names[0], persist_state="session")
    width = right.number_input("Width", MIN_SIDE, MAX_SIDE, key=names[1], persist_state="session")
    return int(height), int(width)


def preview_files(path: Path, options: dict) -> None:
    """Some images of a folder or an archive as read with these options, or why they cannot be read."""
    try:
        preview = _read_preview(path, path.stat().st_mtime_ns, **options)
    except (InputError, OSError) as problem:
        st.caption(formatting.plain(problem))
    else:
        _draw_preview(*preview)


@st.cache_data(show_spinner="Reading some images", max_entries=20)
def _read_preview(path: Path, modified: int, **options) -> tuple[np.ndarray, tuple[int, ...]]:
    """A sheet of a few images, and the shape of one."""
    dataset = open_dataset(path, most=PREVIEW_COUNT, **options)
    return image_sheet(dataset.values(), PREVIEW_COUNT, tile=TILE), dataset.shape


def _draw_preview(sheet: np.ndarray, shape: tuple[int, ...]) -> None:
    """A sheet of images as the network gets them, and the network that fits them."""
    st.image(sheet, width="stretch", alt="Some images as the network gets them")
    size = " × ".join(map(str, shape))
    st.caption(f"**Network input**: {size}. {describe_network(shape)}")


def adjust(dataset, key: str) -> None:
    """A section that re-imports the current images with another size, crop or channels.

    Not for files whose panel has these options already.
    """
    origin = st.session_state.get("came_from")
    if dataset.kind != "image" or not origin or origin["key"] != key:
        return
    if isinstance(origin["source"], Path) and source_kind(origin["source"]) == "images":
        return
    section = st.expander("Size, crop and channels", icon=":material/crop:", key="adjust", on_change="rerun")
    if section.open:
        with section:
            _adjust_form(origin)


def _adjust_form(origin: dict) -> None:
    try:
        plain = load_dataset(origin["plain"], home())
        prefix = f"adjust_{origin['plain'][:8]}_"
        options = options_form(prefix, plain.shape[1:], bool(origin["options"].get("size")))
        rows = sample_rows(len(plain), PREVIEW_COUNT, st.session_state["preview_seed"])
        preview = preview_images(plain, rows, **options)
    except (InputError, RunError) as problem:
        st.error(formatting.plain(problem), icon=":material/error:")
        return
    _draw_preview(image_sheet(preview.values(), PREVIEW_COUNT, tile=TILE), preview.shape)
    if st.button("Re-import with these settings", key="adjust_open", icon=":material/crop:"):
        importing.import_source(origin["source"], **(origin["options"] | options))
        st.rerun()
