"""Which columns of tables as people have them are labels, ids and row numbers; and what is only pointed out."""

import numpy as np
import pandas as pd
import pytest

from dsc_core.data.role_guess import guess_roles

ROWS = 150
KINDS = np.repeat(["setosa", "versicolor", "virginica"], 50)
CODES = np.repeat([1, 2, 3], 50)


def measured(count: int = 4, rows: int = ROWS) -> pd.DataFrame:
    """Columns a, b, … of numbers."""
    values = np.random.default_rng(0).normal(5, 1, (rows, count))
    return pd.DataFrame(values, columns=[chr(ord("a") + index) for index in range(count)])


def bare(*columns) -> pd.DataFrame:
    """A table as of a file without a header: columns named 1, 2, 3, …"""
    frame = pd.concat([pd.DataFrame(column) for column in columns], axis=1)
    frame.columns = [str(index + 1) for index in range(frame.shape[1])]
    return frame


def kinds_of(guess) -> dict[str, str]:
    return {note.about: note.kind for note in guess.doubts}


@pytest.mark.parametrize(
    "name",
    [
        *("label", "Label", "LABELS", " label ", "species", "Species", "class", "Class", "classes", "target"),
        *("y", "Y", "category", "Diagnosis", "class_label", "Class Label", "classLabel", "class-name"),
        *("species_name", "target_names", "label_idx", "ground truth", "cell_type", "CellType", "Outcome"),
    ],
)
@pytest.mark.parametrize("place", ["first", "last"])
def test_usual_names_of_labels_in_any_spelling_and_place(name, place):
    frame = measured()
    frame.insert(0 if place == "first" else 4, name, KINDS)
    assert guess_roles(frame).label == name
    assert guess_roles(frame.assign(**{name: CODES})).label == name


@pytest.mark.parametrize("name", ["classy", "price_class_ratio", "yield", "targets_met_2019", "labelling"])
def test_other_names_are_no_labels(name):
    assert guess_roles(measured().assign(**{name: CODES}, more="x")).label is None


def test_of_several_labels_one_is_taken_and_the_others_are_named():
    guess = guess_roles(measured().assign(species=KINDS, target=CODES))
    assert (guess.label, guess.more_labels) == ("target", ("species",))


def test_a_target_of_many_numbers_is_no_class_and_is_said():
    rng = np.random.default_rng(0)
    for values in (rng.normal(size=ROWS), rng.integers(10_000, 900_000, ROWS)):
        guess = guess_roles(measured().assign(target=values))
        assert guess.label is None
        assert kinds_of(guess) == {"target": "continuous_target"}


def test_y_beside_x_is_a_coordinate():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.integers(0, 9, ROWS), "y": rng.integers(0, 9, ROWS)}).assign(z=KINDS)
    assert guess_roles(frame).label is None
    assert guess_roles(frame.rename(columns={"x": "width"})).label == "y"


def test_a_sorted_file_that_begins_with_one_class_has_labels():
    assert guess_roles(measured().assign(label="first")).label == "label"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Id", np.arange(1, ROWS + 1)),
        ("id", np.arange(ROWS) * 7 + 1000),
        ("PassengerId", np.arange(1, ROWS + 1)),
        ("patient id", [f"p{index}" for index in range(ROWS)]),
        ("filename", [f"{index}.png" for index in range(ROWS)]),
        ("Unnamed: 0", np.arange(ROWS)),
        ("Unnamed: 0", np.random.default_rng(0).permutation(ROWS)),
        ("rownames", [f"car {index}" for index in range(ROWS)]),
        ("X", np.arange(1, ROWS + 1)),
        ("counted", np.arange(ROWS)),
    ],
)
def test_ids_by_name_and_row_numbers_by_their_values(name, values):
    frame = measured()
    frame.insert(0, name, values)
    assert guess_roles(frame).id == name
    assert guess_roles(frame).row_numbers == ()


def test_row_numbers_beside_ids_are_told_apart():
    frame = measured().assign(id=[f"s{index}" for index in range(ROWS)], serial=np.arange(1, ROWS + 1))
    guess = guess_roles(frame)
    assert (guess.id, guess.row_numbers) == ("id", ("serial",))
    named = measured().assign(PassengerId=np.arange(1, ROWS + 1), Name=[f"n{i}" for i in range(ROWS)])
    assert guess_roles(named).id == "PassengerId"


def test_an_index_that_the_reader_knows_is_ids_or_left_out():
    frame = measured().assign(hidden=np.random.default_rng(0).permutation(ROWS))
    frame.attrs["index"] = ("hidden",)
    assert guess_roles(frame).id == "hidden"
    frame["hidden"] = 3
    assert (guess_roles(frame).id, guess_roles(frame).index) == (None, ("hidden",))


def test_ids_that_repeat_are_none_and_are_said():
    guess = guess_roles(measured().assign(id=np.repeat(np.arange(30), 5)))
    assert guess.id is None
    assert kinds_of(guess) == {"id": "repeated_ids"}
    few = np.arange(100, 100 + ROWS)
    few[7] = few[3]
    assert guess_roles(measured().assign(id=few)).id == "id"


@pytest.mark.parametrize("name", ["index", "key", "sample", "name"])
def test_measurements_with_names_of_ids_are_trained_on(name):
    assert guess_roles(measured().rename(columns={"a": name})).id is None


# --- files without a header, as of the UCI repository ---


def test_the_only_text_of_a_bare_file_is_its_label():
    for frame, label in (
        (bare(measured(), KINDS), "5"),  # iris, sonar, ionosphere
        (bare(KINDS, measured()), "1"),  # letter recognition
    ):
        guess = guess_roles(frame)
        assert (guess.label, guess.placed) == (label, True)


def test_ids_before_the_label_of_a_bare_file():
    rng = np.random.default_rng(0)
    cancer = guess_roles(bare(rng.integers(8_000, 90_000_000, ROWS), KINDS, measured()))
    assert (cancer.label, cancer.id) == ("2", "1")
    names = [f"{index}_ECOLI" for index in range(ROWS)]
    ecoli = guess_roles(bare(names, measured(), KINDS))
    assert (ecoli.label, ecoli.id) == ("6", "1")
    glass = guess_roles(bare(np.arange(1, ROWS + 1), measured(), CODES))
    assert (glass.label, glass.id) == ("6", "1")


@pytest.mark.parametrize("codes", [CODES, CODES % 2, 2 * (CODES % 2) + 2, 2 * (CODES % 2) - 1])
def test_codes_of_classes_at_either_end_of_a_bare_file(codes):
    assert guess_roles(bare(measured(), codes)).label == "5"
    assert guess_roles(bare(codes, measured())).label == "1"


def test_digits_beside_their_pixels():
    rng = np.random.default_rng(0)
    pixels, digits = rng.integers(0, 17, (ROWS, 64)), rng.integers(0, 10, ROWS)
    assert guess_roles(bare(pixels, digits)).label == "65"
    assert guess_roles(bare(digits, pixels)).label == "1"


def test_where_a_bare_file_is_not_plain_it_is_said():
    rng = np.random.default_rng(0)
    votes = guess_roles(bare(rng.integers(0, 2, (ROWS, 5))))
    assert (votes.label, kinds_of(votes)) == (None, {"5": "possible_labels"})
    cars = guess_roles(bare(rng.choice(["low", "high"], (ROWS, 5))))
    assert (cars.label, kinds_of(cars)) == (None, {"": "unnamed_columns"})
    numbers = guess_roles(bare(measured(9)))
    assert (numbers.label, numbers.doubts) == (None, [])


# --- what only looks like an answer ---


def test_columns_that_may_tell_the_answer_are_pointed_out():
    rng = np.random.default_rng(0)
    frame = measured().assign(split=rng.choice(["train", "test"], ROWS), cluster=CODES)
    assert kinds_of(guess_roles(frame)) == {"split": "possible_answers", "cluster": "possible_answers"}
    assert kinds_of(guess_roles(measured().assign(vote=KINDS))) == {"vote": "possible_labels"}
    assert not guess_roles(measured().assign(colour=KINDS, label=CODES)).doubts


def test_doubts_end_when_their_columns_are_left_out_or_labels_are_chosen():
    guess = guess_roles(measured().assign(vote=KINDS))
    assert guess.doubts_of((), labelled=False)
    assert not guess.doubts_of(("vote",), labelled=False)
    assert not guess.doubts_of((), labelled=True)


def test_an_empty_table_has_no_roles():
    assert guess_roles(pd.DataFrame()).label is None
    assert guess_roles(pd.DataFrame({"label": []})).label is None
