"""Text that reads as numbers is numbers; a few other words among them are gaps."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from dsc_core.data.cells import as_numbers, holds_numbers, read_numbers


def texts(*special, rows: int = 100) -> pd.Series:
    """A column of `rows` numbers as text, the first of which are replaced."""
    return pd.Series([*special, *(f"{value / 8}" for value in range(rows - len(special)))], name="a")


@pytest.mark.parametrize("word", ["-", "#DIV/0!", "n/a", "<0.5", "broken", "NA", "None", "."])
def test_one_other_word_among_numbers_is_a_gap(word):
    read = read_numbers(texts(word))
    assert read.numeric
    assert np.isnan(read.values[0])
    assert read.values[1] == 0
    assert (read.unread, read.examples) == (1, (word,))


def test_from_95_percent_on_a_column_is_one_of_numbers():
    assert read_numbers(texts(*["low"] * 5)).numeric
    assert not read_numbers(texts(*["low"] * 6)).numeric


def test_words_for_a_gap_and_empty_cells_do_not_count_against_numbers():
    read = read_numbers(texts(*["-"] * 30, *[""] * 30, *[None] * 10))
    assert read.numeric
    assert read.unread == 30
    assert not read_numbers(texts(*["none"] * 60)).numeric


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((" 2.5 ", 2.5), ("\N{MINUS SIGN}3", -3), ("12%", 12), ("12 %", 12), ("$1", 1), ("-$2.5", -2.5)),
        *(("€ 3", 3), ("4 €", 4), ("1e-3", 1e-3), ("+7", 7)),
    ],
)
def test_spellings_of_numbers(text, value):
    read = read_numbers(pd.Series([text, "1"]))
    assert read.values.tolist() == [value, 1]
    assert read.signs == any(sign in text for sign in "%$€")


def test_decimals_dictionaries_and_missing_values_are_numbers():
    assert as_numbers(pd.Series([Decimal("1.5"), None, Decimal(2)])).tolist()[::2] == [1.5, 2]
    assert as_numbers(pd.Series(["1", "2", "1"]).astype("category")).tolist() == [1, 2, 1]
    assert as_numbers(pd.Series([1, None], dtype="Int64"))[0] == 1


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"],
        [True, None, False],
        ["True", "False"],
        [None, None],
        [],
        ["2020-01-01"],
        ["007", "12", "x"],
    ],
)
def test_other_columns_hold_no_numbers(values):
    assert not holds_numbers(pd.Series(values, dtype=object))


def test_numbers_in_brackets_are_negative():
    texts = ["(12.5)", "($3)", "$(4)", "(5 %)", "7", "8.5"]
    read = read_numbers(pd.Series(texts))
    assert read.values.tolist() == [-12.5, -3, -4, -5, 7, 8.5]
    assert read.numeric
    assert not read.unread
    others = ["(a)", "()", "(-5)", "((5))", "5)", "(1)(2)"]
    assert np.isnan(read_numbers(pd.Series(others)).values).all()
