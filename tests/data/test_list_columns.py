"""Lists of numbers in cells are columns of numbers: pixels as Kaggle writes them, embeddings as pandas does."""

import numpy as np
import pandas as pd
import pytest

from dsc_core.data import guess_columns, open_dataset
from dsc_core.data.list_columns import list_length
from dsc_core.errors import InputError


@pytest.fixture
def faces():
    """Pixels of 30 images of 8×8, and a table of them as text with the code of an emotion."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 64), dtype=np.uint8)
    return pixels, pd.DataFrame(
        {
            "emotion": np.arange(30) % 5,
            "pixels": [" ".join(map(str, row)) for row in pixels.tolist()],
            "Usage": ["Training", "PublicTest"] * 15,
        }
    )


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_pixels_in_one_cell_are_images(tmp_path, faces, form):
    pixels, frame = faces
    path = tmp_path / f"faces.{form}"
    frame.to_csv(path, index=False) if form == "csv" else frame.to_parquet(path)
    dataset = open_dataset(path, image_shape=(8, 8), label_column="emotion", exclude=("Usage",))
    assert np.array_equal(dataset.samples.reshape(30, 64), pixels)
    again = open_dataset(path, like=dataset.describe())
    assert np.array_equal(again.samples, dataset.samples)
    assert again.labels.tolist() == frame["emotion"].tolist()


def test_without_a_shape_they_are_columns_of_a_table_which_is_said(tmp_path, faces):
    frame = faces[1]
    frame.to_csv(tmp_path / "faces.csv", index=False)
    dataset = open_dataset(tmp_path / "faces.csv")
    said = {note.kind: note.about for note in dataset.notes}
    assert said["list_columns"] == "pixels (64)"
    assert dataset.column_titles[1:3] == ["pixels 1", "pixels 2"]
    assert said["possible_answers"] == "Usage"
    frame[["pixels"]].to_csv(tmp_path / "bare.csv", index=False)
    assert guess_columns(tmp_path / "bare.csv").image_shape == (8, 8)
    assert any(note.kind == "square_rows" for note in open_dataset(tmp_path / "bare.csv").notes)


@pytest.mark.parametrize(
    ("cells", "length"),
    [
        (["[0.1, 0.2]", "[3, -4e-1]"], 2),
        (["1;2;3;4;5;6;7;8", "8;7;6;5;4;3;2;1"], 8),
        (["(1 2)", None, "(3 4)"], 2),
        (["2020 01 02", "2021 03 04"], None),
        (["555 12 34 56", "555 98 76 54"], None),
        (["[1, 2]", "[1, 2, 3]"], None),
        (["[1, x]", "[1, 2]"], None),
        (["red", "blue"], None),
        ([1.5, 2.5], None),
        ([None, None], None),
    ],
)
def test_what_a_list_is(cells, length):
    assert list_length(pd.Series(cells)) == length


def test_a_list_of_another_length_is_named(tmp_path, faces):
    frame = pd.concat([faces[1]] * 3, ignore_index=True)
    frame.loc[70, "pixels"] = "1 2 3"
    frame.to_csv(tmp_path / "faces.csv", index=False)
    with pytest.raises(InputError, match=r"holds 3 numbers in row 71 of the column 'pixels', but 64"):
        open_dataset(tmp_path / "faces.csv")


def test_a_table_of_pixels_says_so(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 784))
    frame = pd.DataFrame(pixels, columns=[f"pixel{index}" for index in range(784)])
    frame.insert(0, "label", np.arange(30) % 10)
    frame.to_csv(tmp_path / "train.csv", index=False)
    (note,) = [note for note in open_dataset(tmp_path / "train.csv").notes if note.kind == "square_rows"]
    assert note.about == "28×28"
    assert not any(
        note.kind == "square_rows"
        for note in open_dataset(tmp_path / "train.csv", image_shape=(28, 28)).notes
    )
