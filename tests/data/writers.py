"""Files as other programs write them, small and seeded, for the readers' tests."""

import io
import zipfile
import zlib

import numpy as np
from PIL import Image


def grey(seed: int, height: int = 10, width: int = 9) -> np.ndarray:
    """A random grey image (height, width) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def colour(seed: int, height: int = 10, width: int = 9) -> np.ndarray:
    """A random colour image (height, width, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(array: np.ndarray | Image.Image, form: str = "PNG", **options) -> bytes:
    """An image file's bytes."""
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def zipped(path, members: dict[str, bytes], compression=zipfile.ZIP_STORED):
    """A ZIP at `path` with these members, in this order."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def bomb_png(width: int, height: int) -> bytes:
    """A grey PNG of zeros with a true header of width × height, far smaller than what it unpacks to."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    packer = zlib.compressobj(9)
    unpacked = min((width + 1) * height, 20 << 20)  # enough for a header that is believed to do harm
    rows = packer.compress(bytes(unpacked)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
