"""Image files with several pages or frames: the first with a note, or each as a sample."""

import numpy as np
import pytest
from PIL import Image

from dsc_core.data import open_dataset, open_stream
from dsc_core.errors import InputError
from tests.data.writers import encoded, grey, tarred, zipped


def stack(seeds, form="TIFF"):
    frames = [Image.fromarray(grey(seed)) for seed in seeds]
    options = {"lossless": True} if form == "WEBP" else {}
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)


@pytest.fixture(params=["zip", "tar"])
def stacks(request, tmp_path):
    """Two stacks of three pages and a single image."""
    members = {"a/s1.tif": stack((1, 2, 3)), "b/s2.tif": stack((4, 5, 6)), "b/x.png": encoded(grey(7))}
    return (zipped if request.param == "zip" else tarred)(tmp_path / f"a.{request.param}", members)


def test_pages_that_are_left_out_are_counted(stacks):
    dataset = open_dataset(stacks)
    assert dataset.ids.tolist() == ["a/s1.tif", "b/s2.tif", "b/x.png"]
    note = next(note for note in dataset.notes if note.kind == "further_pages")
    assert (note.count, note.total) == (4, 2)


def test_each_page_is_a_sample_with_the_label_of_its_folder(stacks):
    dataset = open_dataset(stacks, pages="all", labels_from_folders=True)
    names = [f"{name}#{page}" for name in ("a/s1.tif", "b/s2.tif") for page in (1, 2, 3)]
    assert dataset.ids.tolist() == [*names, "b/x.png"]
    assert np.array_equal(dataset.samples[:, 0], np.stack([grey(seed) for seed in range(1, 8)]))
    assert dataset.labels.tolist() == ["a"] * 3 + ["b"] * 4
    like = dataset.describe()
    with open_stream(stacks, like, block=2, pages="all", labels_from_folders=True) as stream:
        blocks = list(stream)
    assert [name for block in blocks for name in block.ids] == dataset.ids.tolist()
    assert [label for block in blocks for label in block.labels] == dataset.labels.tolist()


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_frames_of_every_format_are_counted_and_read(tmp_path, form):
    path = zipped(
        tmp_path / "a.zip", {f"{i}.{form.lower()}": stack((i, i + 20, i + 40), form) for i in range(3)}
    )
    assert [note.count for note in open_dataset(path).notes if note.kind == "further_pages"] == [6]
    dataset = open_dataset(path, pages="all")
    assert len(dataset) == 9
    assert np.array_equal(dataset.samples[1, 0], grey(20))


def test_a_damaged_page_is_named_and_the_ones_before_it_stay(tmp_path):
    data = bytearray(stack((1, 2, 3)))
    dataset = open_dataset(zipped(tmp_path / "a.zip", {"s.tif": bytes(data[:-60])}), pages="all")
    assert dataset.ids.tolist()[0] == "s.tif#1"
    assert len(dataset) + len(dataset.skipped) <= 3
    assert dataset.skipped
    assert dataset.skipped[0][0].startswith("s.tif#")


def test_the_second_picture_of_a_phone_s_jpeg_is_no_page(tmp_path):
    photo = encoded(Image.fromarray(grey(1)), "MPO", save_all=True, append_images=[Image.fromarray(grey(2))])
    dataset = open_dataset(zipped(tmp_path / "a.zip", {"p.jpg": photo, "q.jpg": photo}), pages="all")
    assert dataset.ids.tolist() == ["p.jpg", "q.jpg"]
    assert not dataset.notes


def test_another_word_is_refused(stacks):
    with pytest.raises(InputError, match="first or all"):
        open_dataset(stacks, pages="every")


def test_what_was_changed_in_an_image_is_said(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    images = {
        "turned.png": encoded(grey(1), exif=exif),
        "clear.png": encoded(Image.new("LA", (9, 10), (0, 0))),
        "opaque.png": encoded(Image.new("LA", (9, 10), (9, 255))),
        "print.jpg": encoded(Image.new("CMYK", (9, 10), (255, 0, 0, 0)), "JPEG"),
    }
    kinds = {note.kind: note.count for note in open_dataset(zipped(tmp_path / "a.zip", images)).notes}
    assert kinds == {"turned": 1, "transparent": 1, "other_colours": 1, "mixed_channels": None}


def test_portable_grey_maps_are_read(tmp_path):
    """The faces of ORL and Yale come as PGM; 12 bits there have a white of their own in the header."""
    bytes_ = b"P5 9 10 255\n" + grey(1).tobytes()
    deep = b"P5 9 10 4095\n" + (grey(1).astype(np.uint16) * 16).astype(">u2").tobytes()
    first = open_dataset(zipped(tmp_path / "a.zip", {"a.pgm": bytes_, "b.pgm": bytes_}))
    assert np.array_equal(first.samples[0, 0], grey(1))
    second = open_dataset(zipped(tmp_path / "b.zip", {"a.pgm": deep, "b.pgm": deep}))
    assert np.allclose(second.values(0), grey(1) / 255.9375, atol=1e-3)
