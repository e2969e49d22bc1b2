"""Files as other programs write them, small and seeded, for the readers' tests."""

import io
import tarfile
import zipfile
import zlib
from pathlib import Path

import h5py
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


def tarred(path, members: dict[str, bytes | tarfile.TarInfo], mode: str = "w", form=tarfile.PAX_FORMAT):
    """A TAR at `path` with these members, in this order; a TarInfo stands for itself, a link or a pipe."""
    with tarfile.open(path, mode, format=form) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name) if isinstance(data, bytes) else data
            info.size = len(data) if isinstance(data, bytes) else info.size
            archive.addfile(info, io.BytesIO(data) if isinstance(data, bytes) else None)
    return path


def bomb_png(width: int, height: int) -> bytes:
    """A grey PNG of zeros with a true header of width × height, far smaller than what it unpacks to."""

    unpacked = min((width + 1) * height, 20 << 20)  # enough for a header that is believed to do harm
    return _png(width, height, 8, 0, bytes(unpacked))


def png_file(pixels: bytes, width: int, height: int, *, depth: int, kind: int) -> bytes:
    """A PNG written by hand, for what Pillow reads and does not write. kind: the standard's colour type."""
    row = len(pixels) // height
    lines = b"".join(b"\0" + pixels[i * row : (i + 1) * row] for i in range(height))
    return _png(width, height, depth, kind, lines)


def _png(width: int, height: int, depth: int, kind: int, lines: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, kind, 0, 0, 0])
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def mat73(path: Path, **arrays) -> Path:
    """A .mat file as MATLAB 7.3 writes it: axes turned round, a class for each, a header of 512 bytes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, array in arrays.items():
            if isinstance(array, list):
                cells = [file.create_dataset(f"#refs#/{i}", data=codes(text)) for i, text in enumerate(array)]
                for cell in cells:
                    cell.attrs["MATLAB_class"] = np.bytes_("char")
                references = np.array([[cell.ref for cell in cells]], dtype=h5py.ref_dtype)
                file.create_dataset(key, data=references, dtype=h5py.ref_dtype).attrs["MATLAB_class"] = (
                    np.bytes_("cell")
                )
            else:
                made = file.create_dataset(key, data=array.T, compression="gzip")
                made.attrs["MATLAB_class"] = np.bytes_(
                    {"float64": "double"}.get(array.dtype.name, array.dtype.name)
                )
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path


def codes(text: str) -> np.ndarray:
    return np.array([[ord(letter)] for letter in text], np.uint16)
