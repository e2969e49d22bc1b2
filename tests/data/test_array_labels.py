"""Labels and ids in every form that files have; what is dropped is said with its shape and the true reason."""

import re

import numpy as np
import pytest

from dsc_core.data import open_dataset
from dsc_core.data.array_labels import tidy_ids, tidy_labels
from dsc_core.errors import InputError

N = 60
WHOLE = np.arange(N) % 3
X = np.random.default_rng(0).random((N, 5))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (WHOLE[:, None], WHOLE),
        (WHOLE[None], WHOLE),
        (WHOLE[:, None, None], WHOLE),
        (WHOLE[:, None, None, None], WHOLE),
        (WHOLE.astype(float), WHOLE),
        (WHOLE > 0, WHOLE > 0),
        (np.eye(3)[WHOLE], WHOLE),
        (np.eye(3)[WHOLE].T, WHOLE),
        (2 * np.eye(3, dtype=int)[WHOLE] - 1, WHOLE),
        (np.eye(3, dtype=bool)[WHOLE], WHOLE),
        (WHOLE.astype("u8") + 2**63, [str(2**63 + label) for label in WHOLE.tolist()]),
        (WHOLE / 2, ["0", "0.5", "1"] * 20),
        (np.array(["NA", "None", "x"])[WHOLE], ["NA", "None", "x"] * 20),
        (np.array([b"a", b"b", b"c"])[WHOLE, None], ["a", "b", "c"] * 20),
        (np.array(["é".encode("latin-1"), "è".encode("latin-1"), b"c"])[WHOLE], ["é", "è", "c"] * 20),
        (np.where(WHOLE == 0, np.nan, WHOLE), ["missing", "1", "2"] * 20),
    ],
)
def test_labels_of_every_form(labels, expected):
    found = tidy_labels(labels, N, [])
    assert found.tolist() == np.asarray(expected).tolist()
    assert found.dtype.kind in "iU"


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (np.arange(50), r"y \(50\) does not have one entry per sample of x \(60 × 5\)"),
        (
            np.random.default_rng(0).random((N, 14)) < 0.3,
            r"y \(60 × 14\) is multi-label: .* from 0 to 7 labels, not one",
        ),
        (2 * (np.random.default_rng(0).random((14, N)) < 0.3) - 1, r"is multi-label: .* from 0 to 8 labels"),
        (np.random.default_rng(0).dirichlet([1, 1, 1], N), r"y \(60 × 3\) has several values for a sample"),
        (np.arange(N) * 7, r"y \(60\) has a different value for every sample"),
        (np.round(np.random.default_rng(0).random(N), 2), "decimal values, so it holds no classes"),
    ],
)
def test_what_is_no_label_is_said_with_its_shape_and_its_reason(tmp_path, labels, reason):
    np.savez(tmp_path / "a.npz", x=X, y=labels)
    dataset = open_dataset(tmp_path / "a.npz")
    assert dataset.labels is None
    (note,) = [note for note in dataset.notes if note.kind.startswith("labels")]
    assert re.search(f"Labels ignored: .*{reason}", str(note))


def test_labels_that_were_asked_for_are_refused_in_place_of_a_note(tmp_path):
    many = np.random.default_rng(0).random((N, 14)) < 0.3
    np.savez(tmp_path / "a.npz", x=X, y=many, z=np.arange(50), own=np.arange(N))
    for key, reason in (("y", "multi-label"), ("z", r"z \(50\)")):
        with pytest.raises(InputError, match=reason):
            open_dataset(tmp_path / "a.npz", label_column=key)
    assert open_dataset(tmp_path / "a.npz", label_column="own").labels.tolist() == list(range(N))


def test_labels_that_no_one_asked_for_never_end_the_reading(tmp_path):
    """Python objects, or so many values that they would fill the memory."""
    for y, reason in (
        (np.array(list("abc") * 20, object), "holds Python objects, which are never unpickled"),
        (np.zeros((N, 200_000)), "DSC_MAX_RATIO"),
    ):
        np.savez_compressed(tmp_path / "a.npz", x=X, y=y)
        assert reason in " ".join(map(str, open_dataset(tmp_path / "a.npz").notes))
        with pytest.raises(InputError, match=reason):
            open_dataset(tmp_path / "a.npz", label_column="y")


def test_labels_of_the_training_part_alone_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, x_test=X[:20], y_train=WHOLE)
    notes = " ".join(map(str, open_dataset(tmp_path / "a.npz").notes))
    assert "y_train (60) does not have one entry per sample of x_train (60 × 5) + x_test (20 × 5)" in notes


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (np.arange(N) + 2**60 + 1, [str(2**60 + 1 + number) for number in range(N)]),
        (np.arange(N, dtype="u8") + 2**63, [str(2**63 + number) for number in range(N)]),
        (np.arange(N)[:, None] + 1.0, [str(number + 1) for number in range(N)]),
        (np.array([f"p{number}".encode() for number in range(N)]), [f"p{number}" for number in range(N)]),
        (np.array([f"{number:04d}" for number in range(N)])[None], [f"{number:04d}" for number in range(N)]),
    ],
)
def test_ids_are_text_with_all_their_digits(ids, expected):
    assert tidy_ids(ids, N, []).tolist() == expected


def test_ids_of_another_number_are_said_or_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, names=np.array(list("abcde")))
    dataset = open_dataset(tmp_path / "a.npz")
    assert dataset.ids[:2].tolist() == ["0", "1"]
    assert "Ids ignored: names (5) does not have one entry" in " ".join(map(str, dataset.notes))
    with pytest.raises(InputError, match=r"names \(5\)"):
        open_dataset(tmp_path / "a.npz", id_column="names")
