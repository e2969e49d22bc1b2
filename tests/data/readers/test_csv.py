"""Tables in text as programs write them: separators, decimal marks, encodings, lines above and below the table."""

import bz2
import gzip

import numpy as np
import pandas as pd
import pytest

from dsc_core.data import guess_columns, open_dataset, open_stream
from dsc_core.errors import InputError

X = np.random.default_rng(0).normal(50, 9, (60, 3)).round(2)
FRAME = pd.DataFrame(X, columns=list("abc"))
PLAIN = FRAME.to_csv(index=False)
BODY = FRAME.to_csv(index=False, header=False)


@pytest.fixture
def read(tmp_path):
    """Writes a file and reads it, whole and in blocks, which must agree."""

    def write_and_read(content, name="a.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        dataset = open_dataset(path, **options)
        with open_stream(path, dataset.describe(), block=7, **options) as stream:
            blocks = list(stream)
        assert np.allclose(np.concatenate([block.samples for block in blocks]), dataset.samples, atol=1e-5)
        assert [name for block in blocks for name in block.ids] == dataset.ids.tolist()
        return dataset

    return write_and_read


def in_units(dataset, columns=3):
    """The numbers of a table in their own units (n, F)."""
    kept = dataset.preprocessing["columns"][:columns]
    assert [column["kind"] for column in kept] == ["number"] * columns
    scales, means = (np.array([column[key] for column in kept]) for key in ("scale", "mean"))
    return dataset.samples[:, :columns] * scales + means


def kinds_of(dataset):
    return {note.kind for note in dataset.notes}


def comma(text):
    return text.replace(".", ",")


def spelled(separator, decimal, names=True):
    return FRAME.to_csv(index=False, sep=separator, decimal=decimal, header=names)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("excel.csv", "sep=;\n" + spelled(";", ".")),
        ("excel-tab.csv", '"sep=\t"\r\n' + spelled("\t", ",")),
        ("a.tsv", spelled("\t", ",")),
        ("a.csv", spelled(";", ",")),
        ("a.txt", spelled(" ", ",")),
        ("a.txt", spelled("|", ".")),
        ("a.dat", "a b c\n" + "\n".join("  " + "    ".join(f"{v:8.2f}" for v in row) + " " for row in X)),
        ("a.tab", "a\t b \tc\n" + "\n".join("\t ".join(map(str, row)) for row in X)),
        ("a.txt", "# a b c\n" + spelled(" ", ".", False)),  # numpy.savetxt with a header
        ("a.csv", "# made at noon, by hand\n% and more\n" + PLAIN),
        ("a.csv", "Report of the year 2020\n\n" + PLAIN),
        ("a.csv", "Report of the year 2020,,\n,,\n" + PLAIN),
        ("a.csv", PLAIN.replace("\n", ",\n")),  # a separator at the end of each line
        ("a.csv", PLAIN.replace("\n", ",\n").replace("c,\n", "c\n")),
        ("a.csv", PLAIN.replace("\n", "\n\n")),
        ("a.csv", PLAIN.replace("\n", "\r")),
        ("a.csv", PLAIN + ",,\n,,\n"),
        ("a.csv", PLAIN.encode("utf-16")),
        ("a.csv", PLAIN.encode("utf-16-le")),
        ("a.csv", b"\xef\xbb\xbf" + PLAIN.encode()),
        ("a.csv.gz", gzip.compress(PLAIN.encode())),
        ("a.data.gz", gzip.compress(spelled("\t", ",").encode())),
        ("a.tsv.bz2", bz2.compress(spelled("\t", ".").encode())),
        ("packed.csv", gzip.compress(PLAIN.encode())),
        ("quoted.csv", '"a","b","c"\n' + "\n".join(",".join(f'"{comma(str(v))}"' for v in row) for row in X)),
        ("blanks.csv", "a, b, c\n" + "\n".join(", ".join(map(str, row)) for row in X)),
    ],
)
def test_the_same_table_in_many_spellings(read, name, content):
    dataset = read(content, name)
    assert [column["name"] for column in dataset.preprocessing["columns"]] == ["a", "b", "c"]
    assert np.allclose(in_units(dataset), X, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.csv", spelled(";", ","), "decimal_comma"),
        ("a.csv", "Report of the year\n" + PLAIN, "skipped_lines"),
        ("a.csv", "# by hand\n" + PLAIN, "skipped_lines"),
        ("a.txt", "# a b c\n" + spelled(" ", ".", False), "comment_header"),
        ("a.csv", PLAIN + ",,\n", "empty_rows"),
        ("a.csv", PLAIN + "1,2\n", "short_rows"),
        ("a.csv", PLAIN.replace("a,b,c", "a,b,a"), "repeated_names"),
        ("a.csv", PLAIN.replace("a,b,c", "a,b,"), "nameless_columns"),
        ("a.csv", PLAIN.replace("a,b,c", "a,b,\xe9").encode("latin-1"), "not_utf8"),
        ("a.csv", BODY, "no_header"),
    ],
)
def test_what_is_not_read_as_it_stands_is_said(read, name, content, kind):
    assert kind in kinds_of(read(content, name))
    assert not kinds_of(read(PLAIN))


@pytest.mark.parametrize(
    ("write", "factor"),
    [
        (lambda v: f'"{int(v * 1e4):,}"', 1e4),  # 1,234
        (lambda v: f'"{v * 1e4:,.1f}"', 1e4),  # 1,234.5
        (lambda v: f'"{v * 1e4:,.1f}"'.translate(str.maketrans(",.", ".,")), 1e4),  # 1.234,5
        (lambda v: f"{int(v * 1e4):,}".replace(",", " "), 1e4),
        (lambda v: f"{int(v * 1e4):,}".replace(",", "\N{NARROW NO-BREAK SPACE}"), 1e4),
        (lambda v: f"{int(v * 1e4):,}".replace(",", "'"), 1e4),
        (lambda v: f'"${v * 1e4:,.2f}"', 1e4),
        (lambda v: f'"{comma(str(v))}"', 1),
        (lambda v: f"{v}%", 1),
    ],
)
def test_numbers_in_other_spellings_are_numbers(read, write, factor):
    rows = [f"{write(v)},{w}" if i != 7 else f"-,{w}" for i, (v, w, _) in enumerate(X)]
    dataset = read("money,b\n" + "\n".join(rows))
    values = in_units(dataset, 2)[:, 0]
    assert np.allclose(np.delete(values, 7), np.delete(X[:, 0], 7) * factor, rtol=1e-3)
    assert kinds_of(dataset) & {"spelled_numbers", "number_signs"}
    assert any("money" in str(note) for note in dataset.notes)


def test_thousands_beside_decimal_commas(read):
    rows = [f"{f'{int(v * 1e4):,}'.replace(',', '.')};{comma(str(w))}" for v, w, _ in X]
    assert np.allclose(in_units(read("a;b\n" + "\n".join(rows)), 2)[:, 0], X[:, 0] * 1e4, rtol=1e-3)


def test_one_column_of_decimal_commas(read):
    assert np.allclose(
        in_units(read("size\n" + "\n".join(comma(f"{v:.2f}") for v in X[:, 0])), 1)[:, 0], X[:, 0]
    )


@pytest.mark.parametrize("separator", [" ", "\t", ","])
@pytest.mark.parametrize("gap", [False, True])
def test_row_names_of_r_are_ids_and_no_name_moves(read, separator, gap):
    """R's write.table has no name for the first column."""
    rows = [[f'"cell{i}"', *map(str, row)] for i, row in enumerate(X)]
    if gap:
        rows[3][2] = "NA"
    text = "\n".join(separator.join(row) for row in [['"a"', '"b"', '"c"'], *rows])
    dataset = read(text, "a.txt")
    assert dataset.ids[:2].tolist() == ["cell0", "cell1"]
    assert [column["name"] for column in dataset.preprocessing["columns"]] == ["a", "b", "c"]
    assert np.allclose(in_units(dataset)[:, 2], X[:, 2], atol=1e-3)


def test_single_blanks_separate_empty_cells(read):
    """pandas.to_csv(sep=" ") of a frame with gaps: two blanks in a row are a gap."""
    frame = FRAME.copy()
    frame.iloc[[2, 9], 1] = np.nan
    dataset = read(frame.to_csv(sep=" "), "a.txt")
    assert np.allclose(in_units(dataset)[:, 2], X[:, 2], atol=1e-3)
    assert any(str(note).startswith("2 missing") for note in dataset.notes)


def test_text_with_blanks_does_not_make_columns(tmp_path):
    rows = [f"{i % 3},{' '.join(str(v) for v in row)},Training" for i, row in enumerate(X)]
    (tmp_path / "faces.csv").write_text("emotion,pixels,Usage\n" + "\n".join(rows))
    assert guess_columns(tmp_path / "faces.csv").names[0] == "emotion"
    assert len(open_dataset(tmp_path / "faces.csv")) == 60


def test_text_that_is_not_utf8_only_far_down(tmp_path):
    text = "a,b\n" + "".join(f"{i % 7},{'xy'[i % 2]}\n" for i in range(300_000)) + "1,caf\xe9\n"
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    dataset = open_dataset(tmp_path / "a.csv", label_column="b")
    assert (len(dataset), dataset.labels[-1]) == (300_001, "café")
    assert "not_utf8" in kinds_of(dataset)


def test_a_small_packed_file_of_many_lines_is_refused(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1,2\n" * 5_000_000))
    with pytest.raises(InputError, match="DSC_MAX_RATIO"):
        open_dataset(tmp_path / "a.csv.gz")


@pytest.mark.parametrize("blocks", [False, True])
def test_ids_and_labels_are_text_as_it_stands(tmp_path, blocks):
    ids = [f"{i:05d}" for i in range(58)] + ["1577134800018226901", "1577134800018226902"]
    labels = ["NA", "None", "007", "?"] * 15
    table = pd.DataFrame({"id": ids, "a": X[:, 0], "b": X[:, 1], "label": labels})
    table.to_csv(tmp_path / "a.csv", index=False)
    dataset = open_dataset(tmp_path / "a.csv")
    parts = [dataset]
    if blocks:
        with open_stream(tmp_path / "a.csv", dataset.describe(), block=7) as stream:
            parts = list(stream)
    assert [name for part in parts for name in part.ids] == ids
    assert [label for part in parts for label in part.labels] == labels


def test_large_ids_with_a_gap_stay_apart(read):
    ids = [str(1577134800018226901 + i) for i in range(60)]
    ids[3] = ""
    dataset = read(FRAME.assign(id=ids).to_csv(index=False))
    assert dataset.ids[:4].tolist() == [*ids[:3], "3"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "words.txt",
            "This is a sentence, which is long.\nAnd here is one that says more.\n" * 9,
            "plain text, not",
        ),
        (
            "words.txt",
            "Alice was beginning to get very tired of it.\nSo she was considering.\n",
            "plain text, not",
        ),
        ("a.csv", "<!DOCTYPE html>\n<html>Log in</html>", "web page"),
        ("a.csv", '[{"a": 1}]', "JSON"),
        ("a.txt", "% a comment\n\n@RELATION iris\n@ATTRIBUTE a NUMERIC\n@DATA\n1\n", "ARFF"),
        ("a.data", "1 1:0.5 3:2\n0 2:1\n", "LIBSVM"),
        ("a.csv", PLAIN + "1,2,3,4\n", "4 cells in line 62, but 3"),
        ("a.csv.gz", gzip.compress(PLAIN.encode())[:-20], "damaged or not complete"),
        ("a.csv", "\n" * 1_000_000 + "@", "no columns|no rows|plain|empty|valid"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message) as refused:
        open_dataset(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_a_packed_table_is_refused_by_what_it_unpacks_to(tmp_path, monkeypatch):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 400_000))
    monkeypatch.setenv("DSC_MAX_UNPACKED_MB", "1")
    with pytest.raises(InputError, match="DSC_MAX_UNPACKED_MB"):
        open_dataset(tmp_path / "a.csv.gz")
    assert guess_columns(tmp_path / "a.csv.gz").names == ("a", "b")  # only the beginning is unpacked


@pytest.mark.parametrize("width", [1, 3])
def test_header_that_alone_ends_in_separators(read, width):
    """Breast cancer data as they are on the web: the nameless column of the header is in no row."""
    dataset = read("a,b,c" + "," * width + "\n" + BODY)
    assert np.allclose(in_units(dataset), X, atol=1e-4)
    assert [column["name"] for column in dataset.preprocessing["columns"]] == list("abc")
    assert not kinds_of(dataset) & {"short_rows", "nameless_columns", "constant_columns"}


def test_longest_row_is_not_among_the_first(read):
    """The first block has no row of all cells, and a later one has empty cells after them."""
    lines = [line.rpartition(",")[0] for line in BODY.splitlines()[:20]] + BODY.splitlines()[20:]
    lines[30] += ",,"
    dataset = read("a,b,c\n" + "\n".join(lines) + "\n")
    assert np.allclose(in_units(dataset)[20:], X[20:], atol=1e-4)
    assert np.allclose(in_units(dataset)[:, :2], X[:, :2], atol=1e-4)
    assert "short_rows" in kinds_of(dataset)


def in_brackets(text):
    return f"({text[1:]})" if text.startswith("-") else text


@pytest.mark.parametrize("form", ["{:.2f}", "{:,.2f}", "${:,.2f}", "{:.1f}%"])
@pytest.mark.parametrize("header", ["a,b,c\n", ""])
def test_numbers_in_brackets_are_negative(read, form, header):
    """As accounting programs write them."""
    values = np.round((X - 50) * 100, 1)
    cells = [[in_brackets(form.format(x).replace("$-", "-$")) for x in row] for row in values]
    dataset = read(header.replace(",", ";") + "".join(";".join(row) + "\n" for row in cells))
    assert np.allclose(in_units(dataset), values, atol=1e-2)
    assert "spelled_numbers" in kinds_of(dataset)


@pytest.mark.parametrize("spelling", ["{:,}", "{:,}.5", "{},5", "({:,})"])
def test_other_spellings_that_appear_late_are_read(tmp_path, spelling):
    """A thousand rows below a thousand, and more rows above, of which each has a comma."""
    rows = [f"{number};{number % 7}" for number in range(1000)]
    rows += [f"{spelling.format(number)};{number % 7}" for number in range(1000, 1600)]
    path = tmp_path / "a.csv"
    path.write_text("amount;rest\n" + "\n".join(rows) + "\n")
    dataset = open_dataset(path, id_column="", exclude=("",))
    late = {"{:,}": 1.0, "({:,})": -1.0}.get(spelling, 1.0) * np.arange(1000, 1600) + 0.5 * ("5" in spelling)
    assert np.allclose(in_units(dataset, 2)[:, 0], [*range(1000), *late], atol=1e-2)
    assert "spelled_numbers" in kinds_of(dataset)
    with open_stream(path, dataset.describe(), block=90, id_column="", exclude=("",)) as stream:
        assert np.allclose(np.concatenate([block.samples for block in stream]), dataset.samples, atol=1e-5)
    assert "spelled_numbers" in {note.kind for note in stream.notes}
