"""HDF5 and MATLAB files: keys, MATLAB's order, and files made to do harm."""

import os
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from dsc_core.data import guess_keys, open_dataset
from dsc_core.data.image_arrays import pixels_as_images
from dsc_core.data.limits import Limits
from dsc_core.data.readers.sample_axes import sample_axis
from dsc_core.data.sandbox import Sandbox
from dsc_core.errors import InputError
from tests.data.writers import mat73

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (12, 10, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 10, 9, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3


def h5(path: Path, **arrays) -> Path:
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file.create_dataset(key.replace("__", "/"), data=array)
    return path


def mat5(path: Path, **arrays) -> Path:
    cells = {k: np.array(v, dtype=object)[:, None] if isinstance(v, list) else v for k, v in arrays.items()}
    scipy.io.savemat(path, cells, do_compression=True)
    return path


@pytest.fixture(autouse=True)
def quick(request):
    """Forks in place of new processes, but for the tests that are marked to have their own."""
    if "own_process" not in request.keywords:
        request.getfixturevalue("quick_processes")


own_process = pytest.mark.own_process

# --- HDF5 ---


def octave(path: Path, **arrays) -> Path:
    """As Octave's `save -hdf5` lays a file out: a group for each variable, with its type and its value turned round."""
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            group = file.create_group(key)
            group.attrs["OCTAVE_NEW_FORMAT"] = np.uint8(1)
            group["type"] = np.bytes_("matrix")
            group["value"] = array.T
    return path


def test_variables_that_octave_saved_are_as_in_octave(tmp_path):
    path = octave(tmp_path / "o.h5", X=BYTES.transpose(1, 2, 0), y=LABELS[:, None].astype(float))
    assert set(guess_keys(path).arrays) == {"X", "y"}
    dataset = open_dataset(path)
    assert np.array_equal(dataset.samples, BYTES[:, None])
    assert dataset.labels.tolist() == LABELS.tolist()


def test_a_variable_of_octave_that_is_kept_elsewhere_is_refused(tmp_path):
    path = octave(tmp_path / "o.h5", X=BYTES.transpose(1, 2, 0))
    with h5py.File(path, "a") as file:
        file["s"] = h5py.SoftLink("/X")
        group = file.create_group("y")
        group.attrs["OCTAVE_NEW_FORMAT"] = np.uint8(1)
        group["value"] = h5py.ExternalLink("/etc/passwd", "/y")
        cell = file.create_group("cell")
        cell.attrs["OCTAVE_NEW_FORMAT"] = np.uint8(1)
        cell.create_group("value")
    assert open_dataset(path).labels is None
    with h5py.File(path, "a") as file:
        del file["y/value"]
        source = h5py.VirtualSource("other.h5", "y", (12,))
        layout = h5py.VirtualLayout((12,), float)
        layout[:] = source
        file["y"].create_virtual_dataset("value", layout)
    with pytest.raises(InputError, match="in another file"):
        open_dataset(path)


@own_process
@pytest.mark.parametrize("name", ["a.h5", "a.hdf5"])
def test_hdf5_samples_labels_and_ids_are_found_by_their_names(tmp_path, name):
    ids = [f"né {i}" for i in range(12)]
    dataset = open_dataset(
        h5(tmp_path / name, images=BYTES, labels=LABELS, ids=ids, other=np.zeros((99, 999)))
    )
    assert dataset.name == "a"
    assert dataset.samples.dtype == np.uint8
    assert np.array_equal(dataset.samples, BYTES[:, None])
    assert dataset.labels.tolist() == LABELS.tolist()
    assert dataset.ids.tolist() == ids
    assert [str(note) for note in dataset.notes] == [
        "Samples read from images.",
        "Labels read from labels.",
        "Ids read from ids.",
        "Arrays not used: other (99 × 999, float64).",
    ]


def test_groups_are_parts_and_are_joined_in_order(tmp_path):
    parts = {"test__x": BYTES[8:], "test__y": LABELS[8:], "train__x": BYTES[:8], "train__y": LABELS[:8]}
    dataset = open_dataset(h5(tmp_path / "a.h5", **parts))
    assert np.array_equal(dataset.samples[:, 0], BYTES)
    assert dataset.labels.tolist() == LABELS.tolist()


def test_a_part_that_is_picked_brings_its_own_labels(tmp_path):
    parts = {"x_test": BYTES[8:], "y_test": LABELS[8:], "x_train": BYTES[:8], "y_train": LABELS[:8]}
    np.savez(tmp_path / "a.npz", **parts)
    for path in (h5(tmp_path / "a.h5", **parts), tmp_path / "a.npz"):
        dataset = open_dataset(path, samples_key="x_test")
        assert np.array_equal(dataset.samples[:, 0], BYTES[8:])
        assert dataset.labels.tolist() == LABELS[8:].tolist()


def test_keys_can_be_picked_and_declined(tmp_path):
    path = h5(tmp_path / "a.h5", x=BYTES, y=LABELS, g__faces=COLOUR, season=["dry", "wet"] * 6)
    picked = open_dataset(path, samples_key="g/faces", label_column="season", id_column="")
    assert picked.shape == (3, 10, 9)
    assert picked.labels.tolist() == ["dry", "wet"] * 6
    assert open_dataset(path, label_column="").labels is None
    with pytest.raises(InputError, match="no key 'nose'"):
        open_dataset(path, samples_key="nose")
    with pytest.raises(InputError, match="text"):
        open_dataset(path, samples_key="season")


@pytest.mark.parametrize("dtype", ["<u1", ">u2", "<i4", ">f4", "<f8", "<f2", "?"])
@pytest.mark.parametrize("layout", [{}, {"chunks": (5, 3, 4), "compression": "gzip", "shuffle": True}])
def test_every_type_byte_order_and_storage(tmp_path, dtype, layout):
    array = (RNG.random((12, 10, 9)) * 2).astype(dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=array, **layout)
    samples = open_dataset(tmp_path / "a.h5").samples[:, 0]
    assert np.array_equal(samples, array.astype(samples.dtype))
    assert samples.dtype == (np.float32 if array.dtype.kind == "f" else array.dtype.newbyteorder("="))


def test_a_large_array_comes_in_pieces_with_progress(tmp_path, monkeypatch):
    array = RNG.integers(0, 256, (3000, 40, 50), dtype=np.uint8)  # 6 MB, more than one block and one piece
    told = []
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=array, chunks=(700, 40, 50))
    dataset = open_dataset(path, progress=lambda done, total: told.append((done, total)))
    assert np.array_equal(dataset.samples[:, 0], array)
    assert told == sorted(told)
    assert told[-1] == (array.nbytes, array.nbytes)
    assert len(told) > 1


@own_process
def test_an_error_of_the_progress_ends_the_reading_and_its_process(tmp_path):
    path = h5(tmp_path / "a.h5", x=BYTES)
    with pytest.raises(KeyError), Sandbox("hdf5", path, Limits()) as apart:
        apart.read("x", lambda done, total: {}[done])
    assert apart.process.poll() is not None


def test_what_hdf5_alone_can_hold_is_passed_over(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = BYTES
        file["number"] = 3.5
        file["rows"] = np.zeros(3, [("a", "i4"), ("b", "f4")])
        file["complex"] = np.zeros((200, 200), complex)
        file["again"] = h5py.SoftLink("/x")
        file["nowhere"] = h5py.SoftLink("/missing")
        file["loop"] = file["/"]
    assert list(guess_keys(tmp_path / "a.h5").arrays) == ["x"]
    assert len(open_dataset(tmp_path / "a.h5")) == 12


def test_a_file_without_arrays_is_refused(tmp_path):
    for path in (h5(tmp_path / "a.h5"), mat5(tmp_path / "a.mat")):
        with pytest.raises(InputError, match="contains no array"):
            open_dataset(path)


def test_the_guess_tells_shapes_and_types_for_the_page(tmp_path):
    guess = guess_keys(h5(tmp_path / "a.h5", x=BYTES, y=LABELS, names=["a"] * 12))
    assert guess.arrays == {"x": "12 × 10 × 9, uint8", "y": "12, int64", "names": "12, text"}
    assert (guess.samples, guess.labels, guess.ids) == (("x",), ("y",), ("names",))
    assert not guess.columns_first
    np.savez(tmp_path / "a.npz", x=BYTES, y=LABELS)
    assert guess_keys(tmp_path / "a.npz").samples == ("x",)


# --- MATLAB ---


@pytest.fixture(params=[mat5, mat73], ids=["5", "7.3"])
def mat(request, tmp_path):
    """Writes variables as MATLAB has them, in either version of its files."""
    return lambda **arrays: request.param(tmp_path / "a.mat", **arrays)


@own_process
def test_rows_with_a_column_of_labels(mat):
    """The form of most published sets: fea (n, F) and gnd (n, 1), all double."""
    matrix = RNG.normal(size=(12, 5))
    dataset = open_dataset(mat(fea=matrix, gnd=LABELS[:, None].astype(float)))
    assert dataset.kind == "table"
    assert np.allclose(dataset.samples, (matrix - matrix.mean(0)) / matrix.std(0), atol=1e-5)
    assert dataset.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("labels", [LABELS[:, None], LABELS[None], np.eye(3)[LABELS], np.eye(3)[LABELS].T])
def test_samples_in_columns_are_known_by_the_labels(mat, labels):
    matrix = RNG.normal(size=(12, 20))
    dataset = open_dataset(mat(X=matrix.T.copy(), Y=labels.astype(np.float64)))
    assert len(dataset) == 12
    assert np.allclose(dataset.samples, (matrix - matrix.mean(0)) / matrix.std(0), atol=1e-5)
    assert dataset.labels.tolist() == LABELS.tolist()
    assert any("columns" in str(note) for note in dataset.notes)


@pytest.mark.parametrize("with_labels", [True, False])
def test_images_count_along_matlabs_last_axis_and_stand_upright(mat, with_labels):
    labels = {"y": LABELS[:, None].astype(np.uint8)} if with_labels else {}
    grey = open_dataset(mat(images=BYTES.transpose(1, 2, 0), **labels))
    assert np.array_equal(grey.samples[:, 0], BYTES)
    colour = open_dataset(mat(X=COLOUR.transpose(1, 2, 3, 0), **labels))
    assert np.array_equal(colour.samples, COLOUR.transpose(0, 3, 1, 2))


def test_images_that_python_wrote_count_along_the_first_axis(mat):
    assert np.array_equal(open_dataset(mat(x=BYTES, y=LABELS[:, None].astype(float))).samples[:, 0], BYTES)
    assert np.array_equal(open_dataset(mat(x=COLOUR)).samples, COLOUR.transpose(0, 3, 1, 2))


def test_rows_of_pixels_run_down_the_columns_unless_told(mat):
    rows = BYTES.transpose(0, 2, 1).reshape(12, -1)  # image(:)' for each image in MATLAB
    path = mat(fea=rows.astype(float), gnd=LABELS[:, None].astype(float))
    assert np.array_equal(open_dataset(path, image_shape=(10, 9)).samples[:, 0], BYTES)
    turned = open_dataset(path, image_shape=(9, 10), columns_first=False)
    assert np.array_equal(turned.samples[:, 0], BYTES.transpose(0, 2, 1))


@pytest.mark.parametrize("shape", [(10, 9, 3), (3, 10, 9)])
def test_colour_rows_of_matlab(shape):
    rows = COLOUR.transpose(0, 3, 2, 1).reshape(12, -1)  # reshape(row, [H W C]) gives the image back
    assert np.array_equal(pixels_as_images(rows, shape, columns_first=True), COLOUR.transpose(0, 3, 1, 2))


def test_labels_in_a_cell_array_of_text(mat):
    names = ["cat", "dog", "øl"] * 4
    assert open_dataset(mat(x=RNG.normal(size=(12, 5)), labels=names)).labels.tolist() == names


def test_the_fields_of_a_structure_are_keys(tmp_path):
    """As EMNIST ships: dataset.train.images and dataset.test.images, labels beside them."""

    def part(begin, end):
        return {"images": BYTES[begin:end].reshape(end - begin, -1), "labels": LABELS[begin:end, None]}

    path = mat5(tmp_path / "a.mat", dataset={"train": part(0, 8), "test": part(8, 12), "mapping": np.eye(3)})
    dataset = open_dataset(path, image_shape=(10, 9), columns_first=False)
    assert np.array_equal(dataset.samples[:, 0], BYTES)
    assert dataset.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("shape", "labels", "axis"),
    [
        ((60, 784), (), 0),
        ((784, 60), (60, 1), 1),
        ((60, 60), (60, 1), 0),
        ((28, 28, 500), (), 2),
        ((500, 28, 28), (), 0),
        ((28, 20, 500), (), 2),
        ((500, 28, 20), (500, 1), 0),
        ((32, 32, 3, 70), (), 3),
        ((70, 32, 32, 3), (), 0),
        ((70, 3, 32, 32), (), 0),
        ((32, 32, 1, 3), (3, 1), 3),
    ],
)
def test_which_axis_counts_the_samples(shape, labels, axis):
    assert sample_axis(shape, labels) == axis


# --- hostile and broken files ---


@own_process
def test_links_to_other_files_are_refused(tmp_path):
    secret = h5(tmp_path / "secret.h5", x=BYTES)
    for name, target in (("link", "/x"), ("x", "/x"), ("group", "/")):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["images"] = BYTES
            file.create_group("deep")[name] = h5py.ExternalLink(str(secret), target)
        with pytest.raises(InputError, match="link to another file"):
            open_dataset(tmp_path / "a.h5")
        with pytest.raises(InputError, match="link to another file"):
            guess_keys(tmp_path / "a.h5")


def test_a_soft_link_that_leads_out_of_the_file_is_refused(tmp_path):
    secret = h5(tmp_path / "secret.h5", inner__x=BYTES)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["out"] = h5py.ExternalLink(str(secret), "/inner")
        file["x"] = h5py.SoftLink("/out/x")
        assert file["x"].shape == BYTES.shape  # HDF5 itself would follow it
    with pytest.raises(InputError, match="link to another file"):
        open_dataset(tmp_path / "a.h5")


def test_virtual_data_sets_are_refused(tmp_path):
    secret = h5(tmp_path / "secret.h5", x=BYTES)
    layout = h5py.VirtualLayout(BYTES.shape, "u1")
    layout[:] = h5py.VirtualSource(str(secret), "x", shape=BYTES.shape)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
        assert np.array_equal(file["x"][()], BYTES)
    with pytest.raises(InputError, match="another file, which is not read"):
        open_dataset(tmp_path / "a.h5")


def test_values_kept_in_any_file_of_the_machine_are_refused(tmp_path):
    (tmp_path / "secret.txt").write_bytes(b"secret" * 200)
    for cell in (False, True):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            place = [(str(tmp_path / "secret.txt"), 0, h5py.h5f.UNLIMITED)]
            file.create_dataset("x", (12, 100), "u1", external=place)
            assert bytes(file["x"][0, :6]) == b"secret"
            if cell:
                file.move("x", "y")
                file["x"] = BYTES
        with pytest.raises(InputError, match="another file, which is not read"):
            open_dataset(tmp_path / "a.h5")


def test_a_reference_of_matlab_does_not_lead_to_another_file_either(tmp_path):
    path = mat73(tmp_path / "a.mat", x=RNG.normal(size=(12, 5)), labels=["cat", "dog"] * 6)
    (tmp_path / "secret.txt").write_bytes(b"s\0e\0c\0r\0e\0t\0")
    with h5py.File(path, "r+") as file:
        place = [(str(tmp_path / "secret.txt"), 0, 12)]
        hidden = file.create_dataset("#refs#/out", (6, 1), "<u2", external=place)
        hidden.attrs["MATLAB_class"] = np.bytes_("char")
        cells = file["labels"][()]
        cells[0, 5] = hidden.ref
        file["labels"][()] = cells
    with pytest.raises(InputError, match="another file"):
        open_dataset(path)


def test_a_small_file_that_promises_much_is_refused_before_memory_is_taken(tmp_path):
    """Chunks that were never written read as zeros: 3 GB out of a few KB; and beyond the memory's limit."""
    for rows, setting in ((3 << 10, "DSC_MAX_RATIO"), (1 << 30, "DSC_MAX_MEMORY_MB")):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("x", (rows, 1 << 10, 1 << 10), "u1", chunks=(1, 1 << 10, 1 << 10))
        with pytest.raises(InputError, match=setting):
            open_dataset(tmp_path / "a.h5")


@own_process
def test_a_chunk_that_unpacks_to_more_than_the_memory_is_refused(tmp_path):
    """One chunk of 900 MB of zeros in 4 MB, which the library must hold whole."""
    shape, packer = (900, 1 << 10, 1 << 10), zlib.compressobj(1)
    packed = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(900)), packer.flush()])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("x", shape, "u1", chunks=shape, compression="gzip")
        made.id.write_direct_chunk((0, 0, 0), packed)
        file["pad"] = RNG.integers(0, 256, 8 << 20, dtype=np.uint8)  # so that the ratio says nothing
    with pytest.raises(InputError):
        open_dataset(tmp_path / "a.h5", samples_key="x")


@own_process
def test_a_small_array_that_cannot_be_unpacked_is_refused_and_not_made_of_the_refusal(tmp_path):
    """60 bytes that do not come: what the other side says in their place must not be taken for them."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("x", (12, 5), "u1", chunks=(12, 5), compression="gzip")
        made.id.write_direct_chunk((0, 0), b"no zlib stream")
    with pytest.raises(InputError, match="its library crashed"):
        open_dataset(tmp_path / "a.h5")


@own_process
def test_a_library_that_stands_still_is_ended(tmp_path, monkeypatch):
    """A pipe in place of the file is waited for, as a damaged file can be."""
    monkeypatch.setenv("DSC_MAX_SECONDS", "1")
    os.mkfifo(tmp_path / "a.h5")
    with (
        pytest.raises(InputError, match="DSC_MAX_SECONDS"),
        Sandbox("hdf5", tmp_path / "a.h5", Limits.read()),
    ):
        pass


@own_process
def test_a_library_that_crashes_ends_only_its_own_process(tmp_path, monkeypatch):
    monkeypatch.setattr("dsc_core.data.sandbox.PROGRAM", "import os; print('{}', flush=True); os.abort()")
    with pytest.raises(InputError, match="its library crashed"):
        open_dataset(h5(tmp_path / "a.h5", x=BYTES))


@pytest.mark.parametrize("name", ["a.h5", "a.mat"])
@pytest.mark.parametrize(
    "content",
    [b"text", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(90), b"MATLAB 5.0 MAT-file".ljust(200)],
)
def test_what_is_no_such_file_is_refused_in_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        open_dataset(tmp_path / name)
    assert str(caught.value).endswith(".")


def test_a_file_cut_short_is_refused(tmp_path):
    for path in (
        h5(tmp_path / "a.h5", x=BYTES),
        mat5(tmp_path / "a.mat", x=BYTES),
        mat73(tmp_path / "b.mat", x=BYTES),
    ):
        path.write_bytes(path.read_bytes()[:-300])
        with pytest.raises(InputError, match=path.name):
            open_dataset(path)


def test_matlabs_objects_are_never_made(tmp_path):
    """SciPy gives an object's fields as plain arrays; what is no number or text is passed over."""
    path = mat5(tmp_path / "a.mat", x=BYTES.astype(float), s=np.zeros((2, 2), [("a", object)]))
    assert list(guess_keys(path).arrays) == ["x"]


def test_a_single_value_is_not_samples(tmp_path):
    np.savez(tmp_path / "a.npz", X_train=np.float32(3), y_train=np.arange(5))
    with pytest.raises(InputError, match=r"X_train in .* is a single value"):
        open_dataset(tmp_path / "a.npz")
