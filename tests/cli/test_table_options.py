"""Options for the columns of a table on the command line."""

import json

import numpy as np
import pandas as pd
import pytest

from dsc_core.runs import Store


@pytest.fixture
def table(tmp_path):
    """A CSV file with a row number, two columns of numbers, classes and a date of no use."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    frame.insert(0, "Id", np.arange(1, 61))
    frame["Species"] = np.repeat(["setosa", "versicolor", "virginica"], 20)
    frame["batch"] = rng.integers(0, 4, 60)
    frame.to_csv(tmp_path / "flowers.csv", index=False)
    return tmp_path / "flowers.csv"


def trained_on() -> list[str]:
    return [column["name"] for column in Store().list()[0].dataset["preprocessing"]["columns"]]


def test_classes_and_row_numbers_are_recognised_and_said(run, table):
    code, out, err = run("train", table, "--json")
    assert code == 0, err
    assert json.loads(out)["clusters"] == 3
    assert trained_on() == ["a", "b", "batch"]
    assert "Column 'Species' has the name of labels" in err
    assert "Column 'Id' names or numbers the rows" in err


def test_both_can_be_refused_and_columns_left_out(run, table):
    code, _, err = run(
        "train", table, "--clusters", 3, "--no-label-column", "--no-id-column", "--exclude", "batch"
    )
    assert code == 0, err
    assert trained_on() == ["Id", "a", "b", "Species"]
    assert "Columns that look like labels are trained on: Species" in err
    code, _, err = run("train", table, "--label-column", "batch", "--exclude", "a")
    assert code == 0, err
    assert trained_on() == ["b"]
    code, _, err = run("train", table, "--label-column", "batch", "--keep-all-columns")
    assert code == 0, err
    assert trained_on() == ["a", "b", "Species"]


def test_a_column_that_is_not_there_is_named(run, table):
    code, _, err = run("train", table, "--exclude", "nose")
    assert code == 2
    assert "flowers.csv has no column 'nose': choose one of Id, a, b, Species, batch." in err


def test_assign_says_which_columns_are_left_out(run, table, tmp_path):
    assert run("train", table, "--run", "flowers")[0] == 0
    frame = pd.read_csv(table)
    frame.assign(more=1)[["more", "b", "Species", "batch", "Id", "a"]].to_csv(
        tmp_path / "new.csv", index=False
    )
    code, _, err = run("assign", "flowers", tmp_path / "new.csv", "--out", tmp_path / "out.csv")
    assert code == 0, err
    assert "Columns that the run was not trained on are left out: more." in err
    new = pd.read_csv(tmp_path / "out.csv")
    assert new["id"].tolist() == frame["Id"].tolist()
    assert new["label"].tolist() == frame["Species"].tolist()
