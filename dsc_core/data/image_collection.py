"""Collecting the images of a folder or archive into one Dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.from_images import from_images
from dsc_core.data.image_arrays import center_crop, crop_size, resize_image
from dsc_core.data.image_files import (
    ImageFile,
    NothingReadable,
    Unreadable,
    decode_image,
    image_size,
    natural_key,
)
from dsc_core.data.limits import MEBI
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.text import clean, shape_text
from dsc_core.data.trainable import MixedSizes, NeedsResize, fitting_size, resize_advice
from dsc_core.errors import InputError

Size = tuple[int, int]  # (height, width)
Item = TypeVar("Item")


def preview_subset(files: list[Item], most: int | None) -> list[Item]:
    """About 2 × `most` of the files, evenly spaced, since some may be unreadable; all of them for None."""
    return files if most is None else files[:: max(1, len(files) // (2 * most))]


def collect_images(
    files: Iterable[ImageFile], total: int | None, skipped: list[tuple[str, str]], options: Options, name: str
) -> Dataset:
    """A Dataset of the images in `files`, in the natural order of their paths: img2.png before img10.png.

    total: the number of files, for the progress; None if the caller reports it. skipped: (id, reason), extended here. A
    file is read before the next one is requested, so that they may come from a stream. Unless they are resized, all
    images must have one size: MixedSizes proposes one. Grey and colour together become colour, 8 and 16 bits become 16.
    """
    collection = _Collection(skipped, options, name)
    for count, file in enumerate(files):
        if options.most is not None and count >= 4 * options.most:
            break
        if total is not None and options.progress is not None:
            options.progress(count, total)
        collection.add(file)
        if len(collection.images) == options.most:
            break
    return collection.to_dataset()


class _Collection:
    """Decoded images, and the files that they came from. sizes: of all images, before resizing."""

    def __init__(self, skipped: list[tuple[str, str]], options: Options, name: str):
        self.skipped, self.options, self.name = skipped, options, name
        self.images: list[np.ndarray] = []
        self.files: list[ImageFile] = []
        self.sizes: Counter[Size] = Counter()
        self.nbytes = 0

    @property
    def is_mixed(self) -> bool:
        """Whether the images differ in size and are not resized, so that they will be refused."""
        return len(self.sizes) > 1 and self.options.image_size is None

    def add(self, file: ImageFile) -> None:
        """Read an image; once the sizes are mixed, only its size."""
        try:
            data = file.read()
            if self.is_mixed:
                self.sizes[self._size_of(data)] += 1
            else:
                self._take(decode_image(data, self.options.limits), file)
        except Unreadable as reason:
            self.skipped.append((clean(file.path), str(reason)))

    def _size_of(self, data: bytes) -> Size:
        """The size of an image that is not decoded, after cropping."""
        size = image_size(data, self.options.limits)
        return crop_size(*size) if self.options.image_crop else size

    def _take(self, image: np.ndarray, file: ImageFile) -> None:
        """Keep a decoded image (C, H, W), cropped and resized as requested."""
        size = self.options.image_size
        if self.options.image_crop:
            image = center_crop(image, size)
        _, height, width = image.shape
        self.sizes[height, width] += 1
        if size is not None:
            image = resize_image(image, size)
        elif self.is_mixed:
            self.images.clear()
            return
        self.images.append(image)
        self.files.append(file)
        self.nbytes += image.nbytes
        if len(self.images) != self.options.most and self.nbytes > self.options.limits.memory_mb * MEBI:
            raise self._too_many_pixels((height, width))

    def to_dataset(self) -> Dataset:
        """The collected images as a Dataset."""
        if self.is_mixed:
            raise self._mixed_sizes()
        if not self.images:
            raise self._nothing_readable()
        notes = [Note("cropped")] if self.options.image_crop else []
        size = self.options.image_size
        if size is not None and (resized := self.sizes.total() - self.sizes[size]):
            notes.append(Note("resized", count=resized, total=self.sizes.total(), about=shape_text(size)))
        if len({len(image) for image in self.images}) > 1 and self.options.image_channels is None:
            notes.append(Note("mixed_channels"))
        self._sort()
        samples = self._stack()
        labels = _folder_labels(self.files, notes) if self.options.labels_from_folders else None
        if self.skipped:
            notes.append(Note("skipped", count=len(self.skipped)))
        ids = np.array([clean(file.path) for file in self.files], dtype=str)
        return from_images(samples, labels, ids, self.options, notes, self.skipped)

    def _sort(self) -> None:
        order = sorted(range(len(self.files)), key=lambda index: natural_key(self.files[index].path))
        self.images = [self.images[index] for index in order]
        self.files = [self.files[index] for index in order]

    def _stack(self) -> np.ndarray:
        """The images, all of one size, as (n, C, H, W); removes each from the list, so that memory is taken once."""
        channels = max(len(image) for image in self.images)
        deep = any(image.dtype == np.uint16 for image in self.images)
        shape = len(self.images), channels, *self.images[0].shape[1:]
        samples = np.empty(shape, dtype=np.uint16 if deep else np.uint8)
        self.images.reverse()
        for index in range(len(samples)):
            image = self.images.pop()
            # 257 = 65535 / 255 brings bytes to the scale of 16 bits; a single channel is repeated
            samples[index] = image.astype(np.uint16) * 257 if deep and image.dtype == np.uint8 else image
        return samples

    def _mixed_sizes(self) -> MixedSizes:
        """The error for images of several sizes; proposes the most common size, or the median, of at most 64 pixels."""
        common, count = self.sizes.most_common(1)[0]
        height, width = float(common[0]), float(common[1])
        if 2 * count < self.sizes.total():
            median = np.median(np.array(list(self.sizes.elements())), axis=0)
            height, width = int(median[0]), int(median[1])
        proposed = fitting_size(height, width)
        shown = ", ".join(shape_text(size) for size, _ in self.sizes.most_common(3))
        more = f" and {len(self.sizes) - 3} others" if len(self.sizes) > 3 else ""
        message = f"The images in {self.name} differ in size ({shown}{more}): {resize_advice(proposed)}."
        return MixedSizes(message, proposed, dict(self.sizes.most_common()))

    def _too_many_pixels(self, size: Size) -> InputError:
        """The error for images that do not fit into memory; proposes a smaller size unless they are small already."""
        proposed, limits = fitting_size(*size), self.options.limits
        if self.options.image_size is not None or proposed == size:
            return limits.error(self.name, "memory_mb")
        return NeedsResize(
            f"The images in {self.name}, {shape_text(size)} each, exceed the {limits.describe('memory_mb')}:"
            f" {resize_advice(proposed)}.",
            proposed,
        )

    def _nothing_readable(self) -> NothingReadable:
        reasons = ""
        if self.skipped:
            first, reason = self.skipped[0]
            reasons = f" ({len(self.skipped):,} files were skipped, the first, {first[:80]!r}: {reason.rstrip('.')})"
        return NothingReadable(
            f"{self.name} contains no readable image{reasons}: add PNG, JPEG or other images."
        )


def _folder_labels(files: list[ImageFile], notes: list[Note]) -> np.ndarray | None:
    """The folder of each image as its label; None, with a note, if there is only one."""
    folders = [clean(file.folder) for file in files]
    if len(set(folders)) < 2:
        notes.append(Note("single_folder"))
        return None
    return np.array(folders, dtype=str)
