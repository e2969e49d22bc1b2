"""Files with hostile content of every format: containers that are valid, and what they hold is not what it should be.

`MAKERS` holds, for each suffix, functions that write one such file: make(rng, path). What they write is small.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io
import scipy.sparse
from PIL import Image

from tests.data.writers import bomb_png, colour, encoded, grey, png_file

Maker = Callable[[np.random.Generator, Path], None]
NAN_IMAGE = np.full((10, 9), np.nan, np.float32)
ODD_NUMBERS = [np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-320, 0.0, -0.0, 2.0**63, 1e39]


def size(rng: np.random.Generator, most: int) -> int:
    """A number up to `most`, of every order of magnitude: large files take most of the time."""
    return int(most ** rng.random())


# Images: of folders, ZIP and TAR archives -------------------------------------------------------------------


def frames(count: int, form: str) -> bytes:
    """An image file of many pages."""
    pages = [Image.fromarray(grey(index, 8, 8)) for index in range(min(count, 12))]
    return encoded(
        pages[0], form, save_all=True, append_images=[pages[i % len(pages)] for i in range(1, count)]
    )


def tiff_loop() -> bytes:
    """A TIFF whose last page is followed by its first."""
    data = bytearray(frames(2, "TIFF"))
    first = data[4:8]
    at = int.from_bytes(first, "little")
    count = int.from_bytes(data[at : at + 2], "little")
    second = int.from_bytes(data[at + 2 + 12 * count : at + 6 + 12 * count], "little")
    entries = int.from_bytes(data[second : second + 2], "little")
    data[second + 2 + 12 * entries : second + 6 + 12 * entries] = first
    return bytes(data)


def lying_animation() -> bytes:
    """A PNG that promises two thousand million frames."""
    data = frames(2, "PNG")
    at = data.index(b"acTL") + 4
    return data[:at] + b"\x7f\xff\xff\xff" + data[at + 4 :]


@cache
def hostile_pictures() -> dict[str, bytes]:
    """Hostile image files that are the same each time."""
    return {
        "bomb.png": bomb_png(12_000, 4000),
        "wide.png": bomb_png(5_000_000, 10),
        "bomb16.png": png_file(bytes(2 * 2000 * 2000), 2000, 2000, depth=16, kind=0),
        "nan.tif": encoded(NAN_IMAGE, "TIFF"),
        "stack.tif": frames(60, "TIFF"),
        "loop.tif": tiff_loop(),
        "frames.gif": frames(40, "GIF"),
        "lying.png": lying_animation(),
        "print.jpg": encoded(Image.new("CMYK", (9, 10)), "JPEG"),
        "bit.png": encoded(Image.new("1", (9, 10))),
        "alpha.webp": encoded(Image.new("RGBA", (9, 10), (1, 2, 3, 0)), "WEBP"),
        "pixel.png": encoded(np.zeros((1, 1), np.uint8)),
        "text.jpg": b"this is no image",
        "empty.png": b"",
        "labels.csv": b"id,label\n1,cat\n",
        "plain.ppm": b"P3 3 3 255\n" + b"9999999999 " * 27,
        "é" * 60 + ".png": encoded(grey(3)),
        "nbsp\u00a0\u202e.png": encoded(grey(4)),
        "d/" * 90 + "deep.png": encoded(grey(5)),
        "train/cat/images/1.png": encoded(grey(6)),
        "val/images/1.png": encoded(grey(7)),
        "__MACOSX/._1.png": b"\0\5\26\7",
        ".ipynb_checkpoints/1.png": encoded(grey(8)),
    }


def pictures(rng: np.random.Generator) -> dict[str, bytes]:
    """Image files, some good and some hostile, by their names."""
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(0, 255))
    odd = hostile_pictures() | {
        "huge.tif": encoded(np.full((10, 9), rng.choice([1e38, -1e38, 1e-40]), np.float32), "TIFF"),
        "ints.tif": encoded(rng.integers(-(2**31), 2**31 - 1, (10, 9)).astype(np.int32), "TIFF"),
        "turned.jpg": encoded(colour(1), "JPEG", exif=exif),
        "map.pgm": b"P5 %d 10 65535\n" % rng.choice([9, 10**9]) + bytes(180),
    }
    names = rng.choice(list(odd), rng.integers(1, 6), replace=False)
    good = {
        f"{'ab'[index % 2]}/{index}.png": encoded(grey(index)) for index in range(int(rng.integers(0, 14)))
    }
    return {str(name): odd[str(name)] for name in names} | good


def folder(rng: np.random.Generator, path: Path) -> None:
    path.mkdir()
    for name, data in pictures(rng).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    if rng.random() < 0.5:
        (path / "around").symlink_to(path, target_is_directory=True)
        (path / "out.png").symlink_to("/etc/passwd")
    if rng.random() < 0.3:
        with open(bytes(path) + b"/\xff\xfe.png", "wb") as file:
            file.write(encoded(grey(1)))


def zip_of_pictures(rng: np.random.Generator, path: Path) -> None:
    odd_names = [
        "../up.png",
        "/etc/root.png",
        "C:\\win.png",
        "a\\b.png",
        "",
        "a//b.png",
        "\x00.png",
        "a/1.png",
    ]
    with zipfile.ZipFile(path, "w", int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        members = [*pictures(rng).items()]
        members += [(str(name), encoded(grey(9))) for name in rng.choice(odd_names, 3)]
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name or "x"), data)  # names may come twice


def zip_of_zeros(rng: np.random.Generator, path: Path) -> None:
    """A bomb: an image file of zeros, far larger unpacked."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bmp", bytes(size(rng, 40 << 20)))
        archive.writestr("0.png", encoded(grey(1)))


def zip_overlapping(rng: np.random.Generator, path: Path) -> None:
    """A directory that names the same bytes many times."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0.png", hostile_pictures()["bomb.png"])
    data, count = path.read_bytes(), size(rng, 60_000)
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    head, tail = data[start : start + 46], bytearray(data[end:])
    entries = b"".join(head[:28] + b"\x0a\0" + head[30:] + b"%06d.png" % index for index in range(count))
    tail[8:10] = tail[10:12] = count.to_bytes(2, "little")
    tail[12:20] = len(entries).to_bytes(4, "little") + start.to_bytes(4, "little")
    path.write_bytes(data[:start] + entries + tail)


def tar_of_pictures(rng: np.random.Generator, path: Path) -> None:
    form = int(rng.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE]
    with tarfile.open(path, "w", format=form) as archive:
        for name, data in pictures(rng).items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), int(rng.integers(0, 2**33))
            archive.addfile(info, io.BytesIO(data))
        for number, kind in enumerate(kinds):
            info = tarfile.TarInfo(
                str(rng.choice(["../up.png", "a/1.png", "/etc/passwd.png", f"{number}.png"]))
            )
            info.type, info.linkname = kind, "../../etc/passwd"
            archive.addfile(info)


def tar_of_zeros(rng: np.random.Generator, path: Path) -> None:
    """A TAR of headers and zeros, packed to a thousandth."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("zeros.bmp")
        info.size = size(rng, 40 << 20)
        archive.addfile(info, io.BytesIO(bytes(info.size)))
        info = tarfile.TarInfo("0.png")
        info.size = len(data := encoded(grey(1)))
        archive.addfile(info, io.BytesIO(data))
    path.write_bytes(gzip.compress(buffer.getvalue(), 9))


# Arrays -----------------------------------------------------------------------------------------------------


def odd_array(rng: np.random.Generator) -> np.ndarray:
    """An array of an unusual type, shape or content."""
    n = int(rng.integers(0, 20))
    numbers = rng.choice(ODD_NUMBERS, (n, 5))
    with np.errstate(all="ignore"):
        choices = [
            lambda: numbers,
            lambda: numbers.astype(rng.choice([">f8", "f2", "f4", "c16", "i1", ">u2", "?", "g"])),
            lambda: rng.integers(0, 2, (n, *rng.integers(0, 12, 3))).astype(np.uint8),
            lambda: np.zeros((0, 5)),
            lambda: np.zeros((5, 0)),
            lambda: np.array(7.0),
            lambda: np.full((n, 8, 8), rng.choice(ODD_NUMBERS)),
            lambda: np.array(["x" * int(rng.integers(1, 2000)), "é\0", "=1+1"] * 5),
            lambda: np.array([b"\xff\xfe", b"a"] * 6),
            lambda: np.arange(n).astype("M8[s]"),
            lambda: np.zeros(n, [("a", "f4"), ("b", "U3", (2,))]),
            lambda: np.zeros((2,) * 20, np.uint8),
            lambda: np.broadcast_to(np.uint8(1), (3000, 3000)),
            lambda: np.asfortranarray(rng.normal(size=(n, 4, 6))),
        ]
        return choices[rng.integers(len(choices))]()


def header_of(shape: str, kind: str, content: bytes = b"") -> bytes:
    """An .npy file with a header that is believed to do harm."""
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(118 + len(text) // 118 * 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin-1") + content


def npy(rng: np.random.Generator, path: Path) -> None:
    shapes = [
        "(100000, 100000)",
        "(2**62,)",
        "(-1, 5)",
        "(9223372036854775807, 8)",
        "(4, 5)",
        "5",
        "(4,)*99",
        "(0, 0)",
    ]
    kinds = [
        "'<f8'",
        "'|O'",
        "'<U99999999'",
        "'|V0'",
        "[('a', '<f8', (9999, 9999))]",
        "'<M8[ns]'",
        "'>c16'",
        "'S0'",
    ]
    if rng.random() < 0.6:
        np.save(path.open("wb"), odd_array(rng), allow_pickle=False)
    else:
        content = rng.bytes(int(rng.integers(0, 200)))
        path.write_bytes(header_of(str(rng.choice(shapes)), str(rng.choice(kinds)), content))


def npz(rng: np.random.Generator, path: Path) -> None:
    keys = [
        "x",
        "y",
        "X",
        "data",
        "labels",
        "ids",
        "x_train",
        "x_test",
        "y_train",
        "arr_0",
        "arr_1",
        "../up",
        "é",
    ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in rng.choice(keys, int(rng.integers(1, 6))):
            buffer = io.BytesIO()
            if rng.random() < 0.2:
                buffer.write(header_of("(50000, 10000)", "'|u1'", bytes(1 << 22)))
            else:
                np.save(buffer, odd_array(rng), allow_pickle=False)
            archive.writestr(f"{key}.npy", buffer.getvalue())
        if rng.random() < 0.2:
            archive.writestr("note.txt", "no array")


def sparse(rng: np.random.Generator, side: int) -> scipy.sparse.coo_matrix:
    """A sparse matrix (side, side) of 9 numbers."""
    places = rng.integers(0, side, (2, 9))
    return scipy.sparse.coo_matrix((rng.normal(size=9), places), (side, side))


def npz_sparse(rng: np.random.Generator, path: Path) -> None:
    """A sparse matrix as `save_npz` writes it, whose parts do not fit each other."""
    parts = {
        "data": rng.choice(ODD_NUMBERS, 10),
        "indices": rng.integers(-5, 2**31 - 1, 10).astype(np.int32),
        "indptr": rng.integers(-3, 99, int(rng.integers(0, 12))).astype(np.int32),
        "shape": np.array(rng.choice([5, 2**40, -1, 3000], 2)),
        "format": np.array(rng.choice([b"csr", b"csc", b"coo", b"?"])),
    }
    if rng.random() < 0.4:
        scipy.sparse.save_npz(path, sparse(rng, int(rng.choice([20, 30_000]))).tocsr())
        return
    np.savez_compressed(path.open("wb"), **parts)


def idx(rng: np.random.Generator, path: Path) -> None:
    dims = [int(side) for side in rng.choice([0, 1, 8, 12, 28, 2**16, 2**31], int(rng.integers(0, 5)))]
    content = struct.pack(">4B", 0, 0, int(rng.choice([8, 9, 11, 12, 13, 14, 0, 255])), len(dims))
    content += b"".join(side.to_bytes(4, "big") for side in dims) + rng.bytes(int(rng.integers(0, 1500)))
    path.write_bytes(content)


def idx_bomb(rng: np.random.Generator, path: Path) -> None:
    n = size(rng, 90 << 20)
    path.write_bytes(gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, n // 64, 8, 8) + bytes(n), 9))


def odd_group(rng: np.random.Generator, file: h5py.Group) -> None:
    """Data sets of unusual types, shapes and contents, and links that lead nowhere or in circles."""
    for key in rng.choice(
        ["x", "y", "labels", "train/x", "test/y", "ids", "a/b/c"], int(rng.integers(1, 4)), False
    ):
        array = odd_array(rng)
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            array = rng.normal(size=(6, 3))
        file.create_dataset(str(key), data=array)
    choices = [
        lambda: file.create_dataset("huge", (10**6, 10**5), "f4", chunks=(1000, 100)),
        lambda: file.create_dataset("many", (10**5, 50, 50), "u1", chunks=(1000, 50, 50), compression="gzip"),
        lambda: file.create_dataset("vlen", data=np.array(["a", "é"] * 9, object), dtype=h5py.string_dtype()),
        lambda: file.create_dataset("ragged", (5,), dtype=h5py.vlen_dtype(np.int32)),
        lambda: file.create_dataset("enum", (9,), dtype=h5py.enum_dtype({"a": 0, "b": 1})),
        lambda: file.create_dataset("pairs", data=np.zeros(8, [("a", "f4"), ("b", "i2")])),
        lambda: file.create_dataset("nothing", data=h5py.Empty("f4")),
        lambda: file.__setitem__("round", h5py.SoftLink("/round")),
        lambda: file.__setitem__("out", h5py.ExternalLink("/etc/passwd", "/")),
        lambda: file.__setitem__("self", file),
        lambda: file.create_group("/".join(["g"] * 300)),
        lambda: [file.create_dataset(f"d{index}", data=index) for index in range(300)],
    ]
    for index in rng.choice(len(choices), 3, replace=False):
        choices[index]()


def hdf5(rng: np.random.Generator, path: Path) -> None:
    with h5py.File(path, "w") as file:
        odd_group(rng, file)


def h5ad(rng: np.random.Generator, path: Path) -> None:
    """A file of AnnData whose matrix, names or categories do not fit each other."""
    n, width = (int(rng.choice([0, 5, 12, 200])) for _ in range(2))
    with h5py.File(path, "w") as file:
        if rng.random() < 0.4:
            with np.errstate(over="ignore"):
                file["X"] = rng.choice(ODD_NUMBERS, (n, width)).astype(np.float32)
        else:
            group = file.create_group("X")
            group.attrs["encoding-type"] = str(rng.choice(["csr_matrix", "csc_matrix", "array"]))
            group.attrs["shape"] = [n, int(rng.choice([width, 2**40, -1]))]
            group["data"] = rng.choice(ODD_NUMBERS, 9)
            group["indices"] = rng.integers(-2, 2**31 - 1, 9)
            group["indptr"] = rng.integers(-2, 12, n + int(rng.integers(0, 2)))
        frame = file.create_group("obs")
        frame.attrs["_index"] = str(rng.choice(["_index", "missing"]))
        frame["_index"] = np.array([f"c{index}" for index in range(int(rng.choice([n, 3])))] or ["c"], object)
        kind = frame.create_group("cell_type")
        kind["categories"] = np.array(["a", "b"], object)
        kind["codes"] = rng.integers(-1, 9, n).astype(np.int8)


def mat(rng: np.random.Generator, path: Path) -> None:
    content: dict = {}
    for key in rng.choice(["fea", "gnd", "X", "Y", "data", "s", "names"], int(rng.integers(1, 4)), False):
        array = odd_array(rng)
        content[str(key)] = (
            array if array.dtype.kind in "biufU" and array.dtype.itemsize < 9000 else np.eye(4)
        )
    nested: object = np.eye(2)
    for _ in range(int(rng.integers(1, 30))):
        nested = {"inner": nested}
    cells = np.empty(5, object)
    cells[:] = [np.eye(3), "a", np.zeros(0), {"a": 1}, np.array([1])]
    odd = {"nested": nested, "cells": cells, "sparse": sparse(rng, 30_000).tocsc(), "zeros": None}
    key = str(rng.choice(list(odd)))
    content[key] = np.zeros((3000, 900)) if key == "zeros" else odd[key]
    try:
        scipy.io.savemat(path, content, do_compression=True)
    except Exception:  # what savemat itself refuses
        scipy.io.savemat(path, {"X": np.eye(12)})


# Tables -----------------------------------------------------------------------------------------------------

CELLS = [
    "",
    "1",
    "2.5",
    "-",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "0x1F",
    "#DIV/0!",
    "1,5",
    "1.234,5",
    '"',
    "''",
    "=1+1",
]
CELLS += [
    "NA",
    "None",
    "01",
    "9223372036854775808",
    "2020-01-01",
    "é",
    "\u202e",
    "a" * 5000,
    "1_000",
    "٣",
    "True",
    "?",
]


def csv(rng: np.random.Generator, path: Path) -> None:
    rows, columns = int(rng.integers(0, 30)), int(rng.choice([1, 2, 5, 9, 700]))
    cut = str(rng.choice([",", ";", "\t", "|", " ", ", "]))
    names = [
        str(rng.choice(["id", "label", "a", "a", "", "1", "class", "x y", "é", "Unnamed: 0"]))
        for _ in range(columns)
    ]
    lines = [cut.join(names)] if rng.random() < 0.7 else []
    for _ in range(rows):
        width = columns if rng.random() < 0.9 else int(rng.integers(0, 2 * columns))
        lines.append(cut.join(str(cell) for cell in rng.choice(CELLS, width)))
    if rng.random() < 0.2:
        lines.insert(0, f"sep={cut}")
    text = str(rng.choice(["\n", "\r\n", "\r"])).join(lines)
    data = text.encode(str(rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-32"])))
    if rng.random() < 0.2:
        data += rng.choice([b"\0" * 50, b'"' + b"x" * 200_000, b"\xff\xfe", b"\n" * 5000, b"," * 100_000])
    path.write_bytes(data)


def csv_wide(rng: np.random.Generator, path: Path) -> None:
    width = int(rng.choice([6000, 400_000]))
    path.write_bytes(b",".join([b"1"] * width) + b"\n" + b",".join([b"2"] * width))


def csv_packed(rng: np.random.Generator, path: Path) -> None:
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * size(rng, 12_000_000), 9))


def odd_column(rng: np.random.Generator, n: int) -> pa.Array:
    """A column of an unusual type or content, n rows."""
    latin = pa.array([b"caf\xe9"] * n, pa.binary())
    choices = [
        lambda: pa.array(rng.choice(ODD_NUMBERS, n)),
        lambda: pa.array([None] * n, pa.null()),
        lambda: pa.array([[1, 2], None] * (n // 2) + [[1]] * (n % 2)),
        lambda: pa.array([{"a": 1}] * n),
        lambda: pa.array([b"\xff\xfe"] * n),
        lambda: pa.Array.from_buffers(pa.string(), n, latin.buffers()),
        lambda: pa.array(np.arange(n), pa.timestamp("ns", tz="UTC")),
        lambda: pa.array([1] * n, pa.decimal128(30, 4)) if n else pa.array([], pa.decimal128(30, 4)),
        lambda: pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["x" * 90_000])),
        lambda: pa.DictionaryArray.from_arrays(pa.array([None] * n, pa.int32()), pa.array(["x"])),
        lambda: pa.array([2**63 + index for index in range(n)], pa.uint64()),
        lambda: pa.array(["=1+1", "é\0"] * (n // 2) + ["a"] * (n % 2)),
        lambda: pa.array(rng.integers(0, 2, n).astype(bool)),
        lambda: pa.array(rng.normal(size=n).astype(np.float16)),
        lambda: pa.array(np.zeros(n)),
    ]
    return choices[rng.integers(len(choices))]()


def parquet(rng: np.random.Generator, path: Path) -> None:
    n = int(rng.choice([0, 1, 20, 3000]))
    names = [str(name) for name in rng.choice(["id", "label", "a", "a", "", "__index_level_0__", "é"], 4)]
    table = pa.table([odd_column(rng, n) for _ in names], names=names)
    if rng.random() < 0.3:
        told = rng.choice(
            [b"no JSON", b'{"index_columns": ["missing"]}', b'{"index_columns": [{"kind": "range"}]}']
        )
        table = table.replace_schema_metadata({b"pandas": told})
    try:
        pq.write_table(
            table,
            path,
            compression=str(rng.choice(["zstd", "snappy", "none"])),
            store_schema=rng.random() < 0.8,
        )
    except Exception:  # what Arrow itself does not write
        pq.write_table(pa.table({"a": pa.array(np.zeros(n))}), path)


def parquet_bomb(rng: np.random.Generator, path: Path) -> None:
    """Text or numbers that take a thousand times as much memory as bytes in the file."""
    n = size(rng, 2_000_000)
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["x" * 99_000]))
    wide = {f"c{index}": pa.array(np.zeros(n)) for index in range(12)}
    table = pa.table({"a": pa.array(np.arange(float(n))), "t": text} if rng.random() < 0.5 else wide)
    pq.write_table(table, path, compression="zstd")


MAKERS: dict[str, tuple[Maker, ...]] = {
    "": (folder,),
    ".zip": (zip_of_pictures, zip_of_pictures, zip_of_zeros, zip_overlapping),
    ".tar": (tar_of_pictures,),
    ".tar.gz": (tar_of_zeros,),
    ".npz": (npz, npz_sparse),
    ".npy": (npy,),
    ".csv": (csv, csv, csv_wide),
    ".csv.gz": (csv_packed,),
    ".parquet": (parquet, parquet, parquet, parquet_bomb),
    ".h5": (hdf5,),
    ".h5ad": (h5ad,),
    ".mat": (mat,),
    ".idx": (idx,),
    ".gz": (idx_bomb,),
}
