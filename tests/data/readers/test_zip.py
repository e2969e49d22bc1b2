"""ZIP and TAR archives and folders of images: order, ids, labels, what is left out, hostile archives."""

import json
import os
import stat
import zipfile

import numpy as np
import pytest

from dsc_core.data import MixedSizes, open_dataset
from dsc_core.data.unpacking import leaves_folder
from dsc_core.errors import InputError
from tests.data.writers import bomb_png, colour, encoded, grey, tarred, zipped


def unpacked(folder, members):
    for name, data in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture(params=["zip", "tar", "tar.gz", "folder"])
def source(request, tmp_path):
    """Writes members as a ZIP, as a TAR or as a folder: all must read the same."""

    def write(members):
        if request.param == "zip":
            return zipped(tmp_path / "pictures.zip", members)
        if request.param.startswith("tar"):
            path = tmp_path / f"pictures.{request.param}"
            return tarred(path, members, "w:gz" if request.param.endswith("gz") else "w")
        return unpacked(tmp_path / "pictures", members)

    return write


def test_images_come_in_natural_order_with_their_paths_as_ids(source):
    arrays = {f"set/img{index}.png": grey(index) for index in (10, 2, 1, 33)}
    dataset = open_dataset(source({name: encoded(array) for name, array in arrays.items()}))
    assert dataset.name == "pictures"
    assert dataset.ids.tolist() == ["set/img1.png", "set/img2.png", "set/img10.png", "set/img33.png"]
    assert np.array_equal(dataset.samples[:, 0], np.stack([arrays[name] for name in dataset.ids]))
    assert dataset.labels is None
    assert dataset.scaling == (0.0, 1 / 255)


def test_folders_give_labels_only_when_asked(source):
    members = {f"{kind}/{index}.png": encoded(grey(index)) for kind in ("cat", "dog") for index in range(3)}
    path = source(members)
    assert open_dataset(path).labels is None
    assert open_dataset(path, labels_from_folders=True).labels.tolist() == ["cat"] * 3 + ["dog"] * 3


def test_one_folder_gives_no_labels_and_says_so(source):
    dataset = open_dataset(
        source({f"all/{i}.png": encoded(grey(i)) for i in range(3)}), labels_from_folders=True
    )
    assert dataset.labels is None
    assert any("one folder" in str(note) for note in dataset.notes)


def test_grey_and_colour_become_colour_and_deep_images_keep_their_depth(source):
    dataset = open_dataset(source({"a.png": encoded(grey(1)), "b.png": encoded(colour(2))}))
    assert dataset.shape == (3, 10, 9)
    assert np.array_equal(dataset.samples[0], np.repeat(grey(1)[None], 3, axis=0))
    deep = np.full((10, 9), 65535, np.uint16)
    white = np.full((10, 9), 255, np.uint8)
    mixed = open_dataset(source({"a.png": encoded(deep), "b.png": encoded(white)}))
    assert mixed.samples.dtype == np.uint16
    assert np.allclose(mixed.values()[:2], 1)


def test_broken_files_and_strangers_are_listed_and_counted_nowhere(source):
    good = {f"{index}.png": encoded(grey(index)) for index in range(5)}
    bad = {"2b.png": b"broken", "read.me": b"text", "inner.zip": b"PK", "3b.png": encoded(grey(9))[:-40]}
    dataset = open_dataset(source(good | bad | {".DS_Store": b"", "__MACOSX/1.png": b"", "Thumbs.db": b""}))
    assert dataset.ids.tolist() == list(good)
    assert {name for name, _ in dataset.skipped} == set(bad)
    assert "archive" in dict(dataset.skipped)["inner.zip"]
    assert all(reason.endswith(".") for _, reason in dataset.skipped)
    assert any("4" in str(note) for note in dataset.notes)


def test_mixed_sizes_propose_one_and_resizing_mends_it(source):
    sizes = [(20, 30), (20, 30), (21, 30)]
    path = source({f"{i}.png": encoded(grey(i, *size)) for i, size in enumerate(sizes)})
    with pytest.raises(MixedSizes, match="example to 20x30") as caught:
        open_dataset(path)
    assert caught.value.proposed == (20, 30)
    assert caught.value.sizes == {(20, 30): 2, (21, 30): 1}
    dataset = open_dataset(path, size=caught.value.proposed)
    assert dataset.shape == (1, 20, 30)
    assert np.array_equal(dataset.samples[0, 0], grey(0, 20, 30))
    assert any("1 of 3" in str(note) for note in dataset.notes)


@pytest.mark.parametrize("sizes", [[(100, 200)] * 4, [(100, 200), (101, 202), (99, 200), (300, 201)]])
def test_photographs_are_made_smaller_unless_a_size_is_asked_for(source, sizes):
    path = source({f"{i}.png": encoded(grey(i, *size)) for i, size in enumerate(sizes)})
    dataset = open_dataset(path)
    assert dataset.shape == (1, 48, 96)
    (note,) = [note for note in dataset.notes if note.kind == "made_smaller"]
    assert "4 of 4 images to 48×96" in str(note)
    kept = open_dataset(path, size=(100, 200))
    assert kept.shape == (1, 100, 200)
    assert np.array_equal(kept.samples[0, 0], grey(0, 100, 200))
    assert not any(note.kind == "made_smaller" for note in kept.notes)


def test_photographs_are_cropped_before_they_are_made_smaller(source):
    path = source({f"{i}.png": encoded(grey(i, 100, 200)) for i in range(3)})
    assert open_dataset(path, crop=True).shape == (1, 96, 96)


def test_up_to_96_pixels_images_stay_as_they_are(source):
    dataset = open_dataset(source({f"{i}.png": encoded(grey(i, 96, 90)) for i in range(3)}))
    assert dataset.shape == (1, 96, 90)
    assert np.array_equal(dataset.samples[0, 0], grey(0, 96, 90))


def test_nothing_readable_is_one_sentence(source):
    with pytest.raises(InputError, match=r"no readable image.*damaged"):
        open_dataset(source({"a.png": b"no"}))


def test_a_script_in_a_file_name_stays_plain_text(source):
    name = "<img src=x onerror=alert(1)>.png"
    dataset = open_dataset(source({name: encoded(grey(1)), "=1+1.png": encoded(grey(2))}))
    assert set(dataset.ids) == {name, "=1+1.png"}


def test_too_many_files_are_refused_with_the_setting(source, monkeypatch):
    monkeypatch.setenv("DSC_MAX_MEMBERS", "3")
    with pytest.raises(InputError, match="DSC_MAX_MEMBERS"):
        open_dataset(source({f"{i}.png": encoded(grey(i)) for i in range(4)}))


def test_too_many_pixels_are_refused_with_the_setting(source, monkeypatch):
    monkeypatch.setenv("DSC_MAX_MEMORY_MB", "1")
    path = source({f"{i}.png": encoded(np.zeros((800, 800), np.uint8)) for i in range(3)})
    with pytest.raises(InputError, match="DSC_MAX_MEMORY_MB"):
        open_dataset(path, size=(800, 800))
    assert open_dataset(path).shape == (1, 96, 96)


def test_progress_is_told_once_a_file(source):
    """Of files where their number is known; of bytes in a TAR, which has no table of contents and is read twice."""
    told = []
    path = source({f"{i}.png": encoded(grey(i)) for i in range(4)})
    open_dataset(path, progress=lambda done, total: told.append((done, total)))
    assert len(told) == (8 if path.suffix in (".tar", ".gz") else 4)
    assert sorted(told) == told
    assert all(0 <= done <= total for done, total in told)
    if path.suffix not in (".tar", ".gz"):
        assert told == [(i, 4) for i in range(4)]


# --- hostile archives ---


@pytest.mark.parametrize(
    "name", ["../a.png", "/etc/a.png", "C:/a.png", "a/../../b.png", "..\\a.png", "\\a.png"]
)
def test_members_that_point_outside_are_left_out_and_nothing_is_written(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inner = tmp_path / "inner"
    inner.mkdir()
    path = zipped(inner / "a.zip", {name: encoded(grey(1)), "good.png": encoded(grey(2))})
    before = sorted(tmp_path.rglob("*"))
    dataset = open_dataset(path)
    assert dataset.ids.tolist() == ["good.png"]
    assert "outside" in dataset.skipped[0][1]
    assert sorted(tmp_path.rglob("*")) == before


def test_names_with_dots_that_stay_inside_are_fine():
    assert not any(leaves_folder(name) for name in ("a..b.png", "a/..b/c.png", "cc:/a.png"))


def test_links_in_an_archive_are_not_followed(tmp_path):
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("good.png", encoded(grey(1)))
    assert "link" in dict(open_dataset(tmp_path / "a.zip").skipped)["link.png"]


def test_links_in_a_folder_must_stay_inside(tmp_path):
    (tmp_path / "secret.png").write_bytes(encoded(grey(7)))
    folder = unpacked(tmp_path / "set", {"a.png": encoded(grey(1))})
    os.symlink(tmp_path / "secret.png", folder / "out.png")
    os.symlink(folder / "a.png", folder / "in.png")
    os.mkfifo(folder / "pipe.png")
    dataset = open_dataset(folder)
    assert dataset.ids.tolist() == ["a.png", "in.png"]
    assert {name for name, _ in dataset.skipped} == {"out.png", "pipe.png"}


def test_a_zip_bomb_is_stopped_while_it_unpacks(tmp_path, monkeypatch):
    """80 MB of zeros in 80 KB: the ratio betrays it; and by plain bytes with a smaller limit."""
    path = zipped(tmp_path / "a.zip", {"a.bmp": bytes(80 << 20)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="DSC_MAX_RATIO"):
        open_dataset(path)
    monkeypatch.setenv("DSC_MAX_UNPACKED_MB", "1")
    with pytest.raises(InputError, match="DSC_MAX_UNPACKED_MB"):
        open_dataset(path)


def test_a_size_that_the_directory_understates_is_still_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("DSC_MAX_UNPACKED_MB", "1")
    path = zipped(tmp_path / "a.zip", {f"{i}.bmp": bytes(1 << 19) for i in range(4)}, zipfile.ZIP_DEFLATED)
    data = path.read_bytes().replace((1 << 19).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    path.write_bytes(data)
    with pytest.raises(InputError):
        open_dataset(path)


def test_a_bomb_among_good_images_is_left_out_with_its_setting(tmp_path):
    path = zipped(tmp_path / "a.zip", {"bomb.png": bomb_png(20_000, 20_000), "good.png": encoded(grey(1))})
    dataset = open_dataset(path)
    assert dataset.ids.tolist() == ["good.png"]
    assert "DSC_MAX_MEGAPIXELS" in dataset.skipped[0][1]


def test_a_member_without_a_name_is_passed_over(tmp_path):
    path = zipped(tmp_path / "a.zip", {"x": b"", "good.png": encoded(grey(1))})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 28] = 0  # the length of its name in the directory
    del data[data.index(b"PK\x01\x02") + 46]
    data[-10] -= 1  # the size of the directory, one byte less now
    path.write_bytes(data)
    assert open_dataset(path).ids.tolist() == ["good.png"]


def test_protected_members_are_left_out(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.png": encoded(grey(1)), "b.png": encoded(grey(2))})
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    path.write_bytes(data)
    dataset = open_dataset(path)
    assert dataset.ids.tolist() == ["b.png"]
    assert "password" in dataset.skipped[0][1]


@pytest.mark.parametrize("content", [b"plain text", b"PK\x03\x04cut", b"\0" * 100])
def test_what_is_no_zip_is_refused(tmp_path, content):
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a ZIP archive"):
        open_dataset(path)


def test_names_that_are_no_utf8_can_be_stored(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    with open(os.fsencode(folder) + b"/\xff.png", "wb") as file:
        file.write(encoded(grey(1)))
    dataset = open_dataset(folder)
    assert json.loads(json.dumps(dataset.ids.tolist()).encode("utf-8")) == ["?.png"]


def test_hidden_images_and_linked_folders_are_named(tmp_path):
    folder = unpacked(
        tmp_path / "set",
        {f"{i}.png": encoded(grey(i)) for i in range(3)}
        | {".cache/x.png": encoded(grey(9)), ".y.png": encoded(grey(9)), ".git/config": b"", "._0.png": b""},
    )
    (folder / "linked").symlink_to(tmp_path / "set", target_is_directory=True)  # a folder without end
    dataset = open_dataset(folder)
    assert dataset.ids.tolist() == ["0.png", "1.png", "2.png"]
    reasons = dict(dataset.skipped)
    assert set(reasons) == {"linked", ".cache", ".y.png"}
    assert "link" in reasons["linked"]


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="needs a user to whom a folder can be closed"
)
def test_a_folder_that_cannot_be_opened_is_named(tmp_path):
    folder = unpacked(tmp_path / "set", {"a/0.png": encoded(grey(0)), "b/1.png": encoded(grey(1))})
    (folder / "b").chmod(0)
    try:
        assert [name for name, _ in open_dataset(folder).skipped] == ["b"]
    finally:
        (folder / "b").chmod(0o700)


def test_many_folders_are_refused_as_many_files_are(tmp_path, monkeypatch):
    monkeypatch.setenv("DSC_MAX_MEMBERS", "20")
    for index in range(30):
        (tmp_path / "set" / str(index)).mkdir(parents=True)
    with pytest.raises(InputError, match="DSC_MAX_MEMBERS"):
        open_dataset(tmp_path / "set")


def test_folders_within_folders_without_end_are_read(tmp_path):
    deep = "/".join(["d"] * 120)
    path = zipped(tmp_path / "a.zip", {f"{deep}/{i}.png": encoded(grey(i)) for i in range(2)})
    assert len(open_dataset(path, labels_from_folders=True)) == 2
    assert (
        len(open_dataset(unpacked(tmp_path / "a", {f"{deep}/{i}.png": encoded(grey(i)) for i in range(2)})))
        == 2
    )


def overlapping(path, count):
    """A ZIP whose directory names the bytes of one image `count` times."""
    zipped(path, {"0.png": encoded(grey(1))})
    data = path.read_bytes()
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entries = b"".join(
        data[start : start + 28]
        + (10).to_bytes(2, "little")
        + data[start + 30 : start + 46]
        + b"%06d.png" % index
        for index in range(count)
    )
    tail = bytearray(data[end:])
    tail[8:10] = tail[10:12] = count.to_bytes(2, "little")
    tail[12:16], tail[16:20] = len(entries).to_bytes(4, "little"), start.to_bytes(4, "little")
    path.write_bytes(data[:start] + entries + tail)
    return path


def test_members_that_share_their_bytes_are_refused(tmp_path):
    with pytest.raises(InputError, match="overlap"):
        open_dataset(overlapping(tmp_path / "a.zip", 60_000))


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_the_work_on_an_archive_has_an_end(tmp_path, monkeypatch, form):
    from dsc_core.data import unpacking

    class Clock:
        now = 0.0

        @classmethod
        def thread_time(cls):
            cls.now += 1.0  # a second of work with every file
            return cls.now

    monkeypatch.setattr(unpacking, "time", Clock)
    members = {f"{i}.png": encoded(grey(i)) for i in range(100)}
    path = (zipped if form == "zip" else tarred)(tmp_path / f"a.{form}", members)
    with pytest.raises(InputError, match="DSC_MAX_WORK"):
        open_dataset(path)
