"""Single image files: what each kind of picture becomes, and what is refused."""

import io

import numpy as np
import pytest
from PIL import Image
from writers import bomb_png, colour, encoded, grey

from dsc_core.data.images import Unreadable, decode_image, image_size, natural_key
from dsc_core.data.limits import Limits

LIMITS = Limits()


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


def test_decimals_are_stretched_to_sixteen_bits():
    array = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    image = decode_image(encoded(array, "TIFF"), LIMITS)
    assert np.allclose(image[0] / 65535, array, atol=1e-5)


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


def test_of_a_moving_gif_the_first_frame_is_taken():
    frames = [Image.new("L", (8, 8), value) for value in (20, 200)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decode_image(data, LIMITS) == 20).all()


@pytest.mark.parametrize(
    "data", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", encoded(colour(6, 64, 64))[:-4000]]
)
def test_broken_files_have_one_reason(data):
    with pytest.raises(Unreadable, match="broken"):
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
        "9/a.png", "10/a.png", "a/img1.png", "B/img3.png", "b/img02.png", "b/img2.png", "b/img10.png",
    ]  # fmt: skip


def test_natural_order_takes_numbers_of_any_length():
    """Python's int() refuses more than 4,300 digits, and a name in an archive may have 65,535."""
    names = ["9" * 5000 + ".png", "1" + "0" * 5000 + ".png", "²³.png", "٣.png"]
    assert sorted(names, key=natural_key).index(names[0]) < sorted(names, key=natural_key).index(names[1])
