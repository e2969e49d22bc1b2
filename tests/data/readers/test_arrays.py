"""NumPy's files and IDX: keys, layouts, scaling, and what is refused."""

import gzip
import pickle
import struct
import zipfile

import numpy as np
import pytest

from dsc_core.data import open_dataset
from dsc_core.data.image_arrays import as_images, resize_image
from dsc_core.data.scaling import guess_scaling
from dsc_core.errors import InputError

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (12, 10, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 10, 9, 3), dtype=np.uint8)


def npz(tmp_path, **arrays):
    np.savez_compressed(tmp_path / "set.npz", **arrays)
    return open_dataset(tmp_path / "set.npz")


def npy(tmp_path, array, **options):
    np.save(tmp_path / "set.npy", array)
    return open_dataset(tmp_path / "set.npy", **options)


# --- keys and layouts ---


@pytest.mark.parametrize(
    ("x", "y"), [("x", "y"), ("images", "labels"), ("data", "target"), ("X", "Y"), ("arr_0", "y")]
)
def test_keys_are_guessed(tmp_path, x, y):
    dataset = npz(tmp_path, **{x: BYTES, y: np.arange(12) % 3})
    assert np.array_equal(dataset.samples, BYTES[:, None])
    assert dataset.labels.tolist() == [0, 1, 2] * 4
    assert dataset.ids.tolist() == [str(i) for i in range(12)]
    assert {f"Samples read from {x}.", f"Labels read from {y}."} <= set(map(str, dataset.notes))


def test_training_and_test_parts_are_joined_in_this_order(tmp_path):
    dataset = npz(tmp_path, x_test=BYTES[8:], y_test=[2] * 4, x_train=BYTES[:8], y_train=[1] * 8)
    assert np.array_equal(dataset.samples, BYTES[:, None])
    assert dataset.labels.tolist() == [1] * 8 + [2] * 4


def test_an_unknown_key_is_found_by_its_size_and_ids_by_their_name(tmp_path):
    dataset = npz(tmp_path, faces=BYTES, other=np.zeros((3, 2)), ids=np.array([f"p{i}" for i in range(12)]))
    assert np.array_equal(dataset.samples, BYTES[:, None])
    assert dataset.ids[3] == "p3"
    assert dataset.labels is None


def test_the_label_key_can_be_picked_or_declined(tmp_path):
    np.savez(tmp_path / "a.npz", x=BYTES, y=np.zeros(12), season=np.array(["dry", "wet"] * 6))
    assert open_dataset(tmp_path / "a.npz", label_column="season").labels.tolist() == ["dry", "wet"] * 6
    assert open_dataset(tmp_path / "a.npz", label_column="").labels is None
    with pytest.raises(InputError, match="no key 'nose'"):
        open_dataset(tmp_path / "a.npz", label_column="nose")


@pytest.mark.parametrize(
    "labels", [np.eye(3)[np.arange(12) % 3], np.arange(12.0)[:, None] % 3, np.arange(12) % 3]
)
def test_labels_of_any_form(tmp_path, labels):
    assert npz(tmp_path, x=BYTES, y=labels).labels.tolist() == [0, 1, 2] * 4


def test_labels_of_another_number_are_left_out_with_a_note(tmp_path):
    dataset = npz(tmp_path, x=BYTES, y=np.arange(5))
    assert dataset.labels is None
    assert any("Labels ignored" in str(note) for note in dataset.notes)


@pytest.mark.parametrize("array", [COLOUR, COLOUR.transpose(0, 3, 1, 2)])
def test_colour_in_either_layout(tmp_path, array):
    assert np.array_equal(npy(tmp_path, array).samples, COLOUR.transpose(0, 3, 1, 2))


def test_alpha_goes_onto_white():
    array = np.zeros((2, 8, 8, 4), np.uint8)
    array[0, ..., 3] = 255
    images = as_images(array)
    assert images.shape == (2, 3, 8, 8)
    assert (images[0] == 0).all()
    assert (images[1] == 255).all()


@pytest.mark.parametrize("shape", [(12,), (2, 3, 4, 5, 6), (4, 5, 6, 7), (0, 8, 8), (12, 0)])
def test_other_layouts_are_refused(tmp_path, shape):
    with pytest.raises(InputError):
        npy(tmp_path, np.zeros(shape, np.uint8))


@pytest.mark.parametrize("image_shape", [(10, 9), (1, 10, 9), (10, 9, 1)])
def test_rows_of_pixels_become_images_when_told(tmp_path, image_shape):
    assert np.array_equal(npy(tmp_path, BYTES.reshape(12, -1), image_shape=image_shape).samples[:, 0], BYTES)


def test_a_wrong_image_shape_is_refused(tmp_path):
    with pytest.raises(InputError, match="90 values"):
        npy(tmp_path, BYTES.reshape(12, -1), image_shape=(9, 9))


def test_a_small_array_is_read_and_a_large_one_stays_on_the_disk(tmp_path, monkeypatch):
    small = npy(tmp_path, BYTES)
    np.save(tmp_path / "set.npy", BYTES + 1)
    assert np.array_equal(small.samples[:, 0], BYTES)
    monkeypatch.setattr("dsc_core.data.readers.npy.MAPPED_FROM", 100)
    assert isinstance(npy(tmp_path, BYTES).samples, np.memmap)


def test_fortran_order_and_big_endian_read_the_same(tmp_path):
    array = RNG.normal(size=(12, 8, 8))
    expected = npy(tmp_path, array).samples
    for other in (np.asfortranarray(array), array.astype(">f8")):
        assert np.array_equal(npy(tmp_path, other).samples, expected)


# --- values ---


@pytest.mark.parametrize(
    ("array", "scaling"),
    [
        (np.array([0, 255], np.uint8), (0, 1 / 255)),
        (np.array([0, 30], np.uint8), (0, 1 / 255)),
        (np.array([0, 1], np.uint8), (0, 1)),
        (np.array([0, 4095], np.uint16), (0, 1 / 4095)),
        (np.array([0, 65535], np.uint16), (0, 1 / 65535)),
        (np.array([0.0, 0.7]), (0, 1)),
        (np.array([0.0, 254.0]), (0, 1 / 255)),
        (np.array([-1.0, 1.0]), (-1, 0.5)),
        (np.array([-7, 3], np.int32), (-7, 0.1)),
        (np.array([False, True]), (0, 1)),
        (np.array([np.nan, -2.0, np.inf, 2.0]), (-2, 0.25)),
    ],
)
def test_scaling_by_type_and_range(array, scaling):
    assert np.allclose(guess_scaling(array[:, None, None, None]), scaling)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "i8", "f2", "f4", "f8", "?"])
def test_values_lie_in_the_unit_interval(tmp_path, dtype):
    array = (RNG.random((12, 8, 8)) * 100).astype(dtype)
    values = npy(tmp_path, array).values()
    assert values.dtype == np.float32
    assert values.min() >= -1e-6
    assert values.max() <= 1 + 1e-6


def test_resizing_keeps_the_mean_and_the_type():
    for dtype in (np.uint8, np.uint16, np.float32):
        image = (RNG.random((3, 32, 40)) * 200).astype(dtype)
        small = resize_image(image, (16, 20))
        assert small.shape == (3, 16, 20)
        assert small.dtype == dtype
        assert abs(float(small.mean()) - float(image.mean())) < 1.5


def test_new_data_take_the_shape_channels_and_scaling_of_the_training(tmp_path):
    like = npy(tmp_path, BYTES).describe()
    dark = npy(tmp_path, np.minimum(COLOUR, 10).repeat(2, axis=1), like=like)
    assert dark.shape == (1, 10, 9)
    assert dark.scaling == (0.0, 1 / 255)
    assert npy(tmp_path, BYTES.reshape(12, -1), like=like).shape == (1, 10, 9)


def test_new_data_on_another_scale_look_as_the_training_did(tmp_path):
    trained = npy(tmp_path, BYTES)
    decimals = npy(tmp_path, BYTES / 255, like=trained.describe())
    assert np.allclose(decimals.values(), trained.values(), atol=1e-6)
    assert any("a different scale" in str(note) for note in decimals.notes)
    dim = npy(tmp_path, (BYTES // 4).astype(float), like=trained.describe())
    assert dim.scaling == (0.0, 1 / 255)


def test_images_are_no_table_and_a_table_no_images(tmp_path):
    table, images = npy(tmp_path, RNG.normal(size=(12, 5))).describe(), npy(tmp_path, BYTES).describe()
    with pytest.raises(InputError, match="trained on a table"):
        npy(tmp_path, BYTES, like=table)
    with pytest.raises(InputError):
        npy(tmp_path, RNG.normal(size=(12, 5)), like=images)


# --- hostile and broken files ---


class Touch:
    """A pickle of it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_dressed_as_npy_is_refused_and_not_run(tmp_path):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "a.npy").write_bytes(pickle.dumps(Touch(tmp_path / "ran"), protocol))
        with pytest.raises(InputError, match=r"pickle|not a NumPy array"):
            open_dataset(tmp_path / "a.npy")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_python_objects_in_an_array_are_refused_and_not_run(tmp_path, suffix):
    array = np.array([Touch(tmp_path / "ran")] * 12, dtype=object)
    save = np.save if suffix == "npy" else np.savez
    save(tmp_path / f"a.{suffix}", array, allow_pickle=True)
    with pytest.raises(InputError, match="never unpickled"):
        open_dataset(tmp_path / f"a.{suffix}")
    assert not (tmp_path / "ran").exists()


def test_objects_beside_proper_arrays_are_passed_over(tmp_path):
    dataset = npz(tmp_path, x=BYTES, extra=np.array([{"a": 1}], dtype=object))
    assert len(dataset) == 12


@pytest.mark.parametrize(
    "array", [np.zeros((12, 8, 8), complex), np.array([["a"] * 9] * 9), np.zeros(9, "M8[s]")]
)
def test_what_is_no_number_is_refused(tmp_path, array):
    for save, suffix in ((np.save, "npy"), (np.savez, "npz")):
        save(tmp_path / f"a.{suffix}", array)
        with pytest.raises(InputError):
            open_dataset(tmp_path / f"a.{suffix}")


def test_a_header_that_promises_too_much_takes_no_memory(tmp_path):
    """A .npz of 200 bytes whose header speaks of 4 TB."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (500000000, 1000), }"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", member)
    (tmp_path / "a.npy").write_bytes(member)
    for suffix in ("npz", "npy"):
        with pytest.raises(InputError, match=r"DSC_MAX_MEMORY_MB|truncated"):
            open_dataset(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("suffix", ["npz", "npy"])
@pytest.mark.parametrize(
    "content", [b"text, not an array", b"PK\x03\x04", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff{"]
)
def test_files_that_are_not_what_their_name_says(tmp_path, suffix, content):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"a.{suffix}"):
        open_dataset(path)


def test_a_file_cut_short_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", BYTES)
    np.savez(tmp_path / "a.npz", x=BYTES)
    for suffix in ("npy", "npz"):
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(InputError, match=r"truncated|not an .npz"):
            open_dataset(path)


# --- IDX ---


def idx(path, array, code, pack=False):
    data = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()
    (gzip.open if pack else open)(path, "wb").write(data)
    return path


@pytest.mark.parametrize("pack", [False, True])
def test_idx_images_find_their_labels(tmp_path, pack):
    ending = ".gz" if pack else ""
    path = idx(tmp_path / f"train-images-idx3-ubyte{ending}", BYTES, 8, pack)
    assert open_dataset(path).labels is None
    idx(tmp_path / "train-labels-idx1-ubyte.gz", np.arange(12, dtype=np.uint8), 8, True)
    dataset = open_dataset(path)
    assert np.array_equal(dataset.samples[:, 0], BYTES)
    assert dataset.labels.tolist() == list(range(12))
    with pytest.raises(InputError, match="contains labels only"):
        open_dataset(tmp_path / "train-labels-idx1-ubyte.gz")


def test_idx_decimals_are_big_endian(tmp_path):
    array = RNG.random((12, 8, 8)).astype(">f4")
    dataset = open_dataset(idx(tmp_path / "a.idx", array, 13))
    assert np.array_equal(dataset.samples[:, 0], array)


@pytest.mark.parametrize(
    "spoil", [lambda d: d[:-1], lambda d: d + b"x", lambda d: d[:3], lambda d: b"text" + d, lambda d: d[:7]]
)
@pytest.mark.parametrize("pack", [False, True])
def test_damaged_idx_files_are_refused(tmp_path, spoil, pack):
    data = spoil(struct.pack(">4B3I", 0, 0, 8, 3, *BYTES.shape) + BYTES.tobytes())
    path = tmp_path / "a.idx"
    path.write_bytes(gzip.compress(data) if pack else data)
    with pytest.raises(InputError, match=r"a.idx"):
        open_dataset(path)


def test_a_cut_or_foreign_gzip_is_refused(tmp_path):
    good = gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, *BYTES.shape) + BYTES.tobytes())
    for content in (good[:-300], gzip.compress(b"a,b\n1,2\n"), good[:40] + b"\xff" * 40 + good[80:]):
        (tmp_path / "a.gz").write_bytes(content)
        with pytest.raises(InputError, match=r"a.gz"):
            open_dataset(tmp_path / "a.gz")


def test_an_idx_header_that_promises_too_much_is_refused(tmp_path):
    (tmp_path / "a.idx").write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 2**31, 2**10, 2**10))
    with pytest.raises(InputError, match="DSC_MAX_MEMORY_MB"):
        open_dataset(tmp_path / "a.idx")
