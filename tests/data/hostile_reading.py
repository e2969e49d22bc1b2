"""Reading one file in every way, as the app, the command line and a run do, and what that took."""

from __future__ import annotations

import time
import traceback
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dsc_core.data import check_trainable, guess_columns, guess_keys, open_dataset, open_stream, source_kind
from dsc_core.data.image_look import look_at_images
from dsc_core.errors import InputError

LIKE = {
    "image": {
        **{
            "kind": "image",
            "shape": [1, 8, 8],
            "dtype": "uint8",
            "scaling": [0.0, 1 / 255],
            "preprocessing": None,
        },
        "distribution": {
            "least": 0,
            "most": 255,
            "low": 0,
            "high": 255,
            "mean": 90,
            "quantiles": [0] * 3 + [90] * 4,
        },
    },
    "table": {
        **{"kind": "table", "shape": [2], "dtype": "float32", "scaling": [0.0, 1.0]},
        "preprocessing": {
            "source": "table",
            "columns": [{"name": name, "kind": "number", "mean": 0.0, "scale": 1.0} for name in ("a", "1")],
        },
    },
}
FIRST_LOOKS = {"images": look_at_images, "table": guess_columns, "keys": guess_keys}


@dataclass
class Reading:
    """What reading a file came to. outcome: "read", "refused" or "traceback"; seconds: of work; mb: at the most."""

    outcome: str
    said: str
    seconds: float
    mb: float


def read_every_way(path: Path, **options) -> Reading:
    """Guess the columns or keys of a file, open it, check it, and read it as new data for two runs."""
    began = time.process_time()
    reset_peak()
    outcome, said = "read", ""

    def opening(path: Path) -> None:
        _open(path, options)

    for way in filter(None, (FIRST_LOOKS.get(source_kind(path)), opening, _stream_images, _stream_rows)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                way(path)
        except InputError as refusal:
            outcome, said = ("refused", str(refusal)) if way is opening else (outcome, said)
            if "\n" in str(refusal) or not str(refusal).endswith("."):
                return Reading(
                    "traceback", f"not one sentence: {refusal}", time.process_time() - began, peak_mb()
                )
        except Exception:
            return Reading("traceback", traceback.format_exc(), time.process_time() - began, peak_mb())
    return Reading(outcome, said, time.process_time() - began, peak_mb())


def _open(path: Path, options: dict) -> None:
    dataset = open_dataset(path, **options)
    check_trainable(dataset, 2)
    assert len(dataset.ids) == len(dataset)
    assert np.isfinite(dataset.values(slice(0, 50))).all()
    dataset.describe()


def _stream_images(path: Path) -> None:
    _stream(path, "image")


def _stream_rows(path: Path) -> None:
    _stream(path, "table")


def _stream(path: Path, kind: str) -> None:
    with open_stream(path, LIKE[kind], block=5) as stream:
        for block in stream:
            assert block.shape == tuple(LIKE[kind]["shape"])


def reset_peak() -> None:
    """Let the most memory count from here, where Linux can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """MB that this process held at the most since `reset_peak`; 0 where that is unknown."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0.0
    return int(status.split("VmHWM:")[1].split()[0]) / 1000
