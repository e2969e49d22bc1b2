"""Uploaded files: copied into the workspace by their content, so that memory can let go of them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

PIECE = 1 << 22  # bytes hashed and written at a time


def keep(name: str, content: memoryview, folder: Path) -> Path:
    """Write `content` to `folder`/uploads/<hash>/<name> unless it is there already; the path of it.

    Only the last part of `name` is used, so that no upload is written outside its own folder.
    """
    digest = hashlib.sha256(content).hexdigest()[:24]
    safe = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in Path(name).name).strip(
        ". "
    )
    target = folder / "uploads" / digest / (safe[-120:] or "upload")
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as out:
        for begin in range(0, len(content), PIECE):
            out.write(content[begin : begin + PIECE])
    os.replace(draft, target)
    return target
