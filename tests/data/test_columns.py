"""The roles of columns: one rule for the page, the command line, Python and streams; labels and ids as they stand."""

import json

import numpy as np
import pandas as pd
import pytest

from dsc_core.data import guess_columns, open_dataset, open_stream
from dsc_core.data.columns import ids_of, labels_of
from dsc_core.errors import InputError

ROWS = 60
KINDS = np.repeat(["setosa", "versicolor", "virginica"], 20)


def measured() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 3)), columns=list("abc"))


@pytest.fixture(params=["csv", "parquet"])
def write(request, tmp_path):
    """Writes a frame in either format: both must read the same."""

    def write(frame, name="table"):
        path = tmp_path / f"{name}.{request.param}"
        frame.to_csv(path, index=False) if request.param == "csv" else frame.to_parquet(path, index=False)
        return path

    return write


def trained_on(dataset) -> list[str]:
    return [column["name"] for column in dataset.preprocessing["columns"]]


def notes(dataset) -> dict[str, str]:
    return {note.kind: note.about for note in dataset.notes}


@pytest.mark.parametrize("name", ["species", "Species", "class", "target", "Label", "y"])
def test_classes_and_row_numbers_are_not_trained_on_and_can_be_refused(write, name):
    frame = measured().assign(**{name: KINDS})
    frame.insert(0, "Id", np.arange(1, ROWS + 1))
    path = write(frame)
    dataset = open_dataset(path)
    assert trained_on(dataset) == ["a", "b", "c"]
    assert dataset.labels.tolist() == KINDS.tolist()
    assert dataset.ids.tolist() == [str(row) for row in range(1, ROWS + 1)]
    assert notes(dataset) == {"labels_guessed": name, "ids_guessed": "Id"}
    refused = open_dataset(path, label_column="", id_column="")
    assert trained_on(refused) == ["Id", "a", "b", "c", name]
    assert refused.labels is None
    assert notes(refused)["labels_trained_on"] == name
    assert notes(refused)["row_numbers_trained_on"] == "Id"


def test_what_the_page_would_choose_is_what_is_read_by_default(write):
    """`guess_columns` presets the form, whose choices are sent in full."""
    frame = measured().assign(
        id=[f"s{row}" for row in range(ROWS)], species=KINDS, target=np.repeat([1, 2, 3], 20)
    )
    frame["serial"] = np.arange(ROWS)
    path = write(frame)
    guess, default = guess_columns(path), open_dataset(path)
    chosen = open_dataset(
        path, label_column=guess.label or "", id_column=guess.id or "", exclude=("", *guess.left_out)
    )
    assert trained_on(default) == trained_on(chosen) == ["a", "b", "c"]
    assert np.array_equal(default.samples, chosen.samples)
    assert default.ids.tolist() == chosen.ids.tolist()
    assert default.labels.tolist() == chosen.labels.tolist() == frame["target"].tolist()
    assert notes(default)["row_numbers"] == "serial"
    assert notes(default)["more_labels"] == "species"


def test_columns_can_be_left_out_and_those_left_out_by_themselves_kept(write):
    path = write(measured().assign(species=KINDS, target=np.repeat([1, 2, 3], 20)))
    without = open_dataset(path, exclude=("b", "a"))
    assert trained_on(without) == ["c"]
    assert notes(without)["excluded"] == "b, a"
    assert trained_on(open_dataset(path, exclude=("",))) == ["a", "b", "c", "species"]
    assert open_dataset(path, exclude=("target",)).labels.tolist() == KINDS.tolist()
    assert trained_on(open_dataset(path, label_column="species")) == ["a", "b", "c"]
    with pytest.raises(InputError, match="no column 'nose': choose one of a, b, c"):
        open_dataset(path, exclude=("nose",))


def test_streams_take_the_same_roles(write):
    frame = measured().assign(Species=KINDS, PatientID=[f"{row:04}" for row in range(ROWS)])
    path = write(frame)
    dataset = open_dataset(path)
    like = json.loads(json.dumps(dataset.describe()))
    with open_stream(path, like, block=7) as stream:
        blocks = list(stream)
    assert [name for block in blocks for name in block.ids.tolist()] == frame["PatientID"].tolist()
    assert [label for block in blocks for label in block.labels.tolist()] == KINDS.tolist()
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), dataset.samples)


def test_a_run_that_was_trained_on_its_classes_gets_them_again(write):
    path = write(measured().assign(species=KINDS))
    trained = open_dataset(path, label_column="")
    again = open_dataset(path, like=trained.describe())
    assert again.labels is None
    assert np.array_equal(again.samples, trained.samples)


def test_new_columns_in_another_order_are_matched_by_name_and_others_left_out(write):
    trained = open_dataset(write(measured().assign(label=KINDS)))
    new = measured().assign(more=1.5, label=KINDS)[["more", "c", "label", "a", "b"]]
    again = open_dataset(write(new, "new"), like=trained.describe())
    assert np.array_equal(again.samples, trained.samples)
    assert again.labels.tolist() == KINDS.tolist()
    assert notes(again)["extra_columns"] == "more"
    with pytest.raises(InputError, match="lacks columns that the run was trained on, a, c: add them"):
        open_dataset(write(new[["b", "more"]], "less"), like=trained.describe())


def test_pixel_columns_leave_out_row_numbers_and_remember_their_labels(write):
    pixels = pd.DataFrame(
        np.random.default_rng(3).integers(0, 256, (20, 64)), columns=[f"p{i}" for i in range(64)]
    )
    frame = pixels.assign(digit=np.arange(20) % 3, serial=np.arange(20))
    path = write(frame)
    dataset = open_dataset(path, image_shape=(8, 8), label_column="digit")
    assert dataset.shape == (1, 8, 8)
    again = open_dataset(path, like=dataset.describe())
    assert again.labels.tolist() == frame["digit"].tolist()
    assert np.array_equal(again.samples, dataset.samples)


def test_a_number_with_a_few_other_words_is_a_number_with_gaps(write):
    values = [f"{value:.3f}" for value in np.random.default_rng(0).normal(size=ROWS)]
    values[3], values[5] = "-", "#DIV/0!"
    dataset = open_dataset(write(measured().assign(size=values)))
    column = dataset.preprocessing["columns"][3]
    assert (column["name"], column["kind"], column["missing"]) == ("size", "number", 2)
    (note,) = [note for note in dataset.notes if note.kind == "not_numbers"]
    assert (note.count, note.about) == (2, "size")
    assert "'-', '#DIV/0!'" in str(note)


def test_categories_are_named_with_their_inputs_and_many_are_pointed_out(write):
    rng = np.random.default_rng(0)
    frame = measured().assign(
        colour=rng.choice(["red", "blue"], ROWS),
        place=[f"place {row % 20}" for row in range(ROWS)],
        remark=[f"remark {row}" for row in range(ROWS)],
    )
    path = write(frame)
    said = notes(open_dataset(path))
    assert said["categories"] == "colour (2), place (20)"
    assert said["many_categories"] == "place (20)"
    assert guess_columns(path).categories == {"colour": 2, "place": 20}
    assert guess_columns(path).many_values == ("place",)
    assert "remark" in said["text_columns"]
    assert notes(open_dataset(write(frame[:30], "few")))["distinct_texts"] == "remark"


def test_no_doubt_is_said_of_a_column_that_is_not_trained_on(write):
    path = write(measured().assign(split="all", cluster=np.arange(ROWS) % 4))
    said = [note.about for note in open_dataset(path).notes if note.kind == "possible_answers"]
    assert said == ["cluster"]


# --- labels and ids as they stand ---


def test_ids_are_text_as_it_stands(tmp_path):
    path = tmp_path / "ids.csv"
    long = [str(1577134800018226901 + row) for row in range(ROWS)]
    long[3] = ""
    for ids in ([f"{row:05}" for row in range(ROWS)], [f"{row}.0" for row in range(ROWS)], long):
        measured().assign(id=ids).to_csv(path, index=False)
        dataset = open_dataset(path)
        assert dataset.ids.tolist() == [name or "3" for name in ids]
        assert ("missing_ids" in notes(dataset)) == ("" in ids)


def test_long_ids_of_parquet_keep_their_digits_beside_gaps(tmp_path):
    ids = pd.array([1577134800018226901 + row for row in range(ROWS)], dtype="Int64")
    ids[3] = None
    measured().assign(id=ids).to_parquet(tmp_path / "ids.parquet", index=False)
    dataset = open_dataset(tmp_path / "ids.parquet")
    assert dataset.ids[:5].tolist() == [
        *(str(1577134800018226901 + row) for row in range(3)),
        "3",
        str(ids[4]),
    ]


def test_ids_that_occur_twice_are_said(write):
    ids = [f"s{row}" for row in range(ROWS)]
    ids[7] = "s3"
    (note,) = [
        note for note in open_dataset(write(measured().assign(id=ids))).notes if note.kind == "repeating_ids"
    ]
    assert (note.count, note.example) == (1, "s3")


def test_words_for_nothing_are_classes_and_only_empty_cells_are_gaps(write):
    labels = ["NA", "None", "nan", "null", "n/a", "?"] * 10
    assert open_dataset(write(measured().assign(label=labels))).labels.tolist() == labels
    gaps = ["NA", None, "missing"] * 20
    dataset = open_dataset(write(measured().assign(label=gaps), "gaps"))
    assert dataset.labels[:3].tolist() == ["NA", "missing (no label)", "missing"]
    assert any(note.kind == "unlabelled" and note.count == 20 for note in dataset.notes)
    empty = open_dataset(write(measured().assign(label=[""] * ROWS), "empty"))
    assert empty.labels is None
    assert notes(empty)["empty_labels"] == "label"


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["007", "7"], ["007", "7"]),
        (["0", "10"], [0, 10]),
        (["1.0", "2.0"], [1, 2]),
        (["1.5", "2.0"], ["1.5", "2.0"]),
        (["-1", "1"], [-1, 1]),
        ([1.0, 2.0], [1, 2]),
        ([True, False], ["True", "False"]),
        (["a", None], ["a", "missing"]),
        (["1.0", " "], ["1", "missing"]),
    ],
)
def test_labels_are_whole_numbers_or_text(cells, labels):
    assert labels_of(pd.Series(cells), []).tolist() == labels


def test_ids_of_numbers_are_their_shortest_text():
    assert ids_of(pd.Series([1.0, 2.5, None]), [], first=5).tolist() == ["1", "2.5", "7"]


def test_a_few_repeated_names_in_a_table_without_header_are_ids(tmp_path):
    """As yeast.data ships: names of proteins, of which one is there twice, and the class at the end."""
    values = np.random.default_rng(0).random((300, 4)).round(2)
    names = [f"P{row}_YEAST" for row in range(300)]
    names[200] = names[100]
    lines = [
        "  ".join([name, *map(str, row), ("MIT", "NUC", "CYT")[number % 3]])
        for number, (name, row) in enumerate(zip(names, values, strict=True))
    ]
    (tmp_path / "yeast.data").write_text("\n".join(lines) + "\n")
    dataset = open_dataset(tmp_path / "yeast.data")
    assert dataset.ids.tolist() == names
    assert dataset.labels.tolist() == ["MIT", "NUC", "CYT"] * 100
    assert dataset.samples.shape == (300, 4)
    assert {"ids_guessed", "labels_placed", "repeating_ids"} <= {note.kind for note in dataset.notes}
