"""Every format once, made by another program or library, imported and trained: `python -m tests.benchmarks.formats`.

Prints a Markdown table: the format, what made the file, its size, what was read, and the accuracy after one short
epoch of each stage (a sign that it trained, no more than that). The samples are the handwritten digits that come
with scikit-learn. A program that is not installed (zip, tar, xz) is left out, which the table says.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from dsc_core.errors import InputError, RunError

COUNT = 600
SHORT = {"epochs": 1, "joint_epochs": 1, "least_steps": 40, "device": "cpu"}
DIGITS = load_digits()
GREY = (DIGITS.images[:COUNT] * 15.9375).round().astype(np.uint8)
LABELS = DIGITS.target[:COUNT]


@dataclass(frozen=True)
class Case:
    """One file. make(folder) writes it and returns its path; options: how it is opened; settings: of training."""

    form: str
    maker: str
    make: Callable[[Path], Path]
    options: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    needs: str = ""


def program(*command: str, at: Path) -> None:
    """Run another program in the folder `at`."""
    subprocess.run(command, cwd=at, check=True, stdout=subprocess.DEVNULL)


def pictures(folder: Path, *forms: str, scale: int = 2) -> Path:
    """A folder of images by Pillow, one folder a class, the formats in turn."""
    root = folder / "pictures"
    for place, (image, label) in enumerate(zip(GREY, LABELS, strict=True)):
        form = forms[place % len(forms)]
        path = root / str(label) / f"{place:04}.{form}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(image).resize((8 * scale, 8 * scale), Image.Resampling.BICUBIC)
        kind = {"jpg": picture, "png": picture, "gif": picture.convert("P")}.get(form, picture.convert("RGB"))
        if form == "png" and place % 2:
            kind = Image.merge("LA", (picture, Image.new("L", picture.size, 255)))
        kind.save(path, **({"quality": 90} if form in ("jpg", "webp") else {}))
    return root


def zipped(folder: Path) -> Path:
    pictures(folder, "png")
    program("zip", "-q", "-r", "pictures.zip", "pictures", at=folder)
    return folder / "pictures.zip"


def tarred(*flags: str, suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        pictures(folder, "jpg", "bmp", "webp")
        program("tar", *flags, "-cf", f"pictures{suffix}", "pictures", at=folder)
        return folder / f"pictures{suffix}"

    return make


def deep(folder: Path) -> Path:
    """A few images of 96×96 in 16 bits, for the deeper encoder."""
    root = folder / "deep"
    for place in range(0, COUNT, 4):
        picture = Image.fromarray(GREY[place]).resize((96, 96), Image.Resampling.BICUBIC)
        path = root / str(LABELS[place]) / f"{place:04}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(picture).astype(np.uint16) * 257).save(path, compression="tiff_lzw")
    return root


def npz(folder: Path) -> Path:
    np.savez_compressed(folder / "a.npz", x=GREY, y=LABELS)
    return folder / "a.npz"


def vectors(folder: Path) -> Path:
    """Features of another model: scikit-learn's kernel PCA."""
    from sklearn.decomposition import KernelPCA

    found = KernelPCA(24, kernel="rbf", gamma=1 / 800).fit_transform(DIGITS.data[:COUNT])
    np.save(folder / "features.npy", found.astype(np.float32))
    return folder / "features.npy"


def idx(packed: bool) -> Callable[[Path], Path]:
    """Images and labels as the MNIST page specifies IDX: magic number, big-endian sides, bytes."""

    def make(folder: Path) -> Path:
        suffix, opened = (".gz", gzip.open) if packed else ("", open)
        for name, array in (("images-idx3", GREY), ("labels-idx1", LABELS.astype(np.uint8))):
            with opened(folder / f"t10k-{name}-ubyte{suffix}", "wb") as file:
                file.write(struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape))
                file.write(array.tobytes())
        return folder / f"t10k-images-idx3-ubyte{suffix}"

    return make


def frame():
    import pandas as pd

    table = pd.DataFrame(DIGITS.data[:COUNT], columns=DIGITS.feature_names)
    table.insert(0, "id", [f"row {place}" for place in range(COUNT)])
    table["ink"] = np.where(DIGITS.data[:COUNT].sum(1) > 310, "much", "little")
    table.loc[::7, "pixel_2_3"] = np.nan
    table["label"] = [f"digit {label}" for label in LABELS]
    return table


def csv(folder: Path) -> Path:
    frame().to_csv(folder / "a.csv", index=False)
    return folder / "a.csv"


def pixels_csv(folder: Path) -> Path:
    rows = np.column_stack([LABELS, GREY.reshape(COUNT, -1)])
    head = ",".join(["label", *(f"p{place}" for place in range(64))])
    np.savetxt(folder / "pixels.csv", rows, "%d", ",", header=head, comments="")
    return folder / "pixels.csv"


def parquet(folder: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pandas(frame()), folder / "a.parquet", compression="zstd")
    return folder / "a.parquet"


def hdf5(folder: Path) -> Path:
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("train/images", data=GREY, chunks=True, compression="gzip")
        file["train/labels"] = LABELS
    return folder / "a.h5"


def matlab(folder: Path) -> Path:
    from scipy.io import savemat

    savemat(folder / "a.mat", {"fea": GREY.reshape(COUNT, -1), "gnd": LABELS[:, None]}, do_compression=True)
    return folder / "a.mat"


def matlab73(folder: Path) -> Path:
    """As MATLAB 7.3 lays a file out: HDF5 behind 512 bytes of its own, axes turned round."""
    import h5py

    with h5py.File(folder / "v73.mat", "w", userblock_size=512) as file:
        for key, array in (("X", GREY.transpose(1, 2, 0)), ("y", LABELS[:, None].astype(float))):
            made = file.create_dataset(key, data=array.T, compression="gzip")
            made.attrs["MATLAB_class"] = np.bytes_("uint8" if array.dtype == np.uint8 else "double")
    with open(folder / "v73.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return folder / "v73.mat"


FOLDERS = {"labels_from_folders": True}
CASES = (
    Case("folder of images", "Pillow: PNG, JPEG, BMP, GIF, TIFF, WebP",
         lambda folder: pictures(folder, "png", "jpg", "bmp", "gif", "tiff", "webp"), FOLDERS),
    Case("folder of images", "Pillow: TIFF, LZW, 16 bit", deep, FOLDERS),
    Case("ZIP of images", "Info-ZIP; PNG by Pillow", zipped, FOLDERS | {"size": (28, 28)}, needs="zip"),
    Case("TAR of images", "GNU tar; JPEG, BMP, WebP", tarred(suffix=".tar"), FOLDERS, needs="tar"),
    Case("TAR.GZ of images", "GNU tar, gzip", tarred("-z", suffix=".tar.gz"), FOLDERS, needs="gzip"),
    Case("TAR.XZ of images", "GNU tar, xz", tarred("-J", suffix=".tar.xz"), FOLDERS, needs="xz"),
    Case("TAR.BZ2 of images", "GNU tar, bzip2", tarred("-j", suffix=".tar.bz2"), FOLDERS, needs="bzip2"),
    Case(".npz", "NumPy", npz),
    Case(".npy, features", "scikit-learn's kernel PCA, NumPy; encoder=none", vectors, settings={"encoder": "none"}),
    Case("IDX", "written by MNIST's specification", idx(False)),
    Case("IDX.gz", "the same, gzip", idx(True)),
    Case("CSV", "pandas: numbers, words, gaps", csv),
    Case("CSV of pixels", "numpy.savetxt", pixels_csv, {"image_shape": (8, 8)}),
    Case("Parquet", "pyarrow, zstd", parquet),
    Case("HDF5", "h5py, chunked, gzip", hdf5),
    Case(".mat, 5", "SciPy's savemat", matlab, {"image_shape": (8, 8), "columns_first": False}),
    Case(".mat, 7.3", "h5py in MATLAB's layout", matlab73),
)  # fmt: skip


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return sum(
        file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()
    )


def trained(case: Case, folder: Path) -> str:
    """A row of the table: the file is made, imported into a workspace, and trained on."""
    from dsc_core import metrics
    from dsc_core.config import preset
    from dsc_core.data import import_data, load_dataset
    from dsc_core.train import fit

    path = case.make(folder)
    dataset = load_dataset(import_data(path, folder / "home", **case.options), folder / "home")
    config = preset("standard", clusters=dataset.classes or 10, **SHORT | case.settings)
    training, steps = fit(dataset.samples, config, scaling=dataset.scaling), 0
    while True:
        try:
            steps = next(training).step
        except StopIteration as end:
            fitted = end.value
            break
    classes = "no labels" if dataset.labels is None else f"{dataset.classes} classes"
    labels = LABELS if dataset.labels is None else dataset.labels
    shape = "×".join(map(str, dataset.shape))
    score = metrics.scores(labels, fitted.labels)["acc"]
    return (
        f"| {case.form} | {case.maker} | {size_of(path) / 1000:,.0f} kB | {len(dataset)} of {shape}, {classes} |"
        f" {steps} steps, ACC {score:.2f} |"
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.formats", description=__doc__)
    parser.add_argument("--only", metavar="WORD", default="", help="formats whose name holds this word")
    options, failed = parser.parse_args(arguments), 0
    print("| format | made by | size | read | trained |\n|---|---|---|---|---|", flush=True)
    for case in CASES:
        if options.only.lower() not in case.form.lower():
            continue
        if case.needs and not shutil.which(case.needs):
            print(f"| {case.form} | {case.maker} | {case.needs} is not installed here | | |", flush=True)
            continue
        began = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as folder:
                print(trained(case, Path(folder)), flush=True)
        except (InputError, RunError, subprocess.CalledProcessError) as problem:
            print(f"| {case.form} | {case.maker} | failed: {problem} | | |", flush=True)
            failed = 1
        print(f"{case.form}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
