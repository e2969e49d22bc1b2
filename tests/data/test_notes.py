"""Notes of readers are typed: their counts are summed as numbers, and old sentences still load."""

import json

import numpy as np
import pytest

from dsc_core.data import Dataset, Note, load_dataset, store_dataset
from dsc_core.data.notes import SENTENCES, read_note, sum_notes


def test_counts_of_blocks_are_summed():
    first = [Note("filled", 1200), Note("resized", 3, 10, about="8×8"), Note("single_folder")]
    second = [Note("filled", 900), Note("resized", 1, 2, about="8×8"), Note("single_folder")]
    assert sum_notes(first, second) == [
        Note("filled", 2100),
        Note("resized", 4, 12, about="8×8"),
        Note("single_folder"),
    ]
    assert str(sum_notes(first, second)[1]) == "Resized 4 of 12 images to 8×8."


def test_notes_about_different_things_are_not_summed():
    notes = [Note("resized", 3, 10, about="8×8"), Note("resized", 1, 2, about="9×9")]
    assert sum_notes(notes) == notes
    assert sum_notes([], notes[:1]) == notes[:1]


def test_numbers_in_names_are_no_counts():
    # A file name with numbers was once taken apart as if it held counts.
    notes = [Note("labels_from", about="set: 12 of 40.npz")]
    assert sum_notes(notes, notes) == notes


@pytest.mark.parametrize("kind", SENTENCES)
def test_every_kind_is_a_sentence_and_comes_back_from_json(kind):
    note = Note(kind, 1234, 5678, about="{braces} and more.")
    assert str(note) == note.text
    assert note.text[0].isupper() or note.text[0].isdigit() or kind == "text"
    assert note.text.endswith((".", "…"))
    assert read_note(json.loads(json.dumps(note.to_json()))) == note


def test_a_count_of_one_is_singular():
    assert str(Note("skipped", 1)) == "1 file skipped; each is listed with its reason."
    assert str(Note("skipped", 2)) == "2 files skipped; each is listed with its reason."
    assert str(Note("missing_ids", 1)) == "1 row without an id has its row number instead."
    assert str(Note("samples_from", about="a[x|y]")) == "Samples read from a[x|y]."


def test_a_sentence_of_an_old_version_is_a_note():
    assert str(read_note("Images resized to 8×8: 3 of 10.")) == "Images resized to 8×8: 3 of 10."


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="unknown kind"):
        read_note({"kind": "strange"})


def test_stored_notes_stay_typed_and_a_description_has_sentences(tmp_path):
    notes = (Note("resized", 12, 40, about="28×28"), Note("skipped", 2))
    samples = np.zeros((3, 1, 8, 8), np.uint8)
    dataset = Dataset("a", samples, np.array(["a", "b", "c"]), None, "image", notes=notes)
    key = store_dataset(dataset, tmp_path)
    assert load_dataset(key, tmp_path).notes == notes
    assert dataset.describe()["notes"] == [str(note) for note in notes]


def test_categories_are_a_warning_that_says_what_to_do():
    note = Note("categories", about="colour (2)")
    assert note.is_warning
    assert "can decide the clusters: colour (2)." in str(note)
    assert "Leave out those that do not describe" in str(note)


@pytest.mark.parametrize("kind", ["no_header", "header_guessed"])
def test_notes_on_the_header_name_no_option_that_a_page_calls_otherwise(kind):
    assert "option header" not in str(Note(kind, about="a, b"))
    assert "first row" in str(Note(kind, about="a, b"))
