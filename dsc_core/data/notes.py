"""What a reader did to the data, typed, so that counts of several blocks can be summed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

NUMBER = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")  # in a sentence: for a count of one, and for others
PLAIN = "text"  # a note that is only a sentence, as versions up to 0.1.0 stored them
SENTENCES = {
    PLAIN: "{about}",
    "samples_from": "Samples read from {about}.",
    "labels_from": "Labels read from {about}.",
    "labels_column": "Column '{about}' used for labels; it is not trained on.",
    "labels_guessed": "Column '{about}' has the name of labels and was used for labels; it is not trained on. To train"
    " on it, choose no label column.",
    "labels_placed": "Column '{about}' was used for labels, because it looks like classes in a table without column"
    " names; it is not trained on. To train on it, choose no label column.",
    "ids_column": "Column '{about}' used for ids; it is not trained on.",
    "ids_guessed": "Column '{about}' names or numbers the rows and was used for ids; it is not trained on. To train on"
    " it, choose no id column.",
    "excluded": "Columns left out as requested: {about}.",
    "row_numbers": "Columns left out because they name or number the rows: {about}.",
    "row_numbers_trained_on": "Columns that number the rows are trained on, because no id column was chosen: {about}.",
    "more_labels": "Columns left out because they have the names of labels: {about}.",
    "labels_trained_on": "Columns that look like labels are trained on: {about}. Choose them as labels or leave them"
    " out, unless they were measured.",
    "continuous_target": "Column '{about}' has the name of labels, but holds too many different numbers for classes, so"
    " it is trained on. Leave it out if it is a result and not a measurement.",
    "possible_labels": "Column '{about}' is trained on, but its place suggests that it holds classes. Choose it as"
    " labels or leave it out, unless it was measured.",
    "possible_answers": "Column '{about}' is trained on, but its name suggests that it tells clusters, classes or how"
    " the data were divided. Leave it out, unless it was measured.",
    "unnamed_columns": "The table has no column names, and no column was recognised as labels. If one holds classes,"
    " choose it as labels, because it is trained on now.",
    "tells_classes": "Columns that are the same within every class are trained on: {about}. Leave them out if they were"
    " made from the labels.",
    "empty_labels": "Column '{about}' holds no label, so there are none.",
    "repeated_ids": "Column '{about}' has the name of ids, but its values repeat, so it is trained on. Leave it out if"
    " it was not measured.",
    "repeating_ids": "{count:,} [row has|rows have] the id of an earlier row, such as '{example}'.",
    "missing_ids": "{count:,} [row without an id has its|rows without an id have their] row number instead.",
    "extra_columns": "Columns that the run was not trained on are left out: {about}.",
    "not_numbers": "{count:,} [cell|cells] of numbers in {about} [holds|hold] other text, such as {example}, and"
    " [counts|count] as missing.",
    "text_numbers": "Text columns read as numbers: {about}.",
    "number_signs": "Percent and currency signs left out of the numbers in: {about}.",
    "list_columns": "Lists of numbers in a cell were read as a column for each number: {about}.",
    "categories": "Text columns become categories with one input per value, which can decide the clusters: {about}."
    " Leave out those that do not describe what should be grouped.",
    "many_categories": "Text columns with many different values may decide the clusters: {about}. Leave them out unless"
    " they describe the samples.",
    "unnamed_ids": "The first column has no name and was used for ids; it is not trained on.",
    "labels_dropped": "Labels ignored, because their number differs from the number of samples.",
    "ids_dropped": "Ids ignored, because their number differs from the number of samples.",
    "ids_from": "Ids read from {about}.",
    "labels_ignored": "Labels ignored: {about}.",
    "ids_ignored": "Ids ignored: {about}.",
    "one_hot_labels": "One-hot labels were read as the numbers of the columns that hold 1: {about}.",
    "unused_arrays": "Arrays not used: {about}.",
    "sparse": "Sparse matrix expanded to dense values: {about}.",
    "samples_last": "Samples read along the last axis: {about}.",
    "perhaps_last_axis": "Each row was read as a sample, but {about}: if the samples are the columns, choose samples"
    " along the last axis.",
    "one_array_per_sample": "Each of {count:,} arrays was read as one sample: {about}.",
    "one_array_per_class": "{count:,} arrays were joined, and the number of each used for labels: {about}.",
    "single_folder": "All images are in one folder, so folder names give no labels.",
    "folder_labels": "Labels are the names of the folders {about}: {count:,} [class|classes].",
    "other_folder_labels": "Other folders could name the classes too: {about}.",
    "images_without_folder": "{count:,} [image lies|images lie] outside such folders and [has|have] the label"
    " '{about}'.",
    "unlabelled": "{count:,} [row without a label forms|rows without a label form] a class of [its|their] own,"
    " '{about}'.",
    "cropped": "Images cropped to their center, with the proportions of the requested size.",
    "cropped_to": "Images cropped to their center, {about}.",
    "resized": "Resized {count:,} of {total:,} images to {about}.",
    "made_smaller": "Resized {count:,} of {total:,} images to {about}, those of other proportions stretched, since"
    " training on larger ones takes long; ask for a size to keep more of their pixels, or for their centers (crop) to"
    " keep their proportions.",
    "expanded": "Grey images expanded to three equal channels, {about}.",
    "converted": "Colour images converted to grey, {about}.",
    "mixed_channels": "Grey and colour images are mixed, so all were read as colour.",
    "mixed_depths": "Images of different bit depths are mixed, so each depth has a white of its own: {about}.",
    "values_scaled": "Values from {about} were scaled to 0 to 1, all images alike.",
    "further_pages": "Only the first page of {total:,} files with several was read; {count:,} further [page was|pages"
    " or frames were] left out. Choose all pages to have each as a sample.",
    "all_pages": "{count:,} pages of {total:,} files with several are samples of their own, numbered from #1.",
    "turned": "{count:,} [image was|images were] turned upright, as [its|their] EXIF orientation says.",
    "transparent": "{count:,} [image with transparent parts was|images with transparent parts were] laid on white.",
    "other_colours": "{count:,} [image|images] in CMYK or another colour space [was|were] converted to RGB without"
    " [its|their] profile.",
    "halved_depth": "{count:,} [image with 16 bits per colour was|images with 16 bits per colour were] read with the"
    " upper 8 bits of each.",
    "other_range": "The values of the new data, {about}, were read on the scale of training, so their clusters are"
    " probably wrong unless the images really are that different. Rescale them if they show the same things.",
    "rescaled": "The values were rescaled to the range of the training data: {about}.",
    "inverted": "Light and dark look exchanged: the new images are mostly {about}. Their clusters are probably wrong;"
    " invert them if they show the same things.",
    "other_brightness": "The new images differ in brightness from those of training ({about}), so their clusters may be"
    " wrong.",
    "other_units": "Columns whose values are unlike those of training: {about}. Check their units, for the clusters of"
    " these rows are probably wrong.",
    "not_finite": "{count:,} [sample holds|samples hold] values that are missing or infinite, so [it has|they have] no"
    " cluster.",
    "own_scaling": "The values are on a different scale than the training data, so their own range was used: {about}.",
    "skipped": "{count:,} [file|files] skipped; each is listed with its reason.",
    "no_header": "The first line looks like the lines below, so it was read as data and the columns were named 1, 2, 3,"
    " … If it names the columns, choose so for the first row.",
    "header_guessed": "The first line was taken for the names of the columns: {about}. If it is data, choose so for"
    " the first row.",
    "comment_header": "The names of the columns were read from the comment above the table.",
    "skipped_lines": "Lines above the table were left out: {about}.",
    "second_header": "The first line below the names of the columns may be a second line of names or units, and was"
    " read as a row: {about}. Delete it from the file if it is no sample.",
    "last_line": "The last line of the table looks like a total or a remark, and was read as a row: {about}. Delete it"
    " from the file if it is no sample.",
    "repeated_names": "Columns of the same name were numbered: {about}.",
    "not_utf8": "The text is not UTF-8 and was read as Latin-1 (Windows-1252).",
    "not_utf8_columns": "Text that is not UTF-8 was read as Latin-1 in the columns {about}.",
    "decimal_comma": "Commas in numbers were read as decimal marks.",
    "spelled_numbers": "Numbers with thousands separators, another decimal mark or in brackets were read: {about}.",
    "short_rows": "Rows with fewer cells than the table has columns: {count:,}, the first one in line {about}; their"
    " last cells count as missing.",
    "empty_rows": "Rows of empty cells at the end of the table were left out: {count:,}.",
    "nameless_columns": "The header names no column here, so a name was made: {about}.",
    "decimal_columns": "Decimal numbers were read with 16 digits in the columns {about}.",
    "square_rows": "Rows read as a table; if they are the pixels of images, set the image shape to {about}.",
    "constant_columns": "Columns dropped because all rows have the same value: {about}.",
    "text_columns": "Text columns dropped because they have more than {about}.",
    "distinct_texts": "Text columns dropped because all their rows have different values: {about}.",
    "untyped_columns": "Columns dropped because they hold neither numbers nor text: {about}.",
    "filled": "{count:,} missing [value|values] filled: numbers with the column mean, categories with the most"
    " frequent one.",
    "filled_pixels": "{count:,} missing [pixel|pixels] filled with 0.",
    "unseen_categories": "{count:,} [value is a category that training did not have; it counts|values are categories"
    " that training did not have; they count] as none of them.",
    "transposed": "The labels show that samples are stored in columns, so rows and columns were swapped.",
}


WARNINGS = (
    *("other_range", "inverted", "other_brightness", "other_units", "not_finite", "own_scaling"),
    *("possible_labels", "possible_answers", "tells_classes", "labels_trained_on", "repeated_ids"),
    *("row_numbers_trained_on", "continuous_target", "unnamed_columns", "many_categories", "categories"),
    *("header_guessed", "skipped_lines", "short_rows", "perhaps_last_axis"),
    *("second_header", "last_line"),
)


@dataclass(frozen=True)
class Note:
    """One thing that a reader did. kind: a key of SENTENCES. about: the words that its sentence needs.

    example: one of several cases; notes that differ in it and in their counts only are summed.
    """

    kind: str
    count: int | None = None
    total: int | None = None
    about: str = ""
    example: str = ""

    @property
    def text(self) -> str:
        """The note as a sentence."""
        sentence = NUMBER.sub(r"\1" if self.count == 1 else r"\2", SENTENCES[self.kind])
        return sentence.format(**asdict(self))

    @property
    def is_warning(self) -> bool:
        """Whether results are probably wrong because of it."""
        return self.kind in WARNINGS

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> dict[str, Any]:
        """The note as JSON; `read_note` is the inverse."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


def read_note(stored: str | dict[str, Any]) -> Note:
    """A note from JSON: from `Note.to_json`, or a sentence, as versions up to 0.1.0 stored it."""
    if isinstance(stored, str):
        return Note(PLAIN, about=stored)
    if stored["kind"] not in SENTENCES:
        raise ValueError(f"unknown kind of note: {stored['kind']}")
    return Note(**stored)


def sum_notes(*blocks: Iterable[Note]) -> list[Note]:
    """The notes of several blocks as those of one: notes that differ only in their counts are summed."""
    sums: dict[tuple[str, str], Note] = {}
    for note in (note for notes in blocks for note in notes):
        key = note.kind, note.about
        sums[key] = _add(sums[key], note) if key in sums else note
    return list(sums.values())


def _add(first: Note, second: Note) -> Note:
    return replace(first, count=_sum(first.count, second.count), total=_sum(first.total, second.total))


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
