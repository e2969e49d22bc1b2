"""The uploader, and uploaded files: copied into the workspace by their content, so that memory lets go of them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import streamlit as st

from dsc_core.data import FORMATS
from dsc_core.data.allowed import allowed_path
from dsc_core.errors import InputError
from dsc_core.runs import home

LONGEST = 160  # bytes of a file's name
PIECE = 1 << 22  # bytes hashed and written at a time


def pick(prefix: str = "") -> Path | None:
    """The uploader, and a field for a path on this machine; the file or folder that was just given, else None.

    An upload is copied to disk at once and let go, by giving the uploader a new key: the caller reruns the page.
    prefix: of the widgets' keys, one a page. InputError where an upload cannot be kept.
    """
    count = st.session_state.setdefault(f"{prefix}uploads", 0)
    file = st.file_uploader(
        "Images or a table",
        key=f"{prefix}uploader_{count}",
        label_visibility="collapsed",
        help=f"{FORMATS[0].upper()}{FORMATS[1:]}.",
    )
    st.caption("ZIP or TAR of images, .npz, .npy, HDF5, .mat, CSV, Parquet, IDX. Stays on this machine.")
    chosen = None
    with st.expander("From a folder or file on this machine", key=f"{prefix}from_path"):
        path = st.text_input(
            "Path", key=f"{prefix}path", placeholder="~/images", label_visibility="collapsed"
        )
        if st.button("Open", key=f"{prefix}open_path", disabled=not path.strip()):
            chosen = allowed_path(path.strip())
    if file is not None:
        st.session_state[f"{prefix}uploads"] = count + 1
        try:
            chosen = keep(file.name, file.getbuffer(), home())
        except OSError as problem:
            raise InputError(f"The file could not be kept: {problem.strerror}.") from problem
    return chosen


def keep(name: str, content: memoryview, folder: Path) -> Path:
    """Write `content` to `folder`/uploads/<hash>/<name> unless it is there already; the path of it.

    Only the last part of `name` is used, so that no upload is written outside its own folder.
    """
    digest = hashlib.sha256(content).hexdigest()[:24]
    safe = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in Path(name).name).strip(
        ". "
    )
    # the end is kept, which has the suffix; names are limited in bytes, and a letter may take four of them
    safe = safe.encode()[-LONGEST:].decode(errors="ignore")
    target = folder / "uploads" / digest / (safe or "upload")
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as out:
        for begin in range(0, len(content), PIECE):
            out.write(content[begin : begin + PIECE])
    os.replace(draft, target)
    return target
