"""What a reader did to the data, typed, so that counts of several blocks can be summed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

PLAIN = "text"  # a note that is only a sentence, as versions up to 0.1.0 stored them
SENTENCES = {
    PLAIN: "{about}",
    "samples_from": "Samples read from {about}.",
    "labels_from": "Labels read from {about}.",
    "labels_column": "Column '{about}' used for labels; it is not trained on.",
    "ids_column": "Column '{about}' used for ids; it is not trained on.",
    "unnamed_ids": "The first column has no name and was used for ids; it is not trained on.",
    "labels_dropped": "Labels ignored, because their number differs from the number of samples.",
    "ids_dropped": "Ids ignored, because their number differs from the number of samples.",
    "single_folder": "All images are in one folder, so folder names give no labels.",
    "unlabelled": "{count:,} rows without a label form a class of their own, '{about}'.",
    "cropped": "Images cropped to their center, with the proportions of the requested size.",
    "cropped_to": "Images cropped to their center, {about}.",
    "resized": "Resized {count:,} of {total:,} images to {about}.",
    "expanded": "Grey images expanded to three equal channels, {about}.",
    "converted": "Colour images converted to grey, {about}.",
    "mixed_channels": "Grey and colour images are mixed, so all were read as colour.",
    "own_scaling": "The values are on a different scale than the training data, so their own range was used.",
    "skipped": "{count:,} files skipped; each is listed with its reason.",
    "no_header": "The first line holds numbers, so it was read as data and the columns were named 1, 2, 3, …",
    "square_rows": "Rows read as a table; if they are the pixels of images, set the image shape to {about}.",
    "constant_columns": "Columns dropped because all rows have the same value: {about}.",
    "text_columns": "Text columns dropped because they have more than {about}.",
    "untyped_columns": "Columns dropped because they hold neither numbers nor text: {about}.",
    "filled": "{count:,} missing values filled: numbers with the column mean, categories with the most frequent one.",
    "filled_pixels": "{count:,} missing pixels filled with 0.",
    "unseen_categories": "{count:,} values are categories that training did not have; they count as none of them.",
    "transposed": "The labels show that samples are stored in columns, so rows and columns were swapped.",
}


@dataclass(frozen=True)
class Note:
    """One thing that a reader did. kind: a key of SENTENCES. about: the words that its sentence needs."""

    kind: str
    count: int | None = None
    total: int | None = None
    about: str = ""

    @property
    def text(self) -> str:
        """The note as a sentence."""
        return SENTENCES[self.kind].format(count=self.count, total=self.total, about=self.about)

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> dict[str, Any]:
        """The note as JSON; `read_note` is the inverse."""
        fields = {"kind": self.kind, "count": self.count, "total": self.total, "about": self.about}
        return {name: value for name, value in fields.items() if value not in (None, "")}


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
