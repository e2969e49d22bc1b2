"""Block by block a source gives what it gives as a whole, in the same order."""

import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dsc_core.data import open_dataset, open_stream, split_into_blocks
from dsc_core.errors import InputError


def png(value, size=(9, 8), deep=False):
    out = io.BytesIO()
    pixels = np.full(size, value, np.uint16 if deep else np.uint8)
    pixels[0] = 0
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()


@pytest.fixture
def trained(tmp_path):
    """What a run on small grey images was trained on."""
    np.save(tmp_path / "trained.npy", np.random.default_rng(0).integers(0, 255, (20, 9, 8), dtype=np.uint8))
    return open_dataset(tmp_path / "trained.npy").describe()


@pytest.fixture
def pictures(tmp_path):
    """A folder and a ZIP of the same 23 images in two folders, among them one that is broken and one no image."""
    folder = tmp_path / "new"
    for i in range(23):
        (folder / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        (folder / "ab"[i % 2] / f"{i}.png").write_bytes(png(9 * i + 20) if i != 7 else b"broken")
    (folder / "a" / "readme.txt").write_text("hello")
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
        for path in sorted(folder.rglob("*.*")):
            archive.write(path, path.relative_to(folder).as_posix())
    return {"folder": folder, "zip": tmp_path / "new.zip"}


def whole(blocks):
    blocks = list(blocks)
    return (
        np.concatenate([block.values() for block in blocks]),
        [name for block in blocks for name in block.ids.tolist()],
        [label for block in blocks if block.labels is not None for label in block.labels.tolist()],
    )


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_images_come_block_by_block_as_they_do_at_once(pictures, trained, kind):
    at_once = open_dataset(pictures[kind], like=trained, labels_from_folders=True)
    with open_stream(pictures[kind], trained, block=4, labels_from_folders=True) as stream:
        values, ids, labels = whole(stream)
    assert stream.total == 24
    assert (values == at_once.values()).all()
    assert ids == at_once.ids.tolist()
    assert labels == at_once.labels.tolist()
    assert sorted(stream.skipped) == sorted(at_once.skipped)


def test_a_block_of_nothing_readable_is_passed_over_and_a_source_of_it_refused(tmp_path, trained):
    folder = tmp_path / "new"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.png").write_bytes(b"broken" if i < 3 else png(100))
    with open_stream(folder, trained, block=3) as stream:
        assert whole(stream)[1] == ["3.png", "4.png", "5.png"]
    assert len(stream.skipped) == 3
    for i in range(3, 6):
        (folder / f"{i}.png").write_bytes(b"broken")
    with (
        pytest.raises(InputError, match="contains no readable image"),
        open_stream(folder, trained) as stream,
    ):
        list(stream)


def test_a_dark_block_is_not_stretched_by_itself(tmp_path, trained):
    folder = tmp_path / "new"
    folder.mkdir()
    for i in range(8):
        (folder / f"{i}.png").write_bytes(png(60_000 if i < 4 else 200, deep=True))
    with open_stream(folder, trained, block=4) as stream:
        values = whole(stream)[0]
    assert values[:4].max() == pytest.approx(60_000 / 65_535, abs=1e-3)
    assert values[4:].max() == pytest.approx(200 / 65_535, abs=1e-3)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(50)],
            "length": rng.normal(size=50),
            "code": ["007", "12", "x"] * 16 + ["7", "12"],
            "count": rng.integers(0, 9, 50).astype(float),
            "label": [1, 2] * 25,
        }
    )
    frame.loc[[3, 30], "count"] = np.nan
    return frame


@pytest.mark.parametrize("form", ["csv", "parquet", "semicolon", "latin-1"])
@pytest.mark.parametrize("named", [True, False])
def test_rows_come_block_by_block_as_they_do_at_once(tmp_path, rows, form, named):
    path = tmp_path / ("rows.parquet" if form == "parquet" else "rows.csv")
    rows = rows if named else rows.drop(columns="id")
    if form == "parquet":
        rows.to_parquet(path)
    elif form == "semicolon":
        rows.to_csv(path, sep=";", decimal=",", index=False)
    else:
        rows = rows.assign(code=rows["code"].replace("x", "ü")) if form == "latin-1" else rows
        rows.to_csv(path, index=False, encoding="latin-1" if form == "latin-1" else "utf-8")
    at_once = open_dataset(path)
    with open_stream(path, at_once.describe(), block=7) as stream:
        values, ids, labels = whole(stream)
    assert (values == at_once.values()).all()
    assert ids == at_once.ids.tolist()
    assert labels == at_once.labels.tolist()
    assert "2 missing values filled" in " ".join(map(str, stream.notes))


def test_a_table_that_lacks_a_column_is_refused(tmp_path, rows):
    rows.to_csv(tmp_path / "rows.csv", index=False)
    like = open_dataset(tmp_path / "rows.csv").describe()
    rows.drop(columns="length").to_csv(tmp_path / "short.csv", index=False)
    with (
        pytest.raises(InputError, match=r"lacks columns.*length"),
        open_stream(tmp_path / "short.csv", like) as stream,
    ):
        list(stream)


@pytest.mark.parametrize("name", ["nothing.zip", "empty.csv", "cut.zip", "text.parquet"])
def test_bad_sources_are_refused_in_one_sentence(tmp_path, trained, name):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(InputError) as refused, open_stream(tmp_path / name, trained) as stream:
        list(stream)
    assert "\n" not in str(refused.value)


def test_a_sample_by_its_name_and_an_array_are_cut(trained, tmp_path):
    np.save(tmp_path / "new.npy", np.zeros((11, 9, 8), np.uint8))
    with open_stream(tmp_path / "new.npy", trained, block=4) as stream:
        assert [len(block) for block in stream] == [4, 4, 3]
    with open_stream("digits", trained, block=1000) as stream:
        blocks = list(stream)
    assert [len(block) for block in blocks] == [1000, 797]
    assert blocks[0].shape == (1, 9, 8)
    assert len(stream.notes) == len(set(stream.notes))


def test_cutting_tells_what_was_left_out_once(tmp_path):
    np.save(tmp_path / "new.npy", np.random.default_rng(0).integers(0, 9, (25, 9, 8), dtype=np.uint8))
    parts = list(split_into_blocks(open_dataset(tmp_path / "new.npy"), 10))
    assert [len(part) for part in parts] == [10, 10, 5]
    assert np.concatenate([part.ids for part in parts]).tolist() == [str(i) for i in range(25)]
