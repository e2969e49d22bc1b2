"""Collecting the images of a folder or archive into one Dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np

from dsc_core.data.bit_depths import Depths, find_depths, scales_in_words
from dsc_core.data.dataset import Dataset
from dsc_core.data.folder_labels import choose_level
from dsc_core.data.from_images import from_images
from dsc_core.data.image_arrays import center_crop, crop_size, resize_image
from dsc_core.data.image_decoding import Page, decode_page, decode_pages, image_size
from dsc_core.data.image_files import ImageFile, NothingReadable, Unreadable, natural_key
from dsc_core.data.limits import MEBI
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.text import clean, shape_text
from dsc_core.data.trainable import MixedSizes, common_size, fitting_size, resize_advice, usual_size
from dsc_core.errors import InputError

Size = tuple[int, int]  # (height, width)
Labeller = Callable[[str], str]  # from the path of an image to its label
Item = TypeVar("Item")
# Files of a folder or an archive whose size is read before it is decided on one for all; of a stream, up to twice as
# many.
LOOKED_AT = 300


def preview_subset(files: list[Item], most: int | None) -> list[Item]:
    """About 2 × `most` of the files, evenly spaced, since some may be unreadable; all of them for None."""
    return files if most is None else files[:: max(1, len(files) // (2 * most))]


def choose_size(files: Iterable[ImageFile], options: Options) -> Size | None:
    """The size of all images: as asked for, else by some of the files, evenly spaced, whether they are photographs.

    None where most are small enough to keep their size. Of a stream, whose length is not known, every file is read at
    first, and then, each time that there are enough, every other of those before.
    """
    if options.image_size is not None:
        return options.image_size
    files = files[:: max(1, len(files) // LOOKED_AT)] if isinstance(files, list) else files
    found, step = list[Size](), 1
    for position, file in enumerate(files):
        if position % step:
            continue
        try:
            size = image_size(file.read(), options.limits)
        except (Unreadable, InputError):  # which reading the whole reports
            continue
        found.append(crop_size(*size) if options.image_crop else size)
        if len(found) == 2 * LOOKED_AT and not isinstance(files, list):
            found, step = found[::2], 2 * step
    return usual_size(Counter(found)) if found else None


def collect_images(
    files: Iterable[ImageFile],
    total: int | None,
    skipped: list[tuple[str, str]],
    options: Options,
    name: str,
    label: Labeller | None = None,
    size: Size | None = None,
) -> Dataset:
    """A Dataset of the images in `files`, in the natural order of their paths: img2.png before img10.png.

    total: the number of files, for the progress; None if the caller reports it. skipped: (id, reason), extended here.
    label: from a path to the label, by default found from all paths. size: of all images, for files from a stream,
    each of which is read before the next one is requested; of a list it is chosen here, see `choose_size`. Unless they
    are resized, all images must have one size: MixedSizes proposes one. Photographs, see `usual_size`, are resized
    without being asked, with a note. Grey and colour together become colour; of several bit depths, see `bit_depths`.
    """
    size = choose_size(files, options) if isinstance(files, list) else size
    collection = _Collection(skipped, options, name, size)
    for count, file in enumerate(files):
        if options.most is not None and count >= 4 * options.most:
            break
        if total is not None and options.progress is not None:
            options.progress(count, total)
        collection.add(file)
        if collection.is_full:
            break
    return collection.to_dataset(label)


class _Collection:
    """Decoded images, and the files that they came from.

    keys: (path, page) of each image, page None for a file with one. sizes: of all images, before resizing. changes: how
    many images were changed, by kind of note. paged, further: files with several pages, and pages that were not read.
    size: what all are resized to; None keeps theirs.
    """

    def __init__(self, skipped: list[tuple[str, str]], options: Options, name: str, size: Size | None):
        self.skipped, self.options, self.name = skipped, options, name
        self.images: list[np.ndarray] = []
        self.keys: list[tuple[str, int | None]] = []
        self.sizes: Counter[Size] = Counter()
        self.changes: Counter[str] = Counter()
        self.paged = self.further = self.nbytes = 0
        self.size = size

    @property
    def is_mixed(self) -> bool:
        """Whether the images differ in size and are not resized, so that they will be refused."""
        return len(self.sizes) > 1 and self.size is None

    @property
    def is_full(self) -> bool:
        """Whether there are as many images as were asked for."""
        return self.options.most is not None and len(self.images) >= self.options.most

    def add(self, file: ImageFile) -> None:
        """Read an image; once the sizes are mixed, only its size."""
        limits = self.options.limits
        try:
            data = file.read()
            if self.is_mixed:
                self.sizes[self._cropped(image_size(data, limits))] += 1
            elif self.options.pages == "all":
                self._add_pages(decode_pages(data, limits), file.path)
            else:
                page = decode_page(data, limits)
                self.paged, self.further = self.paged + (page.further > 0), self.further + page.further
                self._take(page, (file.path, None))
        except Unreadable as reason:
            self.skipped.append((clean(file.path), str(reason)))

    def _add_pages(self, pages: Iterator[Page | Unreadable], path: str) -> None:
        """Take every page of a file; a single one keeps the name of its file."""
        first = len(self.keys)
        number = 0
        for number, page in enumerate(pages, 1):
            if isinstance(page, Unreadable):
                self.skipped.append((f"{clean(path)}#{number}", str(page)))
            else:
                self._take(page, (path, number))
            if self.is_full or self.is_mixed:
                break
        if number == 1 and len(self.keys) > first:
            self.keys[first] = path, None
        elif number > 1:
            self.paged, self.further = self.paged + 1, self.further + number

    def _cropped(self, size: Size) -> Size:
        """The size of an image that is not decoded, after cropping."""
        return crop_size(*size) if self.options.image_crop else size

    def _take(self, page: Page, key: tuple[str, int | None]) -> None:
        """Keep a decoded image (C, H, W), cropped and resized as requested."""
        image = page.image
        self.changes.update(page.changes)
        if self.options.image_crop:
            image = center_crop(image, self.size)
        _, height, width = image.shape
        self.sizes[height, width] += 1
        size = self.size
        if size is not None:
            image = resize_image(image, size)
        elif self.is_mixed:
            self.images.clear()
            self.keys.clear()
            return
        self.images.append(np.ascontiguousarray(image))  # not a view that holds the whole of a cropped image
        self.keys.append(key)
        self._check_amount(image)

    def _check_amount(self, image: np.ndarray) -> None:
        """Refuse more images than the limits allow."""
        self.nbytes += image.nbytes
        limits = self.options.limits
        if len(self.images) > limits.members:
            raise limits.error(self.name, "members")
        if not self.is_full and self.nbytes > limits.memory_mb * MEBI:
            raise limits.error(self.name, "memory_mb")

    def to_dataset(self, label: Labeller | None = None) -> Dataset:
        """The collected images as a Dataset."""
        if self.is_mixed:
            raise self._mixed_sizes()
        if not self.images:
            raise self._nothing_readable()
        notes = self._notes()
        self._sort()
        samples, depths = self._stack(notes)
        paths = [path for path, _ in self.keys]
        if label is None and self.options.labels_from_folders:
            label = choose_level(paths, self.options.folder_level, notes)
        labels = None if label is None else np.array([label(path) for path in paths], dtype=str)
        if self.skipped:
            notes.append(Note("skipped", count=len(self.skipped)))
        ids = [clean(path) if page is None else f"{clean(path)}#{page}" for path, page in self.keys]
        return from_images(
            samples,
            labels,
            np.array(ids, dtype=str),
            replace(self.options, size=self.size),
            notes,
            self.skipped,
            depths=depths,
        )

    def _notes(self) -> list[Note]:
        """What was done to the images."""
        notes = [Note("cropped")] if self.options.image_crop else []
        size = self.size
        if size is not None and (resized := self.sizes.total() - self.sizes[size]):
            kind = "resized" if self.options.image_size else "made_smaller"
            notes.append(Note(kind, count=resized, total=self.sizes.total(), about=shape_text(size)))
        notes += [Note(kind, count=count) for kind, count in sorted(self.changes.items())]
        if self.paged:
            kind = "all_pages" if self.options.pages == "all" else "further_pages"
            notes.append(Note(kind, count=self.further, total=self.paged))
        if len({len(image) for image in self.images}) > 1 and self.options.image_channels is None:
            notes.append(Note("mixed_channels"))
        return notes

    def _sort(self) -> None:
        order = sorted(
            range(len(self.keys)),
            key=lambda index: (natural_key(self.keys[index][0]), self.keys[index][1] or 0),
        )
        self.images = [self.images[index] for index in order]
        self.keys = [self.keys[index] for index in order]

    def _stack(self, notes: list[Note]) -> tuple[np.ndarray, Depths | None]:
        """The images, all of one size, as (n, C, H, W), and their depths if these differ.

        Removes each image from the list, so that memory is taken once.
        """
        depths = find_depths(self.images, self.options)
        if depths is not None and self.options.like is None:
            notes.append(Note("mixed_depths", about=scales_in_words(depths.scales)))
        dtype = self.images[0].dtype if depths is None else depths.dtype
        channels = max(len(image) for image in self.images)
        samples = np.empty((len(self.images), channels, *self.images[0].shape[1:]), dtype)
        self.images.reverse()
        for index in range(len(samples)):
            image = self.images.pop()  # a single channel is repeated
            samples[index] = image if depths is None else depths.convert(image)
        return samples, depths

    def _mixed_sizes(self) -> MixedSizes:
        """The error for images of several sizes; proposes the most common size, or the median, of at most 96 pixels."""
        proposed = fitting_size(*common_size(self.sizes))
        shown = ", ".join(shape_text(size) for size, _ in self.sizes.most_common(3))
        more = f" and {len(self.sizes) - 3} others" if len(self.sizes) > 3 else ""
        message = f"The images in {self.name} differ in size ({shown}{more}): {resize_advice(proposed)}."
        return MixedSizes(message, proposed, dict(self.sizes.most_common()))

    def _nothing_readable(self) -> NothingReadable:
        reasons = ""
        if self.skipped:
            first, reason = self.skipped[0]
            reasons = f" ({len(self.skipped):,} files were skipped, the first, {first[:80]!r}: {reason.rstrip('.')})"
        return NothingReadable(
            f"{self.name} contains no readable image{reasons}: add PNG, JPEG or other images."
        )
