"""The process that `Sandbox` starts: it opens a file with a reader's `Source` and sends its arrays to the parent."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from dsc_core.data.chunks import chunks
from dsc_core.data.limits import MEBI

MEMORY = 768 * MEBI  # that this process may take, apart from arrays that a library must hold whole

# What `Source.read` returns: an array, texts, or (shape, dtype, blocks of rows).
Content = np.ndarray | list[str | None] | tuple[tuple[int, ...], np.dtype, Iterator[np.ndarray]]


class Broken(Exception):
    """An array cannot be read to its end. Its bytes are being sent, so no message can be."""


class Refused(Exception):
    """The file is refused; the message is a sentence for the user."""


def limit_memory(size: int) -> None:
    """Let this process take at most `size` bytes for its data, where the operating system supports it."""
    with suppress(ImportError, OSError, ValueError, AttributeError):  # Windows has no such limit
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        size = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (size, hard))


def send(message: dict[str, Any]) -> None:
    """Send a line to the parent."""
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
    sys.stdout.buffer.flush()


def send_array(content: Content) -> None:
    """Send texts, or an array, its bytes little-endian in C order."""
    if isinstance(content, list):
        send({"texts": content})
        return
    if isinstance(content, np.ndarray):
        content = content.shape, content.dtype, (block for _, block in chunks(content))
    shape, dtype, blocks = content
    dtype = dtype.newbyteorder("<")
    send({"shape": [int(side) for side in shape], "dtype": dtype.str})
    try:
        for block in blocks:
            sys.stdout.buffer.write(np.ascontiguousarray(block, dtype).data)
    except Exception as error:
        raise Broken from error
    sys.stdout.buffer.flush()


def serve(module: str, path: Path) -> None:
    """Open `path` by `module.Source` and send the requested arrays until the parent ends this process."""
    reader = import_module(f"dsc_core.data.readers.{module}")
    reader.load()
    send({"ready": True})
    limit_memory(MEMORY)
    name = path.name
    try:
        source = reader.Source(path)
        arrays = {key: header.to_json() for key, header in source.arrays.items()}
        send({"arrays": arrays, "roles": source.roles, "column_major": source.column_major})
        for line in sys.stdin.buffer:
            send_array(source.read(json.loads(line)["key"]))
    except Broken:
        return  # which ends the process: the parent sees that the array is incomplete
    except Refused as refusal:
        send({"refused": str(refusal)})
    except MemoryError:
        send({"subject": name, "limit": "memory_mb"})
    except Exception:  # each library has a hundred errors for damaged files
        send({"refused": f"{name} is damaged or does not have the format of its suffix: save it again."})
