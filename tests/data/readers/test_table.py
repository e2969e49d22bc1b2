"""CSV and parquet tables: columns, labels and ids, preprocessing kept for later rows, and what is refused."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from dsc_core.data import guess_columns, open_dataset
from dsc_core.data.table_units import comparison_table, source_columns
from dsc_core.errors import InputError

ROWS = pd.DataFrame(
    {
        "id": [f"row {i}" for i in range(20)],
        "length": np.random.default_rng(0).normal(50, 9, 20),
        "count": np.random.default_rng(1).integers(0, 9, 20),
        "kind": ["red", "green", "blue", "green"] * 5,
        "fixed": 7,
        "remark": [f"remark number {i}" for i in range(20)],
        "label": ["a", "b"] * 10,
    }
)


@pytest.fixture(params=["csv", "parquet"])
def table(request, tmp_path):
    """Writes a frame in either format: both must read the same."""

    def write(frame, name="table"):
        path = tmp_path / f"{name}.{request.param}"
        frame.to_csv(path, index=False) if request.param == "csv" else frame.to_parquet(path, index=False)
        return path

    return write


def text(tmp_path, content, **options):
    path = tmp_path / "text.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_dataset(path, **options)


def test_a_table_is_standardised_with_categories_as_columns(table):
    dataset = open_dataset(table(ROWS))
    assert dataset.kind == "table"
    assert dataset.shape == (5,)  # length, count, and three kinds
    assert dataset.samples.dtype == np.float32
    assert np.allclose(dataset.samples[:, :2].mean(axis=0), 0, atol=1e-6)
    assert np.allclose(dataset.samples[:, :2].std(axis=0), 1, atol=1e-5)
    assert np.array_equal(dataset.samples[:, 2:].argmax(axis=1)[:4], [2, 1, 0, 1])  # blue, green, red
    assert (dataset.samples[:, 2:].sum(axis=1) == 1).all()


def test_label_and_id_columns_are_taken_by_name_and_never_trained_on(table):
    dataset = open_dataset(table(ROWS))
    assert dataset.labels.tolist() == ROWS["label"].tolist()
    assert dataset.ids.tolist() == ROWS["id"].tolist()
    assert sum("not trained on" in str(note) for note in dataset.notes) == 2
    shuffled = ROWS.assign(label=ROWS["label"].tolist()[::-1], id="x")
    assert np.array_equal(open_dataset(table(shuffled)).samples, dataset.samples)


def test_label_and_id_columns_can_be_picked_or_declined(table):
    path = table(ROWS)
    picked = open_dataset(path, label_column="count", id_column="remark")
    assert picked.labels.tolist() == ROWS["count"].tolist()
    assert picked.ids[0] == "remark number 0"
    declined = open_dataset(path, label_column="", id_column="")
    assert declined.labels is None
    assert declined.ids[19] == "19"
    with pytest.raises(InputError, match="no column 'nose'"):
        open_dataset(path, label_column="nose")
    with pytest.raises(InputError, match="both"):
        open_dataset(path, label_column="count", id_column="count")


def test_columns_that_say_nothing_are_left_out_with_a_note(table):
    notes = " ".join(map(str, open_dataset(table(ROWS)).notes))
    assert "all rows have the same value: fixed" in notes
    assert "different values: remark" in notes


def test_missing_values_are_filled_and_counted(table):
    frame = ROWS.copy()
    frame.loc[[2, 5], "length"] = np.nan
    frame.loc[[3], "kind"] = None
    dataset = open_dataset(table(frame))
    assert any("3 missing values filled" in str(note) for note in dataset.notes)
    assert np.allclose(dataset.samples[[2, 5], 0], 0)
    assert dataset.samples[3, 2 + 1] == 1  # green, the most common


def test_new_rows_get_the_same_preprocessing(table):
    trained = open_dataset(table(ROWS))
    like = json.loads(json.dumps(trained.describe()))
    again = open_dataset(table(ROWS.iloc[5:9].iloc[:, ::-1], "some"), like=like)
    assert np.allclose(again.samples, trained.samples[5:9], atol=1e-6)
    assert again.labels.tolist() == trained.labels[5:9].tolist()


def test_unseen_categories_are_zeros_and_missing_columns_refused(table):
    like = open_dataset(table(ROWS)).describe()
    new = open_dataset(table(ROWS.assign(kind="violet"), "new"), like=like)
    assert (new.samples[:, 2:] == 0).all()
    assert any("20" in str(note) for note in new.notes)
    with pytest.raises(InputError, match=r"lacks columns.*length"):
        open_dataset(table(ROWS.drop(columns="length"), "less"), like=like)
    assert open_dataset(table(ROWS.drop(columns="label"), "bare"), like=like).labels is None


def test_pixel_columns_become_images(table):
    pixels = np.random.default_rng(3).integers(0, 256, (15, 64))
    frame = pd.DataFrame(pixels, columns=[f"p{i}" for i in range(64)]).assign(label=np.arange(15) % 3)
    path = table(frame)
    dataset = open_dataset(path, image_shape=(8, 8))
    assert dataset.samples.dtype == np.uint8
    assert np.array_equal(dataset.samples.reshape(15, 64), pixels)
    assert guess_columns(path).image_shape == (8, 8)
    turned = table(frame.iloc[:, ::-1], "turned")
    assert np.array_equal(open_dataset(turned, like=dataset.describe()).samples, dataset.samples)
    with pytest.raises(InputError, match="64 values"):
        open_dataset(path, image_shape=(9, 9))
    with pytest.raises(InputError, match="text"):
        open_dataset(table(frame.assign(p3="x"), "text"), image_shape=(8, 8))


def test_columns_are_guessed_for_the_user_to_confirm(table):
    guess = guess_columns(table(ROWS.rename(columns={"label": "Class"})))
    assert (guess.label, guess.id, guess.image_shape) == ("Class", "id", None)
    assert guess.numeric == ("length", "count", "fixed")


def test_many_columns_are_refused(table):
    with pytest.raises(InputError, match="DSC_MAX_COLUMNS"):
        open_dataset(table(pd.DataFrame(np.zeros((3, 10_000), int)).rename(columns=lambda i: f"c{i}")))


def test_labels_keep_whole_numbers_and_name_the_missing(table):
    whole = open_dataset(table(ROWS.assign(label=np.arange(20.0) % 3)))
    assert whole.labels.dtype.kind == "i"
    frame = ROWS.assign(label=[None, 1.0] * 10)
    gaps = open_dataset(table(frame))
    assert set(gaps.labels.tolist()) == {"missing", "1"}
    assert any("without a label" in str(note) for note in gaps.notes)


# --- the forms that CSV comes in ---


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_and_line_ends(tmp_path, delimiter, end):
    lines = [
        delimiter.join(row)
        for row in [["a", "b", "label"], ["1", "2.5", "x"], ["3", "4.5", "y"], ["5", "0.5", "x"]]
    ]
    dataset = text(tmp_path, end.join(lines))
    assert dataset.shape == (2,)
    assert dataset.labels.tolist() == ["x", "y", "x"]


def test_decimal_commas(tmp_path):
    dataset = text(tmp_path, "a;b\n1,5;2\n2,5;3\n3,5;5\n")
    assert np.allclose(dataset.preprocessing["columns"][0]["mean"], 2.5)


def test_a_table_without_a_header_loses_no_row(tmp_path):
    dataset = text(tmp_path, "1.5,2\n2.5,3\n3.5,5\n")
    assert len(dataset) == 3
    assert any("read as data" in str(note) for note in dataset.notes)


def test_a_header_of_running_numbers_and_an_index_as_pandas_writes_them(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 4)))
    assert len(text(tmp_path, frame.to_csv(index=False))) == 12
    indexed = text(tmp_path, frame.to_csv())
    assert indexed.shape == (4,)
    assert indexed.ids.tolist() == [str(i) for i in range(12)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encodings(tmp_path, encoding):
    dataset = text(tmp_path, "größe,label\n1,süß\n2,herb\n3,süß\n".encode(encoding))
    assert dataset.labels[0] == "süß"
    assert dataset.preprocessing["columns"][0]["name"] == "größe"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "not a CSV"),
        (b"PK\x03\x04 zip", "not a CSV"),
        (b"   \n\n", "empty"),
        (b"a,b\n", "no rows"),
        (b"a,b\n1,2\n1,2,3\n", "line 3"),
        (b'a,b\n1,"2\n', "valid CSV"),
        (b"label\na\nb\n", "no columns besides"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        text(tmp_path, content)


def test_a_monstrous_cell_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"DSC_MAX_CELL|valid CSV"):
        text(tmp_path, "a,b\n1," + "x" * 200_000 + "\n2,y\n")


def test_numbers_too_large_are_refused(tmp_path):
    with pytest.raises(InputError, match="too large"):
        text(tmp_path, "a,b\n1e308,1\n-1e308,2\n1e308,3\n")


def test_a_formula_in_a_cell_stays_text(tmp_path):
    dataset = text(tmp_path, 'id,a\n"=cmd()",1\n<script>,2\n+3,4\n')
    assert dataset.ids.tolist() == ["=cmd()", "<script>", "+3"]


@pytest.mark.parametrize("content", [b"text", b"PAR1", b"PAR1" + bytes(50) + b"PAR1"])
def test_what_is_no_parquet_is_refused(tmp_path, content):
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(InputError, match="not a complete Parquet"):
        open_dataset(tmp_path / "a.parquet")


def test_parquet_leaves_out_what_it_cannot_use(tmp_path):
    frame = ROWS.assign(
        when=pd.Timestamp("2020-01-01"), many=[[1, 2]] * 20, part=ROWS["kind"].astype("category")
    )
    frame.to_parquet(tmp_path / "a.parquet")
    dataset = open_dataset(tmp_path / "a.parquet")
    assert dataset.shape == (5 + 3,)
    assert any("when, many" in str(note) for note in dataset.notes)


def test_a_parquet_that_unpacks_to_too_much_is_refused_by_its_footer(tmp_path, monkeypatch):
    pd.DataFrame({"a": np.zeros(400_000), "b": np.zeros(400_000)}).to_parquet(tmp_path / "a.parquet")
    monkeypatch.setenv("DSC_MAX_MEMORY_MB", "1")
    with pytest.raises(InputError, match="DSC_MAX_MEMORY_MB"):
        open_dataset(tmp_path / "a.parquet")
    buffer = io.StringIO()
    pd.DataFrame(np.zeros((40_000, 9), int)).to_csv(buffer)
    with pytest.raises(InputError, match="DSC_MAX_MEMORY_MB"):
        text(tmp_path, buffer.getvalue())


# --- matrices of numbers ---


def test_a_matrix_is_standardised_and_its_constant_columns_dropped(tmp_path):
    matrix = np.random.default_rng(0).normal(3, 5, (30, 4))
    matrix[:, 2] = 0.1
    np.save(tmp_path / "a.npy", matrix)
    dataset = open_dataset(tmp_path / "a.npy")
    assert dataset.shape == (3,)
    assert np.allclose(dataset.samples.std(axis=0), 1, atol=1e-5)
    np.save(tmp_path / "b.npy", matrix[4:6])
    assert np.allclose(
        open_dataset(tmp_path / "b.npy", like=dataset.describe()).samples, dataset.samples[4:6]
    )
    np.save(tmp_path / "c.npy", matrix[:, :3])
    with pytest.raises(InputError, match="trained on 4"):
        open_dataset(tmp_path / "c.npy", like=dataset.describe())


def test_ten_thousand_columns_are_refused_with_the_setting(tmp_path):
    """Before the table is parsed, and by the page's guess at its columns as well; so is one endless line."""
    path = tmp_path / "wide.csv"
    path.write_text("\n".join(",".join(str((i * j) % 7) for i in range(10_000)) for j in range(1, 21)))
    (tmp_path / "endless.csv").write_text("1," * 2_000_000)
    for wide in (path, tmp_path / "endless.csv"):
        for read in (open_dataset, guess_columns):
            with pytest.raises(InputError, match="DSC_MAX_COLUMNS") as caught:
                read(wide)
            assert "\n" not in str(caught.value)


def test_a_limit_that_is_raised_lets_a_wide_table_in(tmp_path, monkeypatch):
    monkeypatch.setenv("DSC_MAX_COLUMNS", "10000")
    rng = np.random.default_rng(0)
    np.savetxt(tmp_path / "wide.csv", rng.integers(0, 9, (12, 6000)), delimiter=",", fmt="%d")
    assert open_dataset(tmp_path / "wide.csv").samples.shape == (12, 6000)


def test_a_cell_without_end_is_refused_with_the_setting(tmp_path):
    (tmp_path / "a.csv").write_text(
        "a,b\n" + "".join(f"{i},{'x' * (200_000 if i == 7 else 3)}\n" for i in range(12))
    )
    with pytest.raises(InputError, match="DSC_MAX_CELL"):
        open_dataset(tmp_path / "a.csv")


def test_rows_and_means_are_shown_in_their_own_units(table):
    rows = [(150, "cat", 36), (170, "dog", 40), (190, "dog", 44), (170, "dog", 40)] * 3
    dataset = open_dataset(table(pd.DataFrame(rows, columns=["height", "kind", "shoe"])))
    assert source_columns(dataset.preprocessing, dataset.shape[0]) == ["height", "kind", "kind", "shoe"]
    frame = dataset.table(np.array([2, 0]))
    assert frame["height"].tolist() == pytest.approx([190, 150], rel=1e-5)
    assert frame["kind"].tolist() == ["dog", "cat"]
    mean, first, last = dataset.values([1, 2, 0]).mean(0), *dataset.values([1, 0])
    rows = {"mean": mean, "all": dataset.mean(), "most typical": first, "least certain": last}
    shown = comparison_table(rows, dataset.preprocessing).set_index("column")
    middle = {"height": "170", "kind": "dog", "shoe": "40"}
    for title in ("mean", "all", "most typical"):
        assert shown[title].to_dict() == middle
    assert shown["least certain"].to_dict() == {"height": "150", "kind": "cat", "shoe": "36"}
