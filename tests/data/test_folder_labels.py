"""The folder that names the class is found at the right level, said, and can be chosen."""

import pytest

from dsc_core.data import open_dataset, open_stream
from dsc_core.data.folder_labels import NO_FOLDER, choose_level
from tests.data.writers import encoded, grey, zipped

FILES = ["1.png", "2.png"]


def paths(*folders):
    return [f"{folder}/{file}" for folder in folders for file in FILES]


@pytest.mark.parametrize(
    ("folders", "labels"),
    [
        (["cat", "dog"], ["cat", "dog"]),
        (["pets/cat", "pets/dog"], ["cat", "dog"]),
        (["cat/images", "dog/images"], ["cat", "dog"]),
        (["cat/images", "cat/masks", "dog/images"], ["images", "masks", "images"]),
        (["train/n01/images", "train/n02/images"], ["n01", "n02"]),  # Tiny ImageNet
        (["train/cat", "train/dog", "val/cat", "val/dog"], ["cat", "dog", "cat", "dog"]),
        (["set/cat/train", "set/cat/test", "set/dog/train"], ["cat", "cat", "dog"]),
        (["car", "bus", "train"], ["car", "bus", "train"]),
        (["train", "test"], ["train", "test"]),
        (["anna/front", "anna/side", "ben/front"], ["front", "side", "front"]),
    ],
)
def test_the_nearest_folder_that_tells_classes_apart_is_the_label(folders, labels):
    notes = []
    label = choose_level(paths(*folders), None, notes)
    assert [label(path) for path in paths(*folders)] == [name for name in labels for _ in FILES]
    assert notes[0].kind == "folder_labels"
    assert notes[0].count == len(set(labels))


def test_another_level_is_named_and_can_be_chosen():
    files, notes = paths("anna/front", "anna/side", "ben/front"), []
    choose_level(files, None, notes)
    assert "anna, ben" in str(notes[-1])
    label = choose_level(files, 2, [])
    assert {label(path) for path in files} == {"anna", "ben"}


def test_images_beside_the_folders_are_counted():
    notes = []
    label = choose_level(["0.png", *paths("cat", "dog")], None, notes)
    assert label("0.png") == NO_FOLDER
    assert notes[0].count == 2
    assert (notes[1].kind, notes[1].count) == ("images_without_folder", 1)


def test_one_folder_gives_no_labels():
    notes = []
    assert choose_level(paths("wrap/all"), None, notes) is None
    assert choose_level(paths("wrap/all"), 2, notes) is None
    assert [note.kind for note in notes] == ["single_folder"] * 2


def test_every_way_to_read_takes_the_same_level(tmp_path):
    members = {f"{who}/images/{i}.png": encoded(grey(i)) for who in ("cat", "dog") for i in range(6)}
    path = zipped(tmp_path / "a.zip", members | {"labels.csv": b"id,label\n1,cat\n", "__MACOSX/._x.png": b""})
    dataset = open_dataset(path, labels_from_folders=True)
    assert set(dataset.labels) == {"cat", "dog"}
    assert [name for name, _ in dataset.skipped] == ["labels.csv"]
    with open_stream(path, dataset.describe(), block=5, labels_from_folders=True) as stream:
        assert [label for block in stream for label in block.labels] == dataset.labels.tolist()
    chosen = open_dataset(path, labels_from_folders=True, folder_level=1)
    assert chosen.labels is None
