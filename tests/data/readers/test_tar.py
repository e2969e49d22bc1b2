"""TAR archives of images: every compression and dialect, and archives made to do harm."""

import bz2
import gzip
import lzma
import shutil
import subprocess
import tarfile

import numpy as np
import pytest

from dsc_core.data import image_collection, open_dataset
from dsc_core.data.image_files import ImageFile
from dsc_core.data.options import Options
from dsc_core.data.trainable import MixedSizes
from dsc_core.errors import InputError
from tests.data.writers import bomb_png, encoded, grey, tarred, zipped

PICTURES = {f"a/{index}.png": encoded(grey(index)) for index in (10, 9, 1)}
PACKINGS = [("tar", "w"), ("tar.gz", "w:gz"), ("tgz", "w:gz"), ("tar.bz2", "w:bz2"), ("tar.xz", "w:xz")]


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(("suffix", "mode"), PACKINGS)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_compression_and_dialect_reads_the_same(tmp_path, suffix, mode, form):
    dataset = open_dataset(tarred(tmp_path / f"set.{suffix}", PICTURES, mode, form))
    assert dataset.name == "set"
    assert dataset.ids.tolist() == ["a/1.png", "a/9.png", "a/10.png"]
    assert np.array_equal(dataset.samples[:, 0], np.stack([grey(1), grey(9), grey(10)]))


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_of_any_letters_are_whole(tmp_path, form):
    name = "é" * 90 + "/" + "<b>" * 60 + ".png"
    assert open_dataset(tarred(tmp_path / "a.tar", {name: PICTURES["a/1.png"]}, form=form)).ids.tolist() == [
        name
    ]


@pytest.mark.skipif(shutil.which("tar") is None, reason="no tar program here")
@pytest.mark.parametrize("options", [["-cf"], ["-czf"], ["-cjf"], ["-cJf"], ["--format=v7", "-cf"]])
def test_an_archive_of_the_tar_program(tmp_path, options):
    (tmp_path / "set" / "a").mkdir(parents=True)
    for name, data in PICTURES.items():
        (tmp_path / "set" / name).write_bytes(data)
    path = tmp_path / f"a.tar{'.gz' if '-czf' in options else ''}"  # the compression is known by its bytes
    made = subprocess.run(["tar", *options, path, "-C", tmp_path / "set", "."], capture_output=True)
    if made.returncode:
        pytest.skip("this tar program lacks the compression")
    assert open_dataset(path, labels_from_folders=True).ids.tolist() == ["a/1.png", "a/9.png", "a/10.png"]


def test_an_xz_file_of_several_streams_is_read_to_its_end(tmp_path):
    data = tarred(tmp_path / "a.tar", PICTURES).read_bytes()
    path = tmp_path / "b.tar.xz"
    path.write_bytes(lzma.compress(data[:700]) + bytes(8) + lzma.compress(data[700:]))
    assert len(open_dataset(path)) == 3


# --- hostile archives ---


def test_members_that_point_outside_links_pipes_and_devices_are_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    members = {
        "../up.png": PICTURES["a/1.png"],
        "/etc/root.png": PICTURES["a/1.png"],
        "C:\\win.png": PICTURES["a/1.png"],
        "soft": special("soft.png", tarfile.SYMTYPE, "/etc/passwd"),
        "hard": special("hard.png", tarfile.LNKTYPE, "../../etc/passwd"),
        "pipe": special("pipe.png", tarfile.FIFOTYPE),
        "device": special("device.png", tarfile.CHRTYPE),
        "folder": special("folder.png", tarfile.DIRTYPE),
        "inner.tar": b"x" * 1000,
        "inner.tar.gz": b"x" * 1000,
        "good.png": PICTURES["a/9.png"],
    }
    path = tarred(tmp_path / "a.tar", members)
    before = sorted(tmp_path.rglob("*"))
    dataset = open_dataset(path)
    assert dataset.ids.tolist() == ["good.png"]
    reasons = {name: reason.split()[-1] for name, reason in dataset.skipped}
    assert {name: reasons[name] for name in ("../up.png", "/etc/root.png", "C:/win.png")} == dict.fromkeys(
        ("../up.png", "/etc/root.png", "C:/win.png"), "archive."
    )
    assert reasons["soft.png"] == reasons["hard.png"] == "followed."
    assert reasons["pipe.png"] == reasons["device.png"] == "file."
    assert reasons["inner.tar"] == reasons["inner.tar.gz"] == "opened."
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_tar_bomb_is_stopped_while_it_unpacks(tmp_path, monkeypatch, pack):
    """66 MB of zeros in some KB: the ratio betrays it, also in a file that is no image; or a smaller limit."""
    for name in ("a.bmp", "a.txt"):
        tarred(tmp_path / "plain", {name: bytes(66 << 20)})
        path = tmp_path / "a.tar.gz"
        path.write_bytes(pack((tmp_path / "plain").read_bytes()))
        with pytest.raises(InputError, match="DSC_MAX_RATIO"):
            open_dataset(path)
        with monkeypatch.context() as limited:
            limited.setenv("DSC_MAX_UNPACKED_MB", "1")
            with pytest.raises(InputError, match="DSC_MAX_UNPACKED_MB"):
                open_dataset(path)


def test_a_bomb_among_good_images_is_left_out_with_its_setting(tmp_path):
    members = {"bomb.png": bomb_png(20_000, 20_000), "good.png": PICTURES["a/1.png"]}
    dataset = open_dataset(tarred(tmp_path / "a.tar", members))
    assert dataset.ids.tolist() == ["good.png"]
    assert "DSC_MAX_MEGAPIXELS" in dataset.skipped[0][1]


def header(name: str, size: int, kind: bytes = b"0") -> bytes:
    """One block of a GNU header; a size beyond 8 GB is written in base 256, negative ones too."""
    info = special(name, kind)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "content",
    [
        header("a.png", 1 << 60) + b"x" * 1024,
        header("a.txt", 1 << 60) + b"x" * 1024,
        header("a.png", 600) + b"x" * 600,
        header("a.png", 0)[:300],
        header("a.png", 0) + b"garbage" * 200,
        header("a.png", 0) * 2 + bytes(2) + header("a.png", 0),
        b"plain text, no archive",
        b"\x1f\x8b\x08\0cut",
        b"BZh91AY",
        b"\xfd7zXZ\0\0\4cut",
        lzma.compress(header("a.png", 5))[:-9],
    ],
)
@pytest.mark.parametrize("name", ["a.tar", "a.tgz"])
def test_what_is_cut_short_or_no_tar_is_refused_and_nothing_is_read_in_silence(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a TAR archive, or is truncated"):
        open_dataset(path)


def sealed(block: bytes, place: int, change: bytes) -> bytes:
    """A header with a changed place, and the checksum that belongs to it."""
    data = bytearray(block)
    data[place : place + len(change)] = change
    checksum = 8 * ord(" ") + sum(data[:148]) + sum(data[156:])
    data[148:156] = f"{checksum:06o}\0 ".encode()
    return bytes(data)


def pax(records: bytes) -> bytes:
    return header("pax", len(records), b"x") + records + bytes(-len(records) % 512)


def record(key: str, value: str) -> bytes:
    """A line of a pax header, which begins with its own length."""
    rest = f" {key}={value}\n".encode()
    length = len(rest) + len(str(len(rest) + 3))
    return str(length).encode() + rest


@pytest.mark.parametrize(
    "content",
    [
        header("long", 64 << 20, b"L") + b"x" * (64 << 20),
        header("pax", 64 << 20, b"x") + b"x" * (64 << 20),
        pax(record("path", "a.png")) * 2000,
        sealed(header("hole.png", 0, b"S"), 482, b"\1") + b"1" * (8 << 20),
        pax(record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0"))
        + header("a.png", 4 << 20)
        + b"9999999\n"
        + b"1\n" * (2 << 20),
    ],
    ids=["long name", "pax", "chain", "sparse map", "sparse 1.0"],
)
def test_headers_that_grow_without_end_are_refused(tmp_path, content):
    """What describes a member is kept in memory, so it must not become as large as what it describes."""
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(content, 1))
    with pytest.raises(InputError, match=r"a\.tar\.gz"):
        open_dataset(path)


def test_a_file_with_holes_is_refused(tmp_path):
    """A hole takes no room in the archive, so that no ratio tells of it."""
    block = sealed(header("a.png", 0, b"S"), 483, b"77777777777\0")  # its size with the holes: 8 GB
    (tmp_path / "a.tar").write_bytes(block + bytes(1024))
    with pytest.raises(InputError, match="sparse file"):
        open_dataset(tmp_path / "a.tar")


def test_too_many_members_are_refused_even_those_that_are_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv("DSC_MAX_MEMBERS", "3")
    members = {f"{i}": special(f".hidden{i}", tarfile.DIRTYPE) for i in range(4)}
    with pytest.raises(InputError, match="DSC_MAX_MEMBERS"):
        open_dataset(tarred(tmp_path / "a.tar", members | PICTURES))


def test_an_xz_decoder_is_told_how_much_memory_it_may_take(tmp_path, monkeypatch):
    path = tarred(tmp_path / "b.tar.xz", PICTURES, "w:xz")
    monkeypatch.setattr("dsc_core.data.readers.tar.XZ_MEMORY", 1 << 20)
    with pytest.raises(InputError, match="not a TAR archive"):
        open_dataset(path)


# --- the size of photographs ---


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_most_images_decide_the_size_and_not_the_first(tmp_path, mode):
    """Also where the archive is longer than what is looked at."""
    shapes = [(300, 100)] * 3 + [(200, 400)] * 9
    members = {f"{index:02}.png": encoded(grey(index, *shape)) for index, shape in enumerate(shapes)}
    dataset = open_dataset(tarred(tmp_path / "a.tar", members, mode))
    assert dataset.shape == (1, 48, 96)
    assert open_dataset(zipped(tmp_path / "a.zip", members)).shape == dataset.shape
    (note,) = (note for note in dataset.notes if note.kind == "made_smaller")
    assert note.count == len(shapes)


def test_one_large_image_first_does_not_resize_small_ones(tmp_path):
    members = {"0.png": encoded(grey(0, 300, 300))} | {
        f"{i}.png": encoded(grey(i, 28, 28)) for i in range(1, 9)
    }
    for path in (tarred(tmp_path / "a.tar.gz", members, "w:gz"), zipped(tmp_path / "a.zip", members)):
        with pytest.raises(MixedSizes) as refused:
            open_dataset(path)
        assert refused.value.proposed == (28, 28)


def test_the_look_is_even_over_a_long_stream(monkeypatch):
    monkeypatch.setattr(image_collection, "LOOKED_AT", 8)
    read = []

    def files():
        for index in range(1000):
            yield ImageFile(f"{index}.png", lambda index=index: read.append(index) or encoded(grey(0)))

    assert image_collection.choose_size(files(), Options("a")) is None
    assert len(read) < 8 * 12
    assert max(read) > 850


def test_the_progress_of_both_passes_is_one(tmp_path):
    path = tarred(tmp_path / "a.tar.gz", PICTURES, "w:gz")
    for options, passes in (({}, 2), ({"size": (8, 8)}, 1)):
        seen = []
        open_dataset(path, progress=lambda done, total, seen=seen: seen.append(done / total), **options)
        assert seen == sorted(seen)
        assert len(seen) == passes * len(PICTURES)
        assert max(seen) <= 1
