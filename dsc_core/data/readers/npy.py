"""NumPy's .npy files, a single array each. Nothing in them is unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dsc_core.data.dataset import Dataset
from dsc_core.data.from_array import Names, from_array
from dsc_core.data.limits import MEBI
from dsc_core.data.notes import Note
from dsc_core.data.options import Options
from dsc_core.data.readers.numpy_header import check_samples, read_header
from dsc_core.data.readers.sample_axes import samples_first
from dsc_core.errors import InputError

MAPPED_FROM = 256 * MEBI


def read_npy(path: Path, options: Options) -> Dataset:
    """A single array: images or a table by its layout.

    Files above MAPPED_FROM bytes are memory-mapped; smaller ones are read, since overwriting a mapped file would change
    the samples or end the process.
    """
    try:
        with open(path, "rb") as file:
            check_samples(read_header(file, path.name), path.name)
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # checks the size before it takes memory
        array = array if array.nbytes > MAPPED_FROM else np.array(array)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path.name} is truncated or damaged: save the array again with numpy.save."
        ) from error
    notes: list[Note] = []
    (array,), _ = samples_first([array], [], options, ["the array"], notes)
    return from_array(array, None, None, options, notes, names=Names(path.name))
