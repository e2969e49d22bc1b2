"""Parquet files: an index is never trained on, numbers of every type are numbers, and little never becomes much."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dsc_core.data import guess_columns, open_dataset, open_stream
from dsc_core.errors import InputError

FRAME = pd.DataFrame(np.random.default_rng(0).normal(50, 9, (120, 3)), columns=list("abc"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.parquet"


def read_both_ways(path, **options):
    """The data set as a whole, which its blocks must agree with."""
    dataset = open_dataset(path, **options)
    with open_stream(path, dataset.describe(), block=7, **options) as stream:
        blocks = list(stream)
    assert np.allclose(np.concatenate([block.samples for block in blocks]), dataset.samples, atol=1e-5)
    assert [name for block in blocks for name in block.ids] == dataset.ids.tolist()
    if dataset.labels is not None:
        assert [str(label) for block in blocks for label in block.labels] == list(map(str, dataset.labels))
    return dataset


def names(dataset):
    return [(column["name"], column["kind"]) for column in dataset.preprocessing["columns"]]


def values(dataset, index=0):
    column = dataset.preprocessing["columns"][index]
    return dataset.samples[:, index] * column["scale"] + column["mean"]


@pytest.mark.parametrize("options", [{}, {"id_column": ""}])
def test_the_hidden_index_of_a_shuffled_frame_is_not_trained_on(path, options):
    shuffled = FRAME.sample(frac=1, random_state=0)
    shuffled.to_parquet(path)
    dataset = read_both_ways(path, **options)
    assert names(dataset) == [(name, "number") for name in "abc"]
    assert any("__index_level_0__" in str(note) for note in dataset.notes)
    if not options:
        assert dataset.ids.tolist() == list(map(str, shuffled.index))
        assert guess_columns(path).id == "__index_level_0__"


@pytest.mark.parametrize("name", ["id", "barcode", "my rows"])
def test_a_named_index_gives_the_ids(path, name):
    FRAME.set_index(pd.Index([f"cell{i}" for i in range(120)], name=name)).to_parquet(path)
    dataset = read_both_ways(path)
    assert dataset.ids[:2].tolist() == ["cell0", "cell1"]
    assert names(dataset) == [(name, "number") for name in "abc"]


def test_an_index_that_repeats_is_left_out(path):
    FRAME.set_index(pd.Index(np.arange(120) % 7, name="patient")).to_parquet(path)
    dataset = read_both_ways(path)
    assert names(dataset) == [(name, "number") for name in "abc"]
    assert any("patient" in str(note) for note in dataset.notes)


def test_an_index_of_several_levels_is_not_trained_on(path):
    levels = pd.MultiIndex.from_arrays([np.arange(120) // 2, np.arange(120) % 2], names=["subject", "visit"])
    FRAME.set_index(levels).to_parquet(path)
    assert names(read_both_ways(path)) == [(name, "number") for name in "abc"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([Decimal(int(v * 100)) / 100 for v in FRAME["a"]], pa.decimal128(9, 2)),
        pa.array([Decimal(int(v * 100)) / 100 for v in FRAME["a"]], pa.decimal256(50, 2)),
        pa.array(FRAME["a"].astype(np.float16)),
        pa.array(FRAME["a"].astype(np.float32)),
        pa.array(FRAME["a"].astype(np.uint8)),
        pa.array([None if i == 3 else int(v) for i, v in enumerate(FRAME["a"])], pa.int64()),
        pa.array([None if i == 3 else int(v) for i, v in enumerate(FRAME["a"])], pa.uint8()),
        pa.array([f"{v:.3f}" for v in FRAME["a"]]),  # numbers as text
    ],
    ids=lambda column: str(column.type),
)
def test_numbers_of_every_type_are_numbers(path, column):
    pq.write_table(pa.table({"a": column, "b": FRAME["b"]}), path)
    dataset = read_both_ways(path)
    assert names(dataset) == [("a", "number"), ("b", "number")]
    assert np.allclose(np.delete(values(dataset), 3), np.delete(FRAME["a"].to_numpy(), 3), atol=1)


def test_booleans_with_gaps_are_numbers(path):
    flags = pa.array([None if i == 3 else i % 2 == 0 for i in range(120)])
    pq.write_table(pa.table({"flag": flags, "b": FRAME["b"]}), path)
    assert names(read_both_ways(path)) == [("flag", "number"), ("b", "number")]


@pytest.mark.parametrize("kind", [pa.int64(), pa.decimal128(19, 0), pa.string()])
def test_ids_keep_every_digit(path, kind):
    ids = [1577134800018226901 + i for i in range(120)]
    if pa.types.is_string(kind):
        ids = [f"{i:05d}" for i in range(120)]
    column = pa.array([Decimal(i) for i in ids] if pa.types.is_decimal(kind) else ids, kind)
    column = pa.array([None if i == 3 else value for i, value in enumerate(column.to_pylist())], kind)
    pq.write_table(pa.table({"id": column, "a": FRAME["a"], "b": FRAME["b"]}), path)
    found = read_both_ways(path).ids.tolist()
    assert found[:5] == [*map(str, ids[:3]), "3", str(ids[4])]


def test_text_that_is_not_utf8_is_read_as_latin1_and_said(path):
    text = [("caf\xe9" if i % 2 else "bar").encode("latin-1") for i in range(120)]
    column = pa.Array.from_buffers(pa.string(), 120, pa.array(text, pa.binary()).buffers())
    pq.write_table(pa.table({"a": FRAME["a"], "place": column}), path)
    dataset = read_both_ways(path, label_column="place")
    assert sorted(set(dataset.labels.tolist())) == ["bar", "café"]
    assert any("Latin-1" in str(note) and "place" in str(note) for note in dataset.notes)


def test_text_stored_as_differences_is_read(path):
    names = [f"sample {i // 2:05d}" for i in range(120)]
    encodings = {"name": "DELTA_BYTE_ARRAY", "a": "PLAIN"}
    table = pa.table({"name": names, "a": FRAME["a"]})
    pq.write_table(table, path, use_dictionary=False, column_encoding=encodings)
    assert read_both_ways(path, label_column="name").labels.tolist() == names


def test_what_holds_no_numbers_is_named(path):
    pq.write_table(pa.table({"embedding": [[1.0, 2.0]] * 20}), path)
    with pytest.raises(InputError, match="embedding"):
        open_dataset(path)
    pq.write_table(pa.Table.from_arrays([pa.array(FRAME["a"]), pa.array(FRAME["b"])], ["x", "x"]), path)
    with pytest.raises(InputError, match="several columns with the name 'x'"):
        open_dataset(path)
    pq.write_table(pa.table({"a": pa.array([], pa.float64())}), path)
    for step in (open_dataset, guess_columns):
        with pytest.raises(InputError, match="no rows"):
            step(path)


# --- what is unpacked is counted first ---

MEASURE = """
import sys
from pathlib import Path
from dsc_core.data import guess_columns, open_dataset, open_stream
from dsc_core.errors import InputError

def blocks(path):
    like = {"kind": "table", "shape": (1,), "preprocessing": {"source": "table", "columns": [
        {"name": "a", "kind": "number", "mean": 0.0, "scale": 1.0}]}}
    with open_stream(path, like) as stream:
        for block in stream:
            pass

for step in (guess_columns, open_dataset, blocks):
    try:
        step(Path(sys.argv[1]))
        print("read")
    except InputError as error:
        print("refused", "DSC_MAX_" in str(error))
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])  # kB
"""


def measure(path):
    """(what guessing, opening and streaming came to, the most MB that they took together in a process of their own)."""
    if not Path("/proc/self/status").is_file():
        pytest.skip("the memory of a process is not known here")
    done = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
    *steps, kilobytes = done.stdout.split("\n")[:-1]
    return steps, int(kilobytes) // 1024


def letters(rows=12_000, length=99_000):
    values = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * length]))
    return pa.table({"a": pa.array(np.arange(float(rows))), "t": values}), {}


def constants(columns=20, rows=2_000_000):
    return pa.table({f"c{i}": pa.array(np.zeros(rows)) for i in range(columns)}), {}


def plain_numbers(rows=40_000_000):
    return pa.table({"a": pa.array(np.zeros(rows))}), {"use_dictionary": False, "row_group_size": rows}


def plain_text(rows=4_000, length=50_000):
    return pa.table({"a": pa.array(np.arange(float(rows))), "t": ["x" * length] * rows}), {
        "use_dictionary": False
    }


def differences(rows=150, length=2_000_000):
    encodings = {"a": "PLAIN", "t": "DELTA_BYTE_ARRAY"}
    options = {"use_dictionary": False, "column_encoding": encodings}
    return pa.table({"a": pa.array(np.arange(float(rows))), "t": ["x" * length] * rows}), options


@pytest.mark.parametrize("make", [letters, constants, plain_numbers, plain_text, differences])
def test_kilobytes_that_unpack_to_gigabytes_are_refused_in_little_memory(path, make):
    table, options = make()
    pq.write_table(table, path, compression="zstd", **options)
    del table
    assert path.stat().st_size < 1_000_000
    steps, megabytes = measure(path)
    assert "refused True" in steps
    assert steps[1] == "refused True"
    assert megabytes < 700


def test_an_honest_large_table_is_read(path):
    """One that packs well, too: half a million rows of categories and whole numbers, 40 MB when unpacked."""
    rng = np.random.default_rng(0)
    columns = {f"c{i}": rng.integers(0, 9, 500_000) for i in range(8)}
    columns |= {"kind": pa.array(np.array(["setosa", "virginica"])[rng.integers(0, 2, 500_000)])}
    pq.write_table(pa.table(columns), path, compression="zstd")
    dataset = open_dataset(path, label_column="kind")
    assert dataset.samples.shape == (500_000, 8)


@pytest.mark.parametrize("name", [None, "day"])
@pytest.mark.parametrize("numbers", [range(5, 125), range(0, 240, 2), range(120, 0, -1)])
def test_an_index_that_is_stored_as_a_range_gives_the_ids(path, name, numbers):
    """As of a part of a larger frame: frame[5:]."""
    FRAME.set_index(pd.RangeIndex(numbers.start, numbers.stop, numbers.step, name=name)).to_parquet(path)
    dataset = read_both_ways(path)
    assert dataset.ids.tolist() == list(map(str, numbers))
    assert names(dataset) == [(name, "number") for name in "abc"]
    assert "ids_guessed" in {note.kind for note in dataset.notes}
    assert read_both_ways(path, id_column="").ids[0] == "0"


@pytest.mark.parametrize(
    "described", [{"start": 5, "stop": 99}, {"start": "5"}, {"start": 1 << 70}, {"step": 0}]
)
def test_a_range_that_does_not_fit_is_no_index(path, described):
    import json

    table = pa.Table.from_pandas(FRAME)
    index = {"kind": "range", "name": None, "start": 5, "stop": 125, "step": 1} | described
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps({"index_columns": [index]})}), path)
    assert read_both_ways(path).ids[0] == "0"
