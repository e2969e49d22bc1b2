"""Which folder of an image names its class.

Folders are counted from the image: level 1 contains it, level 2 is the one around that, and so on. Usually the nearest
folder is the class (cat/1.png, train/cat/1.png). Where all images lie in folders of one name, or in folders that are
named after what they hold (cat/images/1.png), the class is further up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dsc_core.data.notes import Note
from dsc_core.data.text import clean

NO_FOLDER = "(no folder)"
LISTED = 3  # names in a note
NOT_CLASSES = frozenset(  # what folders hold, or how data are divided
    (
        *(
            "image",
            "images",
            "img",
            "imgs",
            "picture",
            "pictures",
            "pics",
            "photo",
            "photos",
            "raw",
            "data",
            "dataset",
        ),
        *(
            "jpg",
            "jpgs",
            "jpeg",
            "jpegs",
            "png",
            "pngs",
            "tif",
            "tiff",
            "bmp",
            "gif",
            "file",
            "files",
            "input",
            "inputs",
        ),
        *("train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "holdout"),
        *("train_set", "test_set", "training_set", "val_set"),
    )
)


@dataclass(frozen=True)
class FolderLevel:
    """The folders of one level. level: from 1. names: {name: number of images}."""

    level: int
    names: dict[str, int]

    @property
    def is_informative(self) -> bool:
        """Whether the names may be classes: several, and not only "images", "train" and the like."""
        return len(self.names) > 1 and not {name.lower() for name in self.names} <= NOT_CLASSES | {
            NO_FOLDER.lower()
        }

    @property
    def title(self) -> str:
        """The first names and the number of all."""
        shown = ", ".join(list(self.names)[:LISTED])
        return shown + (f", … ({len(self.names):,} names)" if len(self.names) > LISTED else "")


def folder_at(path: str, level: int) -> str:
    """The name of the folder `level` levels above an image, NO_FOLDER where there is none."""
    parts = path.split("/")[:-1]
    return clean(parts[-level]) if level <= len(parts) else NO_FOLDER


def folder_levels(paths: Sequence[str]) -> list[FolderLevel]:
    """The levels of folders with more than one name, the nearest first; paths with forward slashes."""
    deepest = max((path.count("/") for path in paths), default=0)
    levels = []
    for level in range(1, deepest + 1):
        names = Counter(folder_at(path, level) for path in paths)
        if len(names) > 1:
            levels.append(FolderLevel(level, dict(names)))
    return levels


def choose_level(paths: Sequence[str], wanted: int | None, notes: list[Note]) -> Callable[[str], str] | None:
    """The function from an image's path to its label, with notes; None if all have the same.

    wanted: the level, by default the nearest one whose names may be classes.
    """
    levels = folder_levels(paths)
    if wanted is None and not levels:
        notes.append(Note("single_folder"))
        return None
    informative = [level for level in levels if level.is_informative]
    level = wanted or (informative or levels)[0].level
    names = Counter(folder_at(path, level) for path in paths)
    if len(names) < 2:
        notes.append(Note("single_folder"))
        return None
    outside = names.pop(NO_FOLDER, 0)
    about = {1: "that contain the images", 2: "one level above those that contain the images"}.get(
        level, f"{level - 1} levels above those that contain the images"
    )
    notes.append(Note("folder_labels", count=len(names), about=about))
    if outside:
        notes.append(Note("images_without_folder", count=outside, about=NO_FOLDER))
    others = [other for other in informative if other.level != level and NO_FOLDER not in other.names]
    if wanted is None and others:
        notes.append(Note("other_folder_labels", about="; ".join(other.title for other in others)))
    return lambda path: folder_at(path, level)
