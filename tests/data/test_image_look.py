"""A first look at images: their sizes, pages and folders, before they are read."""

import pytest

from dsc_core.data import open_dataset
from dsc_core.data.image_look import look_at_images
from dsc_core.errors import InputError
from tests.data.writers import encoded, grey, tarred, zipped


@pytest.fixture(params=["zip", "tar", "folder"])
def source(request, tmp_path):
    def write(members):
        if request.param == "folder":
            for name, data in members.items():
                (tmp_path / "a" / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / "a" / name).write_bytes(data)
            return tmp_path / "a"
        return (zipped if request.param == "zip" else tarred)(tmp_path / f"a.{request.param}", members)

    return write


def test_mixed_sizes_have_a_proposal_that_works(source):
    sizes = [(10, 12), (14, 12), (20, 30)]
    path = source({f"{i}.png": encoded(grey(i, *sizes[i % 3])) for i in range(12)} | {"x.png": b"broken"})
    look = look_at_images(path)
    assert (look.files, len(look.sizes)) == (13, 3)
    assert "20×30" in look.why_resized
    assert len(open_dataset(path, size=look.proposed)) == 12


@pytest.mark.parametrize(
    ("side", "word"),
    [(8, None), (12, None), (96, None), (97, "faster"), (224, "faster"), (7, "smaller"), (225, "larger")],
)
def test_a_size_is_proposed_only_where_one_is_needed(source, side, word):
    look = look_at_images(source({f"{i}.png": encoded(grey(i, side, side)) for i in range(2)}))
    assert (look.proposed is None) == (word is None)
    assert word is None or word in look.why_resized


def test_folders_and_pages_are_counted(source):
    from PIL import Image

    pages = [Image.fromarray(grey(i)) for i in range(3)]
    stack = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    look = look_at_images(source({f"{a}/{b}/1.tif": stack for a in "xy" for b in "lr"}))
    assert look.paged == 4
    assert [(level.level, set(level.names)) for level in look.levels] == [(1, {"l", "r"}), (2, {"x", "y"})]


def test_what_is_no_archive_is_refused(tmp_path):
    for name in ("a.zip", "a.tar"):
        (tmp_path / name).write_bytes(b"nothing of the kind" * 99)
        with pytest.raises(InputError):
            look_at_images(tmp_path / name)
