"""A first look at a folder or an archive of images, quick however large it is: what to ask before it is read."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from dsc_core.data.folder_labels import FolderLevel, folder_levels
from dsc_core.data.image_decoding import look_at_header
from dsc_core.data.image_files import ImageFile, Unreadable, natural_key
from dsc_core.data.opening import find_format
from dsc_core.data.options import Options
from dsc_core.data.text import shape_text
from dsc_core.data.trainable import MAX_SIDE, MIN_SIDE, PROPOSED_SIDE, common_size, fitting_size
from dsc_core.errors import InputError

SECONDS, HEADERS, OF_STREAM = 1.5, 400, 2000  # of looking; images whose header is read; files of a TAR


@dataclass
class ImageLook:
    """What a first look found. All of it may be of a part only, see `whole`.

    files: image files. whole: whether all were listed. sizes: how many of those looked at have each (height, width).
    paged: how many of those looked at have several pages. levels: the folders that could name the classes.
    """

    files: int
    whole: bool
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    paged: int = 0
    levels: list[FolderLevel] = field(default_factory=list)

    @property
    def proposed(self) -> tuple[int, int] | None:
        """A (height, width) for all images where they cannot, or should not, be trained on as they are; else None."""
        if not self.sizes:
            return None
        height, width = common_size(self.sizes)
        usable = min(height, width) >= MIN_SIDE and max(height, width) <= PROPOSED_SIDE
        return None if len(self.sizes) == 1 and usable else fitting_size(height, width)

    @property
    def why_resized(self) -> str:
        """Why a size is proposed, a sentence."""
        if len(self.sizes) > 1:
            shown = ", ".join(shape_text(size) for size, _ in self.sizes.most_common(3))
            more = f" and {len(self.sizes) - 3} others" if len(self.sizes) > 3 else ""
            return f"The images differ in size ({shown}{more}), so they need a common one."
        size = next(iter(self.sizes))
        if min(size) >= MIN_SIDE and max(size) <= MAX_SIDE:
            return f"The images are {shape_text(size)}; training is several times faster at {PROPOSED_SIDE} pixels."
        word = "larger" if max(size) > MAX_SIDE else "smaller"
        side = MAX_SIDE if max(size) > MAX_SIDE else MIN_SIDE
        return f"The images are {shape_text(size)}, {word} than {side}×{side}, so they need another size."


def look_at_images(path: Path) -> ImageLook:
    """A first look at the images in `path`, a folder or an archive, for about SECONDS; InputError as `open_dataset`."""
    module, options, skipped = find_format(path).module, Options(path.name), list[tuple[str, str]]()
    until = time.monotonic() + SECONDS
    if not hasattr(module, "open_files"):
        look, paths = ImageLook(0, whole=False), list[str]()
        with module.each_file(path, options, skipped) as stream:
            _read_headers(look, _listed(islice(stream, OF_STREAM), paths), options, until)
        look.files, look.levels = len(paths), folder_levels(paths)
        return look
    with module.open_files(path, options, skipped) as files:
        files.sort(key=lambda file: natural_key(file.path))
        look = ImageLook(len(files), whole=True, levels=folder_levels([file.path for file in files]))
        _read_headers(look, files[:: max(1, len(files) // HEADERS)], options, until)
    return look


def _listed(files: Iterator[ImageFile], paths: list[str]) -> Iterator[ImageFile]:
    for file in files:
        paths.append(file.path)
        yield file


def _read_headers(look: ImageLook, files: Iterable[ImageFile], options: Options, until: float) -> None:
    """Note sizes and pages until the time is up."""
    for file in files:
        try:
            size, pages = look_at_header(file.read(), options.limits)
        except (Unreadable, InputError):  # which reading the whole reports
            continue
        look.sizes[size] += 1
        look.paged += pages > 1
        if time.monotonic() > until:
            return
