"""Files of every format from other programs and libraries, imported and trained: `python -m tests.benchmarks.formats`.

The samples are the first 600 handwritten digits of 8×8 that come with scikit-learn. The result is a Markdown table: the
format, what made the file, its size, what was read, whether it is what was written (`as written`: the mean correlation
of the images read with those written, and whether every label is right), and the accuracy after one short epoch of each
stage, which only shows that training works. `--out FILE` writes the table to a file too, such as
`tests/benchmarks/results/formats.md`.

Programs: ImageMagick, netpbm, cwebp, gifsicle, exiftool, GNU tar, bsdtar, zip, 7z, gzip, Octave, R, sqlite3,
h5import. Libraries beyond those of the project: imageio, idx2numpy, hdf5storage, PyTables, Polars. The table names what
is not installed. Debian packages: imagemagick netpbm webp gifsicle libimage-exiftool-perl libarchive-tools
p7zip-full zip octave r-base-core sqlite3 hdf5-tools.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from dsc_core.errors import InputError, RunError

COUNT, FEW = 600, 3  # programs that are started once per file make only every third image
SHORT = {"epochs": 1, "joint_epochs": 1, "least_steps": 40, "device": "cpu"}
DIGITS = load_digits()
GREY = (DIGITS.images[:COUNT] * 15.9375).round().astype(np.uint8)
LABELS = DIGITS.target[:COUNT]
ABSENT = """
Not tested, since they were not available: files written by MATLAB itself (hdf5storage and h5py follow its layout of
7.3), by a camera or an image editor, or by Excel, and the IDX files of MNIST as first published.
"""


@dataclass(frozen=True)
class Case:
    """One file. make(folder) writes it and returns its path; options: for opening it; settings: for training.

    needs: programs, and libraries as "library:NAME". same: the least mean correlation of what was read with what was
    written; None where the samples are not images.
    """

    form: str
    maker: str
    make: Callable[[Path], Path]
    options: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    same: float | None = 0.95

    @property
    def missing(self) -> list[str]:
        """The members of `needs` that are not installed."""
        return [need.removeprefix("library:") for need in self.needs if not _installed(need)]


def _installed(need: str) -> bool:
    if need.startswith("library:"):
        return importlib.util.find_spec(need.removeprefix("library:")) is not None
    return shutil.which(need) is not None


def program(*command: str, at: Path) -> None:
    """Run another program in the folder `at`."""
    quiet = subprocess.DEVNULL
    subprocess.run(command, cwd=at, check=True, stdin=quiet, stdout=quiet, stderr=quiet)


# Images -----------------------------------------------------------------------------------------------------


def pictures(folder: Path, *forms: str, size: int = 16, by: Callable | None = None, every: int = 1) -> Path:
    """A folder of images with one folder per class, in alternating formats; by Pillow, or by(path, image)."""
    root = folder / "pictures"
    for place in range(0, COUNT, every):
        form = forms[place // every % len(forms)]
        path = root / str(LABELS[place]) / f"{place:04}.{form}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(GREY[place]).resize((size, size), Image.Resampling.BICUBIC)
        if by is not None:
            by(path, np.asarray(picture))
        elif form in ("png", "jpg", "pgm"):
            picture.save(path, **({"quality": 90} if form == "jpg" else {}))
        else:
            kind = picture.convert("P" if form == "gif" else "RGB")
            kind.save(path, **({"quality": 90} if form == "webp" else {}))
    return root


def mogrified(form: str, *flags: str, after: Callable[[Path], None] | None = None, **how) -> Callable:
    """Images that ImageMagick makes from PNG; after(root): a further step by another program."""

    def make(folder: Path) -> Path:
        root = pictures(folder, "png", **how)
        for place in sorted(root.iterdir()):
            names = sorted(path.name for path in place.iterdir())
            program("mogrify", *flags, "-format", form, *names, at=place)
            if form != "png":
                for name in names:
                    (place / name).unlink()
        if after is not None:
            after(root)
        return root

    return make


def each(root: Path, form: str, *command: str, into: str | None = None) -> None:
    """Run a program on every image below `root`, with IN and OUT as its paths; only the result is kept."""
    for path in sorted(root.rglob(f"*.{form}")):
        draft, target = path.with_suffix(".draft"), path.with_suffix(f".{into or form}")
        names = {"IN": path.name, "OUT": draft.name}
        program(*(names.get(word, word) for word in command), at=path.parent)
        path.unlink()
        draft.rename(target)


def piped(root: Path, form: str, *command: str, into: str) -> None:
    """Run a program that reads an image and writes another through pipes, on every image below `root`."""
    for path in sorted(root.rglob(f"*.{form}")):
        with open(path, "rb") as source, open(path.with_suffix(f".{into}"), "wb") as target:
            subprocess.run(command, stdin=source, stdout=target, check=True, stderr=subprocess.DEVNULL)
        path.unlink()


def turned(root: Path) -> None:
    """Mark by EXIF that the images, which lie on their side, are to be rotated back."""
    program("exiftool", "-q", "-overwrite_original", "-r", "-Orientation#=8", ".", at=root)


def moving(root: Path) -> None:
    """Add a second frame with another digit."""
    other = sorted(root.rglob("*.gif"))[0]
    shutil.copy(other, root.parent / "other.gif")
    each(root, "gif", "gifsicle", "--merge", "IN", str(root.parent / "other.gif"), "-o", "OUT")


def by_cwebp(folder: Path) -> Path:
    root = pictures(folder, "png", every=FEW)
    each(root, "png", "cwebp", "-quiet", "-q", "90", "IN", "-o", "OUT", into="webp")
    return root


def by_netpbm(command: str, into: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        root = pictures(folder, "pgm", every=FEW)
        piped(root, "pgm", command, into=into)
        return root

    return make


def by_imageio(form: str, deep: bool = False) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        import imageio.v3 as iio

        def write(path: Path, image: np.ndarray) -> None:
            iio.imwrite(path, image.astype(np.uint16) * 257 if deep else np.repeat(image[..., None], 3, 2))

        return pictures(folder, form, by=write)

    return make


def by_octave(folder: Path) -> Path:
    """16 bit PNG by Octave's imwrite."""
    root = pictures(folder, "pgm", every=FEW)
    program(
        "octave-cli",
        "--no-init-file",
        "--eval",
        'for d = glob("*/")\', for f = glob([d{1} "*.pgm"])\', x = uint16(imread(f{1})) * 257;'
        ' imwrite(x, strrep(f{1}, ".pgm", ".png")); delete(f{1}); end, end',
        at=root,
    )
    return root


def packed(*command: str, name: str, forms: tuple[str, ...] = ("png",)) -> Callable[[Path], Path]:
    """Images of Pillow in an archive made by another program; NAME in the command is the archive."""

    def make(folder: Path) -> Path:
        pictures(folder, *forms)
        program(*(name if word == "NAME" else word for word in command), "pictures", at=folder)
        return folder / name

    return make


def archived(kind: str) -> Callable[[Path], Path]:
    """An archive by shutil, which uses tarfile and zipfile."""
    return lambda folder: Path(
        shutil.make_archive(str(folder / "made"), kind, folder, pictures(folder, "png").name)
    )


# Arrays -----------------------------------------------------------------------------------------------------


def npz(folder: Path) -> Path:
    np.savez_compressed(folder / "a.npz", x=GREY, y=LABELS)
    return folder / "a.npz"


def npy(folder: Path) -> Path:
    np.save(folder / "a.npy", np.asfortranarray(GREY))
    return folder / "a.npy"


def vectors(folder: Path) -> Path:
    """Features of another model: scikit-learn's kernel PCA."""
    from sklearn.decomposition import KernelPCA

    features = KernelPCA(24, kernel="rbf", gamma=1 / 800).fit_transform(DIGITS.data[:COUNT])
    np.save(folder / "features.npy", features.astype(np.float32))
    return folder / "features.npy"


def idx(write: Callable[[Path, np.ndarray], None], zipped: bool = False) -> Callable[[Path], Path]:
    """Images and labels in two files, named like those of MNIST."""

    def make(folder: Path) -> Path:
        paths = [folder / f"t10k-{name}-ubyte" for name in ("images-idx3", "labels-idx1")]
        for path, array in zip(paths, (GREY, LABELS.astype(np.uint8)), strict=True):
            write(path, array)
            if zipped:
                program("gzip", path.name, at=folder)
        return paths[0].with_suffix(".gz") if zipped else paths[0]

    return make


def by_idx2numpy(path: Path, array: np.ndarray) -> None:
    import idx2numpy

    idx2numpy.convert_to_file(str(path), array)


def by_specification(path: Path, array: np.ndarray) -> None:
    """As the MNIST page specifies IDX: magic number, big-endian sides, bytes."""
    path.write_bytes(struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


def hdf5(folder: Path) -> Path:
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("train/images", data=GREY, chunks=True, compression="gzip")
        file["train/labels"] = LABELS
    return folder / "a.h5"


def by_pytables(folder: Path) -> Path:
    import tables

    with tables.open_file(str(folder / "tables.h5"), "w") as file:
        images = file.create_carray(
            "/", "images", obj=GREY, filters=tables.Filters(complevel=5, complib="zlib", shuffle=True)
        )
        assert images.shape == GREY.shape
        file.create_array("/", "labels", [f"digit {label}".encode() for label in LABELS])
    return folder / "tables.h5"


def by_h5import(folder: Path) -> Path:
    """Images and labels as text, imported by the program of the HDF Group."""
    arguments = []
    for name, array, bits in (("images", GREY, 8), ("labels", LABELS, 32)):
        np.savetxt(folder / f"{name}.txt", array.reshape(COUNT, -1), "%d")
        sides = " ".join(map(str, array.shape))
        (folder / f"{name}.conf").write_text(
            f"PATH {name}\nINPUT-CLASS TEXTUIN\nINPUT-SIZE {bits}\nRANK {array.ndim}\nDIMENSION-SIZES {sides}\n"
            f"OUTPUT-CLASS UIN\nOUTPUT-SIZE {bits}\n"
        )
        arguments += [f"{name}.txt", "-c", f"{name}.conf"]
    program("h5import", *arguments, "-o", "imported.h5", at=folder)
    return folder / "imported.h5"


def octave(name: str, *flags: str) -> Callable[[Path], Path]:
    """Images (8, 8, n) and a column of labels, as is usual in MATLAB, saved by Octave."""

    def make(folder: Path) -> Path:
        np.savetxt(folder / "images.txt", GREY.reshape(COUNT, -1), "%d")
        np.savetxt(folder / "labels.txt", LABELS, "%d")
        rows = "-v4" in flags  # which has no arrays of three axes
        turn = "X = double(X);" if rows else "X = permute(reshape(uint8(X)', 8, 8, []), [2 1 3]);"
        program(
            "octave-cli",
            "--no-init-file",
            "--eval",
            f"X = load('images.txt'); y = load('labels.txt'); {turn} save('{flags[0]}', '{name}', 'X', 'y');",
            at=folder,
        )
        return folder / name

    return make


def by_scipy(folder: Path) -> Path:
    from scipy.io import savemat

    savemat(folder / "a.mat", {"fea": GREY.reshape(COUNT, -1), "gnd": LABELS[:, None]}, do_compression=True)
    return folder / "a.mat"


def by_hdf5storage(folder: Path) -> Path:
    import hdf5storage

    content = {"X": GREY.transpose(1, 2, 0), "y": LABELS[:, None].astype(float)}
    hdf5storage.savemat(str(folder / "stored.mat"), content, format="7.3", store_python_metadata=False)
    return folder / "stored.mat"


def by_layout(folder: Path) -> Path:
    """The layout of MATLAB 7.3: HDF5 after a header of 512 bytes, with reversed axes."""
    import h5py

    with h5py.File(folder / "v73.mat", "w", userblock_size=512) as file:
        for key, array in (("X", GREY.transpose(1, 2, 0)), ("y", LABELS[:, None].astype(float))):
            made = file.create_dataset(key, data=array.T, compression="gzip")
            made.attrs["MATLAB_class"] = np.bytes_("uint8" if array.dtype == np.uint8 else "double")
    with open(folder / "v73.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return folder / "v73.mat"


# Tables -----------------------------------------------------------------------------------------------------


def frame():
    """Numbers, words and missing values, an id, and a label that is a word."""
    import pandas as pd

    table = pd.DataFrame(DIGITS.data[:COUNT], columns=DIGITS.feature_names)
    table.insert(0, "id", [f"row {place}" for place in range(COUNT)])
    table["ink"] = np.where(DIGITS.data[:COUNT].sum(1) > 310, "much", "little")
    table.loc[::7, "pixel_2_3"] = np.nan
    table["label"] = [f"digit {label}" for label in LABELS]
    return table


def by_pandas(name: str, **how) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        frame().to_csv(folder / name, index=False, **how)
        return folder / name

    return make


def by_numpy(folder: Path) -> Path:
    rows = np.column_stack([LABELS, GREY.reshape(COUNT, -1)])
    head = ",".join(["label", *(f"p{place}" for place in range(64))])
    np.savetxt(folder / "pixels.csv", rows, "%d", ",", header=head, comments="")
    return folder / "pixels.csv"


def by_r(folder: Path) -> Path:
    """write.csv of R: quoted names, NA for missing values."""
    frame().to_csv(folder / "in.csv", index=False)
    program(
        "Rscript",
        "-e",
        'write.csv(read.csv("in.csv"), "r.csv", row.names = FALSE, fileEncoding = "UTF-8")',
        at=folder,
    )
    return folder / "r.csv"


def by_sqlite(name: str, mode: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        frame().to_csv(folder / "in.csv", index=False)
        program(
            "sqlite3",
            ":memory:",
            ".import --csv in.csv t",
            ".headers on",
            f".mode {mode}",
            f".output {name}",
            "select * from t;",
            at=folder,
        )
        return folder / name

    return make


def by_pyarrow(folder: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pandas(frame()), folder / "a.parquet", compression="zstd")
    return folder / "a.parquet"


def by_polars(folder: Path) -> Path:
    """Polars has its own Parquet writer; words are stored as categories."""
    import polars as pl

    table = pl.DataFrame({name: column.tolist() for name, column in frame().items()})
    table.with_columns(pl.col("ink").cast(pl.Categorical)).write_parquet(folder / "polars.parquet")
    return folder / "polars.parquet"


# The table --------------------------------------------------------------------------------------------------

FOLDERS = {"labels_from_folders": True}
ROWS = {"image_shape": (8, 8), "columns_first": False}
MAGICK = ("mogrify",)
CASES = (
    Case(
        "folder: PNG, JPEG, BMP, GIF, TIFF, WebP together",
        "Pillow",
        lambda folder: pictures(folder, "png", "jpg", "bmp", "gif", "tiff", "webp"),
        FOLDERS,
    ),
    Case("PNG, grey, 8 bit", "netpbm's pnmtopng", by_netpbm("pnmtopng", "png"), FOLDERS, needs=("pnmtopng",)),
    Case("PNG, grey, 16 bit", "Octave's imwrite", by_octave, FOLDERS, needs=("octave-cli",)),
    Case(
        "PNG, colour, 16 bit",
        "ImageMagick",
        mogrified("png", "-depth", "16", "-define", "png:color-type=2", "-define", "png:bit-depth=16"),
        FOLDERS,
        needs=MAGICK,
    ),
    Case(
        "PNG, palette",
        "ImageMagick",
        mogrified("png", "-colors", "16", "-define", "png:color-type=3"),
        FOLDERS,
        needs=MAGICK,
    ),
    Case(
        "PNG, colour and alpha (dark on nothing)",
        "ImageMagick",
        mogrified("png", "-negate", "-fuzz", "2%", "-transparent", "white", "-define", "png:color-type=6"),
        FOLDERS,
        needs=MAGICK,
        same=-0.95,
    ),
    Case("JPEG, grey", "ImageMagick", mogrified("jpg", "-quality", "90"), FOLDERS, needs=MAGICK),
    Case(
        "JPEG on its side, turned by EXIF",
        "ImageMagick, exiftool",
        mogrified("jpg", "-rotate", "90", "-quality", "90", after=turned),
        FOLDERS,
        needs=(*MAGICK, "exiftool"),
    ),
    Case("BMP", "ImageMagick", mogrified("bmp"), FOLDERS, needs=MAGICK),
    Case(
        "GIF of two frames",
        "ImageMagick, gifsicle",
        mogrified("gif", after=moving, every=FEW),
        FOLDERS,
        needs=(*MAGICK, "gifsicle"),
    ),
    Case(
        "TIFF, 16 bit, LZW, 96×96",
        "ImageMagick",
        mogrified("tif", "-depth", "16", "-compress", "LZW", size=96, every=4),
        FOLDERS,
        needs=MAGICK,
    ),
    Case("TIFF, colour", "imageio with tifffile", by_imageio("tif"), FOLDERS, needs=("library:imageio",)),
    Case("WebP", "cwebp", by_cwebp, FOLDERS, needs=("cwebp",)),
    Case(
        "ZIP of PNG",
        "Info-ZIP",
        packed("zip", "-q", "-r", "NAME", name="a.zip"),
        FOLDERS | {"size": (28, 28)},
        needs=("zip",),
    ),
    Case("ZIP of PNG", "7z", packed("7z", "a", "-tzip", "NAME", name="a.zip"), FOLDERS, needs=("7z",)),
    Case("ZIP of PNG", "Python's zipfile", archived("zip"), FOLDERS),
    Case(
        "TAR of JPEG, BMP, WebP",
        "GNU tar",
        packed("tar", "-cf", "NAME", name="a.tar", forms=("jpg", "bmp", "webp")),
        FOLDERS,
        needs=("tar",),
    ),
    Case(
        "TAR of PNG",
        "bsdtar, pax",
        packed("bsdtar", "--format", "pax", "-cf", "NAME", name="a.tar"),
        FOLDERS,
        needs=("bsdtar",),
    ),
    Case(
        "TAR.GZ of PNG",
        "GNU tar, gzip",
        packed("tar", "-czf", "NAME", name="a.tar.gz"),
        FOLDERS,
        needs=("tar", "gzip"),
    ),
    Case("TGZ of PNG", "bsdtar", packed("bsdtar", "-czf", "NAME", name="a.tgz"), FOLDERS, needs=("bsdtar",)),
    Case(
        "TAR.BZ2 of PNG",
        "GNU tar, bzip2",
        packed("tar", "-cjf", "NAME", name="a.tar.bz2"),
        FOLDERS,
        needs=("tar", "bzip2"),
    ),
    Case(
        "TAR.XZ of PNG",
        "GNU tar, xz",
        packed("tar", "-cJf", "NAME", name="a.tar.xz"),
        FOLDERS,
        needs=("tar", "xz"),
    ),
    Case(".npz", "NumPy", npz),
    Case(".npy, images in Fortran's order", "NumPy", npy),
    Case(
        ".npy, features, `encoder=none`",
        "scikit-learn's kernel PCA, NumPy",
        vectors,
        settings={"encoder": "none"},
        same=None,
    ),
    Case("IDX", "idx2numpy", idx(by_idx2numpy), needs=("library:idx2numpy",)),
    Case("IDX.gz", "idx2numpy, gzip", idx(by_idx2numpy, zipped=True), needs=("library:idx2numpy", "gzip")),
    Case("IDX", "by MNIST's specification", idx(by_specification)),
    Case("CSV: numbers, words, gaps", "pandas", by_pandas("a.csv"), same=None),
    Case("CSV: numbers, words, gaps", "R's write.csv", by_r, same=None, needs=("Rscript",)),
    Case("CSV: numbers, words, gaps", "sqlite3", by_sqlite("a.csv", "csv"), same=None, needs=("sqlite3",)),
    Case("CSV of pixels", "numpy.savetxt", by_numpy, {"image_shape": (8, 8)}),
    Case("TSV", "sqlite3", by_sqlite("a.tsv", "tabs"), same=None, needs=("sqlite3",)),
    Case("Parquet, zstd", "pyarrow", by_pyarrow, same=None),
    Case("Parquet, categories", "Polars", by_polars, same=None, needs=("library:polars",)),
    Case("HDF5, in chunks, gzip", "h5py", hdf5),
    Case("HDF5, in chunks, zlib, labels as text", "PyTables", by_pytables, needs=("library:tables",)),
    Case("HDF5", "h5import of the HDF Group", by_h5import, needs=("h5import",)),
    Case("HDF5", "Octave", octave("o.h5", "-hdf5"), needs=("octave-cli",)),
    Case(".mat, 4, rows of pixels", "Octave", octave("o.mat", "-v4"), ROWS, needs=("octave-cli",)),
    Case(".mat, 5, rows of pixels", "SciPy's savemat", by_scipy, ROWS),
    Case(".mat, 6", "Octave", octave("o.mat", "-v6"), needs=("octave-cli",)),
    Case(".mat, 7", "Octave", octave("o.mat", "-v7"), needs=("octave-cli",)),
    Case(".mat, 7.3", "hdf5storage", by_hdf5storage, needs=("library:hdf5storage",)),
    Case(".mat, 7.3", "h5py in MATLAB's layout", by_layout),
)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return sum(
        file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()
    )


def digit_numbers(dataset) -> np.ndarray:
    """Which of the digits each sample is, (n,), by its file name or by the order of the samples."""
    if dataset.ids[0].endswith(tuple("0123456789")):
        return np.arange(len(dataset))
    return np.array([int(Path(name).stem) for name in dataset.ids.tolist()])


def as_written(dataset, same: float | None) -> str:
    """What was compared between reading and writing, in words; InputError where it differs."""
    rows = digit_numbers(dataset)
    words = []
    if same is not None:
        height, width = dataset.shape[1:]
        read = dataset.samples.astype(np.float32).mean(1)
        correlations = []
        for image, row in zip(read, rows, strict=True):
            expected = Image.fromarray(GREY[row]).resize((width, height), Image.Resampling.BICUBIC)
            correlations.append(np.corrcoef(image.ravel(), np.asarray(expected).ravel())[0, 1])
        likeness = float(np.mean(correlations))
        words.append(f"images {likeness:.3f}")
        if not (likeness >= same if same > 0 else likeness <= same):
            raise InputError(
                f"The images differ from those written: their mean correlation is {likeness:.3f}."
            )
    if dataset.labels is None:
        words.append("no labels in it")
    else:
        read = np.array([int(str(label).rpartition(" ")[2]) for label in dataset.labels.tolist()])
        if not (read == LABELS[rows]).all():
            raise InputError("The labels differ from those written.")
        words.append("all labels")
    return ", ".join(words)


def import_and_train(case: Case, folder: Path, train: bool) -> str:
    """A row of the table: make the file, import it into a workspace and, with `train`, train on it."""
    from dsc_core.analysis import metrics
    from dsc_core.data import import_data, load_dataset
    from dsc_core.presets import preset
    from dsc_core.training.loop import fit

    path = case.make(folder)
    dataset = load_dataset(import_data(path, folder / "home", **case.options), folder / "home")
    comparison = as_written(dataset, case.same)
    shape = "×".join(map(str, dataset.shape))
    read = f"| {case.form} | {case.maker} | {size_of(path) / 1000:,.0f} kB | {len(dataset)} of {shape} | {comparison} |"
    if not train:
        return f"{read} not trained |"
    config = preset("standard", clusters=dataset.classes or 10, **SHORT | case.settings)
    training, steps = fit(dataset.samples, config, scaling=dataset.scaling), 0
    while True:
        try:
            steps = next(training).step
        except StopIteration as end:
            fitted = end.value
            break
    score = metrics.scores(LABELS[digit_numbers(dataset)], fitted.labels)["acc"]
    return f"{read} {steps} steps, ACC {score:.2f} |"


def row(case: Case, train: bool) -> tuple[str, bool]:
    """The row of a case, and whether it succeeded or could not be tried."""
    if case.missing:
        return f"| {case.form} | {case.maker} | {', '.join(case.missing)} not installed here | | | |", True
    try:
        with tempfile.TemporaryDirectory() as folder:
            return import_and_train(case, Path(folder), train), True
    except (InputError, RunError, ImportError, subprocess.CalledProcessError) as problem:
        return f"| {case.form} | {case.maker} | failed: {problem} | | | |", False


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.formats",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        metavar="WORD",
        nargs="+",
        default=[""],
        help="only formats and makers whose name contains one of these words",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="also write the complete table to this file")
    parser.add_argument("--read", action="store_true", help="make and read the files without training")
    options, failed = parser.parse_args(arguments), 0
    lines = ["| format | made by | size | read | as written | trained |", "|---|---|---|---|---|---|"]
    show = partial(print, flush=True)
    show("\n".join(lines))
    for case in CASES:
        if not any(word.lower() in f"{case.form} {case.maker}".lower() for word in options.only):
            continue
        began = time.monotonic()
        line, succeeded = row(case, not options.read)
        failed += not succeeded
        lines.append(line)
        show(line)
        print(f"{case.form}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    show(ABSENT)
    if options.out is not None:
        options.out.write_text("\n".join([*lines, ABSENT]))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
