"""Import once: the second time is a look, a change of the source is seen, and a cancelled one leaves nothing."""

import os

import numpy as np
import pytest

from dsc_core.data import Cancelled, import_data, load_dataset
from dsc_core.errors import InputError
from tests.data.writers import encoded, grey

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 10, 9), dtype=np.uint8)


@pytest.fixture
def source(tmp_path):
    np.save(tmp_path / "set.npy", IMAGES)
    return tmp_path / "set.npy"


@pytest.fixture
def readings(monkeypatch):
    """The sources that were read, not merely looked up."""
    from dsc_core.data import importing

    read, real = [], importing.open_dataset
    monkeypatch.setattr(
        importing, "open_dataset", lambda source, **options: read.append(source) or real(source, **options)
    )
    return read


def test_the_second_import_of_the_same_reads_nothing(source, tmp_path, readings):
    home = tmp_path / "home"
    key = import_data(source, home)
    assert np.array_equal(load_dataset(key, home).samples[:, 0], IMAGES)
    assert import_data(source, home) == key
    assert import_data(str(source), home) == key
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / "set.npy"
    os.rename(source, moved)
    assert import_data(moved, home) == key
    assert readings == [source]


def test_other_options_another_name_or_other_content_are_read_anew(source, tmp_path, readings):
    home = tmp_path / "home"
    keys = {
        import_data(source, home),
        import_data(source, home, size=(12, 12)),
        import_data(source, home, name="n"),
    }
    np.save(source, IMAGES[::-1])
    keys.add(import_data(source, home))
    assert len(keys) == len(readings) == 4


def test_a_copy_that_was_deleted_or_a_note_that_is_damaged_is_made_anew(source, tmp_path, readings):
    home = tmp_path / "home"
    key = import_data(source, home)
    (home / "data" / key / "rows.parquet").unlink()
    assert import_data(source, home) == key
    for note in (home / "imports").iterdir():
        note.write_bytes(b"\xff../../etc")
    assert import_data(source, home) == key
    assert len(readings) == 3
    assert len(load_dataset(key, home)) == 30


def test_a_folder_is_read_again_when_one_of_its_files_changed(tmp_path, readings):
    home, folder = tmp_path / "home", tmp_path / "set"
    folder.mkdir()
    for index in range(12):
        (folder / f"{index}.png").write_bytes(encoded(grey(index)))
    key = import_data(folder, home)
    assert import_data(folder, home) == key
    assert len(readings) == 1
    (folder / "3.png").write_bytes(encoded(grey(99)))
    assert import_data(folder, home) != key


def test_a_sample_by_its_name(tmp_path, readings):
    key = import_data("digits", tmp_path)
    assert import_data("digits", tmp_path) == key
    assert readings == ["digits"]


def test_labels_that_come_to_lie_beside_an_idx_file_are_seen(tmp_path):
    import struct

    data = struct.pack(">4B3I", 0, 0, 8, 3, *IMAGES.shape) + IMAGES.tobytes()
    path = tmp_path / "t-images-idx3-ubyte"
    path.write_bytes(data)
    key = import_data(path, tmp_path / "home")
    (tmp_path / "t-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 30) + bytes(range(30)))
    again = import_data(path, tmp_path / "home")
    assert again != key
    assert load_dataset(again, tmp_path / "home").labels.tolist() == list(range(30))


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_cancelling_at_any_stage_leaves_nothing_behind(tmp_path, stage):
    home, folder = tmp_path / "home", tmp_path / "set"
    folder.mkdir()
    for index in range(12):
        (folder / f"{index}.png").write_bytes(encoded(grey(index)))
    archive = tmp_path / "set.npy"
    np.save(archive, IMAGES)
    source = archive if stage == 0 else folder
    stages = []

    def progress(name, done, total):
        if name not in stages:
            stages.append(name)
        if len(stages) == max(stage, 1) and done >= total / 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        import_data(source, home, progress)
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_progress_goes_through_the_stages_and_never_beyond_its_end(tmp_path, source):
    told = []
    import_data(source, tmp_path / "home", lambda *step: told.append(step))
    assert {stage.split()[0] for stage, _, _ in told} == {"Comparing", "Copying"}
    assert all(0 <= done <= total for _, done, total in told)


def test_what_cannot_be_trained_on_is_not_kept(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((30, 8, 8), np.uint8))
    with pytest.raises(InputError, match="All samples are the same"):
        import_data(tmp_path / "a.npy", tmp_path / "home")
    with pytest.raises(InputError, match="neither a file"):
        import_data(tmp_path / "no.npy", tmp_path / "home")
    assert [path for path in tmp_path.glob("home/**/*") if path.is_file()] == []


def test_a_damaged_copy_is_set_aside_and_made_anew(source, tmp_path):
    home = tmp_path / "home"
    key = import_data(source, home)
    (home / "data" / key / "dataset.json").write_text("{")
    assert import_data(source, home) == key
    assert len(load_dataset(key, home)) > 0
    assert list((home / "data").glob(f"damaged-{key}-*"))
