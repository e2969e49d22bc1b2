"""Data sets: one reader per format, each returning a `Dataset`; named data sets; the workspace's copies."""

from __future__ import annotations

from dsc_core.data.catalog import describe_sample, fetchable_names, sample_names
from dsc_core.data.dataset import Dataset
from dsc_core.data.formats import FORMATS, source_kind
from dsc_core.data.guessing import Columns, Keys, guess_columns, guess_keys
from dsc_core.data.importing import Cancelled, import_data
from dsc_core.data.limits import Limits
from dsc_core.data.notes import Note
from dsc_core.data.opening import open_dataset
from dsc_core.data.options import CHANNELS, MAX_SIZE, parse_size
from dsc_core.data.store import content_key, is_stored, load_dataset, store_dataset
from dsc_core.data.streams import Stream, open_stream, split_into_blocks
from dsc_core.data.trainable import MAX_SIDE, MIN_SAMPLES, MIN_SIDE, MixedSizes, NeedsResize, check_trainable

__all__ = [
    "CHANNELS",
    "FORMATS",
    "MAX_SIDE",
    "MAX_SIZE",
    "MIN_SAMPLES",
    "MIN_SIDE",
    "Cancelled",
    "Columns",
    "Dataset",
    "Keys",
    "Limits",
    "MixedSizes",
    "NeedsResize",
    "Note",
    "Stream",
    "check_trainable",
    "content_key",
    "describe_sample",
    "fetchable_names",
    "guess_columns",
    "guess_keys",
    "import_data",
    "is_stored",
    "load_dataset",
    "open_dataset",
    "open_stream",
    "parse_size",
    "sample_names",
    "source_kind",
    "split_into_blocks",
    "store_dataset",
]
