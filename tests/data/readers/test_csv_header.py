"""Whether a first line names the columns is told by the types of its cells; no sample is lost."""

import numpy as np
import pandas as pd
import pytest

from dsc_core.data import guess_columns, open_dataset, open_stream

NUMBERS = np.random.default_rng(0).normal(5, 1, (60, 4)).round(2)


def lines(rows, last=None):
    """Rows as lines of CSV, with a last cell of `last`(row number)."""
    return [",".join(map(str, row)) + ("" if last is None else f",{last(i)}") for i, row in enumerate(rows)]


def kinds(i):
    return ("setosa", "versicolor", "virginica")[i % 3]


def read(tmp_path, content, **options):
    (tmp_path / "a.csv").write_text("\n".join(content) + "\n")
    return open_dataset(tmp_path / "a.csv", **options)


def names(dataset):
    return [column["name"] for column in dataset.preprocessing["columns"]]


def said(dataset, kind):
    return any(note.kind == kind for note in dataset.notes)


@pytest.mark.parametrize(
    "first",
    [
        "5.1,3.5,1.4,0.2,setosa",
        "5.1,?,1.4,0.2,setosa",  # '?' is a missing value, as in UCI's files
        "5.1,,1.4,0.2,setosa",
        "5.1,unknown,1.4,0.2,setosa",  # one word among numbers
        "?,?,?,?,setosa",
    ],
)
def test_a_first_row_of_data_is_a_sample(tmp_path, first):
    dataset = read(tmp_path, [first, *lines(NUMBERS, kinds)])
    assert len(dataset) == 61
    assert said(dataset, "no_header")
    assert {"1", "3", "4"} <= set(names(dataset))


@pytest.mark.parametrize(
    "content",
    [
        lines(np.random.default_rng(0).choice(list("abcxyz"), (80, 8))),  # categories, as of mushrooms
        [f"2020-01-{i % 28 + 1:02d},{a},{b}" for i, (a, b, *_) in enumerate(NUMBERS)],  # a date first
        [f"M,{a},{b}" for a, b, *_ in NUMBERS],  # a letter first, as of abalones
        [f"cell{i},{kinds(i)}" for i in range(30)],  # texts of one pattern
        [f"vhigh,{2 + i % 3},{kinds(i)}" for i in range(30)],
    ],
)
def test_texts_like_those_below_are_data(tmp_path, content):
    (tmp_path / "a.csv").write_text("\n".join(content))
    assert len(guess_columns(tmp_path / "a.csv").names) == content[0].count(",") + 1
    assert guess_columns(tmp_path / "a.csv").names[0] == "1"
    assert len(open_dataset(tmp_path / "a.csv", label_column="", id_column="")) == len(content)


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("a,b,c,d", lines(NUMBERS)),
        ("a,2,c,d", lines(NUMBERS)),  # most cells decide
        ("2001,2002,2003,2004", lines(NUMBERS)),  # years
        ("400.5,401,401.5,402,402.5", lines(np.random.default_rng(1).normal(size=(30, 5)))),  # wavelengths
        (",16.5,16.75,17.25,17.75", [f"{i + 60},{row}" for i, row in enumerate(lines(NUMBERS))]),
        ("date,x,y", [f"2020-01-{i % 28 + 1:02d},{a},{b}" for i, (a, b, *_) in enumerate(NUMBERS)]),
        ("cap,gill,odour", lines(np.random.default_rng(0).choice(list("abcxyz"), (80, 3)))),
        ("name,town", [f"name of {w},in {w}" for w in "abcdefghij"]),
    ],
)
def test_names_of_columns_are_no_sample(tmp_path, header, rows):
    (tmp_path / "a.csv").write_text("\n".join([header, *rows]))
    found = guess_columns(tmp_path / "a.csv").names
    assert list(found)[1:] == header.split(",")[1:]
    if len(set(rows[0])) > 4 and any(map(str.isdigit, rows[0])):
        assert len(read(tmp_path, [header, *rows], label_column="", id_column="")) == len(rows)


def test_a_guess_that_may_be_wrong_is_said_and_can_be_had_otherwise(tmp_path):
    texts = lines(np.random.default_rng(0).choice(list("abcxyz"), (80, 3)))
    guessed = read(tmp_path, ["cap,gill,odour", *texts])
    assert said(guessed, "header_guessed")
    assert not said(read(tmp_path, ["a,b,c,d", *lines(NUMBERS)]), "header_guessed")
    data = read(tmp_path, ["cap,gill,odour", *texts], header=False)
    assert (len(data), names(data)) == (81, ["1", "2", "3"])
    named = read(tmp_path, lines(NUMBERS), header=True)
    assert (len(named), names(named)) == (59, [str(value) for value in NUMBERS[0]])
    assert guess_columns(tmp_path / "a.csv", header=True).names[0] == str(NUMBERS[0, 0])


def test_new_rows_have_a_header_if_it_holds_the_trained_names(tmp_path):
    """Even a single row, of which the cells below tell nothing."""
    frame = pd.DataFrame({"kind": ["red", "blue"] * 20, "size": ["small", "large", "huge", "small"] * 10})
    frame.to_csv(tmp_path / "all.csv", index=False)
    trained = open_dataset(tmp_path / "all.csv", label_column="")
    frame.iloc[:1].to_csv(tmp_path / "one.csv", index=False)
    assert len(open_dataset(tmp_path / "one.csv", like=trained.describe())) == 1
    with open_stream(tmp_path / "one.csv", trained.describe()) as stream:
        assert np.array_equal(next(iter(stream)).samples, trained.samples[:1])
