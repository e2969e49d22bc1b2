"""The uploader; uploaded files are copied into the workspace under their hash and released from memory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import streamlit as st

from dsc_core.data import FORMATS
from dsc_core.data.folder_access import allowed_path
from dsc_core.errors import InputError
from dsc_core.runs import home
from dsc_core.temporary import temporary_file

MAX_NAME_BYTES = 160
CHUNK_BYTES = 1 << 22  # hashed and written at a time
FORBIDDEN = '/\\:*?"<>|'  # in file names


def pick(prefix: str = "") -> Path | None:
    """The uploader and a field for a local path; the file or folder that was just given, else None.

    An upload is copied to disk at once and released from memory by giving the uploader a new key: the caller reruns
    the page. prefix: of the widgets' keys, one per page. InputError where an upload cannot be saved.
    """
    count = st.session_state.setdefault(f"{prefix}uploads", 0)
    file = st.file_uploader(
        "Images or a table", key=f"{prefix}uploader_{count}", label_visibility="collapsed"
    )
    st.caption(f"Supported: {FORMATS}. Files stay on this machine.")
    path = _local_path(prefix)
    if file is not None:
        st.session_state[f"{prefix}uploads"] = count + 1
        try:
            path = save(file.name, file.getbuffer(), home())
        except OSError as problem:
            raise InputError(f"The file could not be saved: {problem.strerror}.") from problem
    return path


def _local_path(prefix: str) -> Path | None:
    """A field for a file or folder on this machine; the path once its button is pressed."""
    with st.expander("Open a file or folder on this machine", key=f"{prefix}from_path"):
        text = st.text_input(
            "Path", key=f"{prefix}path", placeholder="~/images", label_visibility="collapsed"
        ).strip()
        if st.button("Open", key=f"{prefix}open_path", disabled=not text):
            return allowed_path(text)
    return None


def save(name: str, content: memoryview, folder: Path) -> Path:
    """Write `content` to `folder`/uploads/<hash>/<name> unless the file exists; its path.

    Only the last part of `name` is used, so that no upload is written outside its own folder.
    """
    digest = hashlib.sha256(content).hexdigest()[:24]
    target = folder / "uploads" / digest / (_safe_name(name) or "upload")
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft, out = temporary_file(target.parent)
    with out:
        for start in range(0, len(content), CHUNK_BYTES):
            out.write(content[start : start + CHUNK_BYTES])
    os.replace(draft, target)
    return target


def _safe_name(name: str) -> str:
    """`name` without forbidden characters, cut at its start to MAX_NAME_BYTES: its end has the suffix."""
    letters = [c if c.isprintable() and c not in FORBIDDEN else "_" for c in Path(name).name]
    return "".join(letters).strip(". ").encode()[-MAX_NAME_BYTES:].decode(errors="ignore")
