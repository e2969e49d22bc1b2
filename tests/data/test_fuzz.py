"""Mutated files of every format: each is read or refused in one sentence, never anything else."""

import gzip
import io
import struct
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from writers import colour, encoded, grey

from dsc_core.data import check_trainable, open_dataset
from dsc_core.errors import InputError


def archive(compression):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for index, form in enumerate(2 * ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")):
            file.writestr(
                f"a/{index}.{form.lower()}", encoded(colour(index) if index % 2 else grey(index), form)
            )
    return buffer.getvalue()


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
}
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

patch = st.one_of(st.binary(min_size=1, max_size=6), st.sampled_from(INTERESTING))
# (relative place, bytes that go, bytes that come): as many go as come, which keeps the rest in its place, or not
mutation = st.one_of(
    st.tuples(st.floats(0, 1), patch).map(lambda pair: (pair[0], len(pair[1]), pair[1])),
    st.tuples(st.floats(0, 1), st.integers(0, 6), patch),
)


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


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SEEDS)
def test_mutated_files_are_read_or_refused_in_one_sentence(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(SEEDS[name])
    assert read_or_refused(path) == ""

    @settings(
        max_examples=60,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(mutation, min_size=1, max_size=5), st.booleans())
    def fuzz(changes, resize):
        path.write_bytes(mutate(SEEDS[name], changes))
        refusal = read_or_refused(path, size=(8, 8) if resize else None, labels_from_folders=True)
        assert refusal == "" or (refusal.endswith(".") and "\n" not in refusal)

    fuzz()
