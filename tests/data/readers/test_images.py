"""Single image files: what each kind of picture becomes, and what is refused."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from dsc_core.data import MixedSizes, open_dataset
from dsc_core.data.image_decoding import decode_page, image_size
from dsc_core.data.image_files import Unreadable, natural_key
from dsc_core.data.limits import Limits
from dsc_core.errors import InputError
from tests.data.writers import bomb_png, colour, encoded, grey, png_file, tarred, zipped

LIMITS = Limits()


def decode_image(data, limits):
    """The first page of an image file, (C, H, W)."""
    return decode_page(data, limits).image


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "TIFF"])
def test_lossless_grey_comes_back_as_it_was(form):
    array = grey(1)
    assert np.array_equal(decode_image(encoded(array, form), LIMITS), array[None])


@pytest.mark.parametrize(
    ("form", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})]
)
def test_lossless_colour_has_its_channels_first(form, options):
    array = colour(2)
    assert np.array_equal(decode_image(encoded(array, form, **options), LIMITS), array.transpose(2, 0, 1))


@pytest.mark.parametrize("array", [np.full((16, 16), 100, np.uint8), np.full((16, 16, 3), 100, np.uint8)])
def test_jpeg_keeps_shape_and_values(array):
    image = decode_image(encoded(array, "JPEG", quality=95), LIMITS)
    assert image.shape == ((3 if array.ndim == 3 else 1), 16, 16)
    assert np.abs(image.astype(int) - 100).max() <= 2


def test_sixteen_bits_are_kept():
    array = np.random.default_rng(3).integers(0, 65536, (8, 8), dtype=np.uint16)
    for form in ("PNG", "TIFF"):
        image = decode_image(encoded(array, form), LIMITS)
        assert image.dtype == np.uint16
        assert np.array_equal(image[0], array)


@pytest.mark.parametrize(
    "array", [np.linspace(0, 0.3, 64, dtype=np.float32), np.arange(-9, 55, dtype=np.int32)]
)
def test_decimals_and_32_bits_come_as_they_stand(array):
    image = decode_image(encoded(array.reshape(8, 8), "TIFF"), LIMITS)
    assert image.dtype == np.float32
    assert np.array_equal(image[0], array.reshape(8, 8))


def test_decimals_that_are_not_finite_are_refused():
    array = np.full((8, 8), np.nan, np.float32)
    with pytest.raises(Unreadable, match="not finite"):
        decode_image(encoded(array, "TIFF"), LIMITS)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_becomes_white(mode):
    image = Image.new(mode, (8, 8), (0, 0, 0, 0) if mode == "RGBA" else (0, 0))
    image.paste((10, 10, 10, 255) if mode == "RGBA" else (10, 255), (0, 0, 4, 8))
    pixels = decode_image(encoded(image), LIMITS)
    assert len(pixels) == len(mode.rstrip("A"))
    assert (pixels[:, :, :4] == 10).all()
    assert (pixels[:, :, 4:] == 255).all()


def test_a_palette_of_greys_is_grey_and_one_of_colours_is_colour():
    assert len(decode_image(encoded(Image.fromarray(grey(4)).convert("P"), "PNG"), LIMITS)) == 1
    assert len(decode_image(encoded(Image.fromarray(colour(4)).convert("P"), "PNG"), LIMITS)) == 3


def test_exif_rotation_is_applied_and_counts_in_the_size():
    array = grey(5, 8, 12)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    data = encoded(array, "PNG", exif=exif)
    assert np.array_equal(decode_image(data, LIMITS)[0], np.rot90(array, -1))
    assert image_size(data, LIMITS) == (12, 8)


@pytest.mark.parametrize(
    ("value", "turned"),
    [
        (1, lambda array: array),
        (2, np.fliplr),
        (3, lambda array: np.rot90(array, 2)),
        (4, np.flipud),
        (5, lambda array: array.T),
        (6, lambda array: np.rot90(array, -1)),
        (7, lambda array: np.rot90(array, 2).T),
        (8, np.rot90),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_all_eight_exif_orientations_are_turned_upright(form, value, turned):
    """Source of what each means: the Exif standard 2.32, tag 0x0112: where row 0 and column 0 belong."""
    array = np.kron(np.arange(6, dtype=np.uint8).reshape(2, 3) * 50, np.ones((8, 8), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = value
    options = {"JPEG": {"quality": 100}, "WEBP": {"lossless": True}}.get(form, {})
    data = encoded(array, form, exif=exif, **options)
    expected = turned(array)
    assert image_size(data, LIMITS) == expected.shape
    assert np.abs(decode_image(data, LIMITS)[0].astype(int) - expected).max() <= 3


@pytest.mark.parametrize("form", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_several_frames_the_first_is_taken(form):
    frames = [Image.new("RGB", (8, 8), (value, 0, 255 - value)) for value in (20, 120, 200)]
    options = {"lossless": True} if form == "WEBP" else {}
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)
    image = decode_image(data, LIMITS)
    assert image.shape == (3, 8, 8)
    assert (image == np.array([20, 0, 235])[:, None, None]).all()


def test_a_gif_with_a_transparent_colour_lies_on_white():
    image = Image.new("P", (8, 8), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.paste(1, (0, 0, 4, 8))
    pixels = decode_image(encoded(image, "GIF", transparency=0), LIMITS)
    assert (pixels[:, :, :4] == np.array([200, 100, 50])[:, None, None]).all()
    assert (pixels[:, :, 4:] == 255).all()


def test_a_palette_with_alpha_lies_on_white():
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.paste(1, (0, 0, 4, 8))
    pixels = decode_image(encoded(image, "PNG", transparency=bytes([127, 255])), LIMITS)
    assert (pixels[:, :, :4] == np.array([200, 100, 50])[:, None, None]).all()
    assert (pixels[:, :, 4:] == 128).all()


@pytest.mark.parametrize(
    ("form", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})]
)
def test_half_transparent_colour_is_mixed_with_white(form, options):
    image = Image.new("RGBA", (8, 8), (200, 100, 0, 51))
    pixels = decode_image(encoded(image, form, **options), LIMITS)
    assert pixels.shape == (3, 8, 8)
    assert np.abs(pixels.astype(int) - np.array([244, 224, 204])[:, None, None]).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_a_tiff_of_16_bits_in_either_byte_order(order, compression):
    array = np.random.default_rng(3).integers(0, 65536, (8, 9), dtype=np.uint16)
    image = Image.frombytes("I;16" if order == "<" else "I;16B", (9, 8), array.astype(f"{order}u2").tobytes())
    options = {"compression": compression} if compression else {}
    assert np.array_equal(decode_image(encoded(image, "TIFF", **options), LIMITS)[0], array)


def test_a_png_of_16_bits_and_colour_keeps_the_upper_eight():
    """Pillow has no mode of three times 16 bits: what is lost is below one grey level of a screen."""
    array = np.random.default_rng(5).integers(0, 65536, (8, 9, 3), dtype=np.uint16)
    image = decode_image(png_file(array.astype(">u2").tobytes(), 9, 8, depth=16, kind=2), LIMITS)
    assert image.shape == (3, 8, 9)
    assert np.abs(image.astype(float) * 257 - array.transpose(2, 0, 1)).max() <= 257


def test_one_bit_a_pixel_is_black_and_white():
    array = np.arange(64).reshape(8, 8) % 3 == 0
    for form in ("PNG", "TIFF", "BMP", "GIF"):
        assert np.array_equal(decode_image(encoded(array, form), LIMITS)[0], array * np.uint8(255))


def test_a_jpeg_for_print_becomes_red_green_and_blue():
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))  # cyan
    pixels = decode_image(encoded(image, "JPEG", quality=95), LIMITS)
    assert np.abs(pixels.mean((1, 2)) - [0, 255, 255]).max() <= 4


def test_all_kinds_in_one_tar(tmp_path):
    """Grey, colour, 16 bits, alpha, a palette and a turned photo of one size become one array."""
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {
        "1-grey.bmp": encoded(grey(1, 8, 9), "BMP"),
        "2-colour.png": encoded(colour(2, 8, 9)),
        "3-deep.tiff": encoded(grey(3, 8, 9).astype(np.uint16) * 257, "TIFF"),
        "4-alpha.webp": encoded(Image.new("RGBA", (9, 8), (0, 0, 0, 0)), "WEBP"),
        "5-palette.gif": encoded(Image.fromarray(colour(4, 8, 9)).convert("P"), "GIF"),
        "6-turned.jpg": encoded(np.full((9, 8, 3), 90, np.uint8), "JPEG", exif=exif),
    }
    dataset = open_dataset(tarred(tmp_path / "kinds.tar.gz", kinds, "w:gz"))
    assert dataset.ids.tolist() == list(kinds)
    values = dataset.values()
    assert values.shape == (6, 3, 8, 9)
    for place in (0, 2):
        assert np.allclose(values[place], grey(place + 1, 8, 9) / 255, atol=1e-6)
    assert np.allclose(values[1], colour(2, 8, 9).transpose(2, 0, 1) / 255, atol=1e-6)
    assert (values[3] == 1).all()
    assert np.abs(values[5] * 255 - 90).max() < 3


@pytest.mark.parametrize(
    "data", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", encoded(colour(6, 64, 64))[:-4000]]
)
def test_broken_files_have_one_reason(data):
    with pytest.raises(Unreadable, match="damaged"):
        decode_image(data, LIMITS)


@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bombs_are_refused_by_their_header(width, height):
    """60,000² and more are what Pillow itself refuses; 10,000² is what it would only warn of."""
    with pytest.raises(Unreadable, match=r"DSC_MAX_MEGAPIXELS|broken"):
        decode_image(bomb_png(width, height), LIMITS)


def test_the_pixel_limit_can_be_set(monkeypatch):
    monkeypatch.setenv("DSC_MAX_MEGAPIXELS", "1")
    buffer = io.BytesIO()
    Image.new("L", (1001, 1000)).save(buffer, "PNG")
    with pytest.raises(Unreadable, match="1 million pixels"):
        decode_image(buffer.getvalue(), Limits.read())


def test_natural_order():
    names = ["b/img10.png", "b/img2.png", "a/img1.png", "b/img02.png", "10/a.png", "9/a.png", "B/img3.png"]
    assert sorted(names, key=natural_key) == [
        "9/a.png",
        "10/a.png",
        "a/img1.png",
        "B/img3.png",
        "b/img02.png",
        "b/img2.png",
        "b/img10.png",
    ]


def test_natural_order_takes_numbers_of_any_length():
    """Python's int() refuses more than 4,300 digits, and a name in an archive may have 65,535."""
    names = ["9" * 5000 + ".png", "1" + "0" * 5000 + ".png", "²³.png", "٣.png"]
    assert sorted(names, key=natural_key).index(names[0]) < sorted(names, key=natural_key).index(names[1])


# What the network will see ----------------------------------------------------------------------------------


def striped(height, width):
    """A colour image, black but for its middle square, which is red, green and blue in its three thirds."""
    image = np.zeros((height, width, 3), np.uint8)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    for channel in range(3):
        image[top : top + side, left + channel * side // 3 : left + (channel + 1) * side // 3, channel] = 255
    return image


@pytest.fixture
def wide(tmp_path):
    """An archive of 14 colour images twice as wide as high."""
    pictures = {f"{i:02}.png": encoded(striped(24, 48)) for i in range(13)}
    pictures["13.png"] = encoded(colour(1, 24, 48))
    return zipped(tmp_path / "wide.zip", pictures)


def test_a_crop_takes_the_middle_in_the_proportions_of_the_size(wide):
    squeezed, cut = (open_dataset(wide, size=(12, 12), crop=crop) for crop in (False, True))
    assert squeezed.shape == cut.shape == (3, 12, 12)
    # A quarter of the squeezed image on either side is the black that the crop has left out.
    assert squeezed.samples[0][:, :, :2].max() == 0
    assert cut.samples[0][0, :, :3].min() > 200
    assert cut.samples[0][2, :, -3:].min() > 200
    assert any("cropped to their center" in str(note) for note in cut.notes)
    oblong = open_dataset(wide, size=(12, 24), crop=True)
    assert np.array_equal(oblong.samples, open_dataset(wide, size=(12, 24)).samples)


def test_a_crop_without_a_size_is_the_largest_square(wide, tmp_path):
    assert np.array_equal(open_dataset(wide, crop=True).samples[0].transpose(1, 2, 0), striped(24, 24))
    mixed = zipped(tmp_path / "m.zip", {f"{i}.png": encoded(grey(i, 10, 10 + i)) for i in range(12)})
    assert open_dataset(mixed, crop=True).shape == (1, 10, 10)
    with pytest.raises(MixedSizes):
        open_dataset(mixed)


def test_grey_and_colour_as_asked_for(wide, tmp_path):
    made = open_dataset(wide, channels="grey")
    assert made.shape == (1, 24, 48)
    assert made.samples[0, 0, 12, 15] == round(0.299 * 255)
    assert any("converted to grey, as requested" in str(note) for note in made.notes)
    path = zipped(tmp_path / "g.zip", {f"{i}.png": encoded(grey(i)) for i in range(12)})
    assert open_dataset(path, channels="colour").shape == (3, 10, 9)
    assert open_dataset(path, channels="grey").notes == open_dataset(path).notes
    with pytest.raises(InputError, match="grey or colour"):
        open_dataset(path, channels="blue")


def test_the_choices_serve_arrays_and_samples_too(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 32, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", images)
    made = open_dataset(tmp_path / "a.npy", size=(8, 8), crop=True, channels="grey")
    assert made.shape == (1, 8, 8)
    middle = open_dataset(tmp_path / "a.npy", crop=True)
    assert np.array_equal(middle.samples, images[:, :, 8:24].transpose(0, 3, 1, 2))
    assert "16×16 of 16×32" in str(middle.notes[0])
    assert open_dataset("digits", channels="colour", size=(16, 16)).shape == (3, 16, 16)


def test_new_images_are_cropped_as_those_of_the_training_were(wide):
    trained = open_dataset(wide, size=(12, 12), crop=True, channels="grey")
    described = json.loads(json.dumps(trained.describe()))
    assert np.array_equal(open_dataset(wide, like=described).samples, trained.samples)
    uncropped = json.loads(json.dumps(open_dataset(wide, size=(12, 12)).describe()))
    assert not np.array_equal(open_dataset(wide, crop=True, like=uncropped).samples[:, :1], trained.samples)


@pytest.mark.parametrize("form", ["zip", "folder", "tar"])
def test_a_preview_reads_only_a_few(form, tmp_path, monkeypatch):
    from dsc_core.data import image_collection

    pictures = {f"{i:03}.png": encoded(grey(i)) for i in range(200)}
    if form == "folder":
        (tmp_path / "a").mkdir()
        for name, data in pictures.items():
            (tmp_path / "a" / name).write_bytes(data)
        path = tmp_path / "a"
    else:
        path = (zipped if form == "zip" else tarred)(tmp_path / f"a.{form}", pictures)
    decoded, real = [], image_collection.decode_page
    monkeypatch.setattr(image_collection, "decode_page", lambda *given: decoded.append(1) or real(*given))
    found = open_dataset(path, most=8, size=(20, 20))
    assert found.shape == (1, 20, 20)
    assert len(found) == len(decoded) == 8
