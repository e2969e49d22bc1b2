"""Mutated files of every format: each is read or refused in one sentence, never anything else.

`DSC_FUZZ=48 python -m pytest -n 0 -s tests/data/test_fuzz.py` takes more than 100,000 of them, and prints of each
format how many were read and refused, the slowest in seconds of work, and the most memory that the process and its
children ever held.
"""

import bz2
import gzip
import io
import lzma
import os
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsc_core.data import check_trainable, open_dataset
from dsc_core.data.formats import READERS
from dsc_core.errors import InputError
from tests.data.hostile import MAKERS
from tests.data.writers import colour, encoded, grey, mat73

PICTURES = {
    f"a/{index}.{form.lower()}": encoded(colour(index) if index % 2 else grey(index), form)
    for index, form in enumerate(2 * ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"))
}


def archive(compression):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, data in PICTURES.items():
            file.writestr(name, data)
    return buffer.getvalue()


def tape(form):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as file:
        for name, data in PICTURES.items():
            info = tarfile.TarInfo("é" * 60 + name)  # long enough for a header of its own
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def at_path(save):
    """The bytes of a file that a library only writes under a name."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "a")
        return (Path(folder) / "a").read_bytes()


def hierarchy(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("train/x", data=IMAGES[:8], chunks=(3, 10, 9), compression="gzip", shuffle=True)
        file.create_dataset("test/x", data=IMAGES[8:])
        file["train/y"], file["test/y"] = ["a", "b"] * 4, ["c"] * 4
        file["soft"] = h5py.SoftLink("/test")


def written(save, *arrays, **named):
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


FRAME = pd.DataFrame(
    {"id": range(12), "a": np.linspace(0, 1, 12), "b": list("xyz" * 4), "label": [0, 1, 2] * 4}
)
IMAGES = np.stack([grey(index) for index in range(12)])
IDX = struct.pack(">4B3I", 0, 0, 8, 3, *IMAGES.shape) + IMAGES.tobytes()
SEEDS = {
    "stored.zip": archive(zipfile.ZIP_STORED),
    "deflated.zip": archive(zipfile.ZIP_DEFLATED),
    "a.npy": written(np.save, IMAGES),
    "matrix.npy": written(np.save, np.random.default_rng(0).normal(size=(12, 5))),
    "a.npz": written(np.savez_compressed, x=IMAGES, y=np.arange(12)),
    "plain.npz": written(np.savez, x=IMAGES, y=np.array(["a", "b"] * 6)),
    "a.csv": FRAME.to_csv(index=False).encode(),
    "a.parquet": written(lambda buffer: FRAME.to_parquet(buffer)),
    "a.idx": IDX,
    "a-images.gz": gzip.compress(IDX, mtime=0),
    "pax.tar": tape(tarfile.PAX_FORMAT),
    "gnu.tar.gz": gzip.compress(tape(tarfile.GNU_FORMAT), mtime=0),
    "gnu.tar.bz2": bz2.compress(tape(tarfile.GNU_FORMAT)),
    "pax.tar.xz": lzma.compress(tape(tarfile.PAX_FORMAT)),
    "a.h5": at_path(hierarchy),
    "five.mat": written(
        scipy.io.savemat,
        {"x": IMAGES, "y": np.arange(12.0), "names": np.array(["a"] * 12, object), "s": {"t": np.eye(3)}},
        do_compression=True,
    ),
    "plain.mat": written(scipy.io.savemat, {"X": IMAGES.transpose(1, 2, 0), "gnd": np.arange(12.0)[:, None]}),
    "seven.mat": at_path(lambda path: mat73(path, x=IMAGES.transpose(1, 2, 0), labels=["cat", "dog"] * 6)),
}
APART = ("a.h5", "five.mat", "plain.mat", "seven.mat")  # which take a process each
EXAMPLES, EXAMPLES_APART = 140, 50  # 2,160 in all
TIMES = int(os.environ.get("DSC_FUZZ", 1))  # by hand: 48 times as many are 103,680
INTERESTING = [
    b"",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"PK\x01\x02",
    b"\n",
    b",",
    b'"',
    b"nan",
    b"1e999",
]

place = st.integers(0, 1_000_000).map(lambda millionths: millionths / 1e6)  # evenly; floats crowd at the ends
patch = st.one_of(st.binary(min_size=1, max_size=6), st.sampled_from(INTERESTING))
# (relative place, bytes that go, bytes that come): as many go as come, which keeps the rest in its place, or not
overwriting = st.tuples(place, patch).map(lambda pair: (pair[0], len(pair[1]), pair[1]))
mutation = st.one_of(overwriting, overwriting, st.tuples(place, st.integers(0, 6), patch))


def mutate(data: bytes, changes) -> bytes:
    """`data` after some mutations, one after the other."""
    for place, gone, come in changes:
        at = int(place * len(data))
        data = data[:at] + come + data[at + gone :]
    return data


def read_or_refused(path, **options) -> str:
    """ "" where the file was read, else the refusal; any other error comes through."""
    try:
        dataset = open_dataset(path, **options)
        check_trainable(dataset, 2)
    except InputError as refusal:
        return str(refusal)
    assert len(dataset.ids) == len(dataset) == len(dataset.values())
    return ""


def seconds() -> float:
    """Seconds that this process and its children were at work; those that others were do not count."""
    return sum(os.times()[:4])


def resident_memory():
    """Megabytes that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def most_memory() -> float:
    """MB that this process and the largest of its children ever held, each with all its libraries; nan if unknown."""
    try:
        import resource
    except ImportError:
        return np.nan
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SEEDS)
def test_mutated_files_are_read_or_refused_in_one_sentence(name, tmp_path, quick_processes):
    path = tmp_path / name
    path.write_bytes(SEEDS[name])
    assert read_or_refused(path) == ""
    refused, slowest = [], 0.0

    @settings(
        max_examples=TIMES * (EXAMPLES_APART if name in APART else EXAMPLES),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(mutation, min_size=1, max_size=5), st.booleans())
    def fuzz(changes, resize):
        nonlocal slowest
        path.write_bytes(mutate(SEEDS[name], changes))
        began = seconds()
        refusal = read_or_refused(path, size=(8, 8) if resize else None, labels_from_folders=True)
        slowest = max(slowest, seconds() - began)
        refused.append(refusal != "")
        assert refusal == "" or (refusal.endswith(".") and "\n" not in refusal)

    fuzz()
    print(
        f"\n{name}: {len(refused)} inputs, {len(refused) - sum(refused)} read, {sum(refused)} refused,"
        f" slowest {slowest:.1f} s, at most {most_memory():,.0f} MB",
        flush=True,
    )


LARGEST_MB = 1000  # that reading one file may take
FRESH_MB = 180  # of a process that has imported the readers
HOSTILE = 4  # files of each kind


def test_there_is_hostile_content_for_every_format():
    for format in READERS:
        assert any(suffix in MAKERS for suffix in format.suffixes or ("",)), format.title


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures a forked process in /proc")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("suffix", "make"),
    [(suffix, make) for suffix, makers in MAKERS.items() for make in dict.fromkeys(makers)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_hostile_content_is_read_or_refused_in_little_memory(suffix, make, tmp_path, quick_processes):
    """Each kind in a process of its own, whose largest memory the system measures, its children's likewise."""
    from tests.data.hostile_reading import read_every_way

    outcomes, before = tmp_path / "outcomes", resident_memory()
    pid = os.fork()
    if not pid:
        try:
            for seed in range(HOSTILE * TIMES):
                path = tmp_path / f"{seed}{suffix}"
                make(np.random.default_rng(seed), path)
                found = read_every_way(path)
                with open(outcomes, "a", encoding="utf-8") as out:
                    out.write(f"{seed} {found.outcome} {found.said}\n")
        finally:
            os._exit(0)
    _, _, used = os.wait4(pid, 0)
    said = outcomes.read_text(encoding="utf-8")
    assert "traceback" not in said, said
    assert said.count("\n") == HOSTILE * TIMES, said
    # A fork begins with the memory of the tests before; a fresh process would begin with FRESH_MB.
    held = used.ru_maxrss / 1024 - before + FRESH_MB
    assert held < LARGEST_MB
