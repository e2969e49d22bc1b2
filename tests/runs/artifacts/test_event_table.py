"""The events of a run, taken along: as CSV, as Parquet, and as event files that TensorBoard itself reads back."""

import csv
import io
import json
import sys

import numpy as np
import pandas as pd
import pytest

from dsc_core.errors import InputError
from dsc_core.events import Event
from dsc_core.runs.artifacts import event_table, tensorboard

TERMS = {"reconstruction": 0.123456789, "spectral": 1e-7, "total": 1234567.0}
EVENTS = [
    (1, Event("note", "autoencoder", message="=HYPERLINK(1)")),
    (2, Event("progress", "autoencoder", 1, 3, 10, {"total": 3.5}, 1.5, 800.0)),
    (5, Event("epoch", "joint", 2, 3, 20, TERMS, 2.25, 900.0)),
    (6, Event("evaluation", "joint", 2, 3, 20, scores={"acc": 0.75, "nmi": 0.5}, seconds=2.5)),
    (
        7,
        Event(
            "note",
            "joint",
            2,
            3,
            21,
            seconds=3.0,
            message="Changed, by hand",
            changes={"noise_level": [0.5, 0.8]},
        ),
    ),
]


def test_a_row_an_event_and_a_column_a_number():
    frame = event_table.events_frame(EVENTS)
    assert list(frame) == [
        "seq",
        "kind",
        "stage",
        "epoch",
        "step",
        "seconds",
        "images_per_second",
        "total",
        "reconstruction",
        "spectral",
        "acc",
        "nmi",
        "changes",
        "message",
    ]
    assert frame["seq"].tolist() == [1, 2, 5, 6, 7]
    assert frame["step"].tolist() == [0, 10, 20, 20, 21]
    assert frame["total"].isna().tolist() == [True, False, False, True, True]
    assert frame.loc[2, list(TERMS)].to_dict() == TERMS
    assert json.loads(frame["changes"].iloc[-1]) == {"noise_level": [0.5, 0.8]}


def test_the_csv_keeps_small_numbers_and_holds_no_formula():
    header, *rows = csv.reader(io.StringIO(event_table.events_csv(EVENTS).decode()))
    assert [row[header.index("message")] for row in rows] == [
        "'=HYPERLINK(1)",
        "",
        "",
        "",
        "Changed, by hand",
    ]
    epoch = dict(zip(header, rows[2], strict=True))
    for name, value in TERMS.items():
        assert float(epoch[name]) == pytest.approx(value, rel=1e-6)
    assert rows[0][header.index("total")] == ""


def test_names_from_a_folder_that_came_from_elsewhere_do_no_harm():
    hostile = [(1, Event("progress", "=x", losses={"=1+1": "=2+2", "total": 1.0}, scores={"@acc": 1.0}))]
    header, row = csv.reader(io.StringIO(event_table.events_csv(hostile).decode()))
    assert "'=1+1" in header
    assert "'@acc" in header
    assert row[header.index("'=1+1")] == ""
    assert row[header.index("stage")] == "'=x"


def test_parquet_holds_the_same_table():
    read = pd.read_parquet(io.BytesIO(event_table.events_parquet(EVENTS)))
    pd.testing.assert_frame_equal(read, event_table.events_frame(EVENTS), check_dtype=False)


def test_a_run_without_events_is_an_empty_table():
    assert len(event_table.events_frame([])) == 0
    assert event_table.events_csv([]).startswith(b"seq,kind,stage")
    assert len(pd.read_parquet(io.BytesIO(event_table.events_parquet([])))) == 0


def read_back(folder):
    """{tag: [(step, value)]} and the notes, by TensorBoard's own reader."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    reader = accumulator.EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    reader.Reload()
    scalars = {
        tag: [(one.step, one.value) for one in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]
    }
    notes = [
        one.tensor_proto.string_val[0].decode()
        for tag in reader.Tags()["tensors"]
        for one in reader.Tensors(tag)
    ]
    return scalars, notes


def check_complete(folder, events):
    """The event files in `folder` hold what these events told, and nothing else."""
    scalars, notes = read_back(folder)
    wanted: dict = {}
    for event in events:
        for name, value in event.losses.items():
            wanted.setdefault(f"{event.kind}/{name}", []).append((event.step, value))
        for name, value in event.scores.items():
            wanted.setdefault(f"scores/{name}", []).append((event.step, value))
        for name, (_, value) in event.changes.items():
            wanted.setdefault(f"settings/{name}", []).append((event.step, value))
    for tag, points in wanted.items():
        assert [step for step, _ in scalars[tag]] == [step for step, _ in points]
        assert np.allclose([value for _, value in scalars[tag]], [value for _, value in points], rtol=1e-6), (
            tag
        )
    assert scalars.keys() - wanted.keys() <= {"progress/images_per_second", "epoch/images_per_second"}
    assert notes == [event.message for event in events if event.kind == "note" and event.message]


def test_tensorboard_reads_what_the_events_told(tmp_path):
    tensorboard.write(tmp_path / "board", EVENTS, began=1e9)
    check_complete(tmp_path / "board", [event for _, event in EVENTS])
    tensorboard.write(tmp_path / "board", EVENTS[:2], began=1e9)
    check_complete(tmp_path / "board", [event for _, event in EVENTS[:2]])


def test_a_run_that_is_followed_has_all_its_events_there_also_those_of_before(store, run_id):
    pytest.importorskip("tensorboard")
    store.claim(run_id)
    for _, event in EVENTS[:3]:
        store.append(run_id, event)
    following = tensorboard.EventFiles(store, run_id)
    for _, event in EVENTS[2:]:
        store.append(run_id, event)
        following(event)
    following.close()
    told = [event for _, event in EVENTS]
    check_complete(store.folder(run_id) / "tensorboard", [*told[:3], *told[2:]])


def test_a_full_disk_ends_the_event_files_and_not_the_training(store, run_id, monkeypatch):
    def full(folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensorboard, "open_writer", full)
    following = tensorboard.EventFiles(store, run_id)
    following(EVENTS[0][1])
    following(EVENTS[1][1])
    following.close()
    assert following.closed


def test_without_its_package_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"not installed: `pip install -r requirements-tensorboard.txt`"):
        tensorboard.writer_class()
