"""The table of formats: a reader is one module and one line."""

import sys
from types import ModuleType

import numpy as np
import pytest

from dsc_core.data import FORMATS, formats, open_dataset, source_kind
from dsc_core.data.formats import READERS, Format, dataset_name, format_list
from dsc_core.data.from_array import from_array


def test_a_reader_is_added_in_one_line(tmp_path, monkeypatch):
    reader = ModuleType("dsc_core.data.readers.numbers")
    reader.read_numbers = lambda path, options: from_array(np.loadtxt(path), None, None, options)
    monkeypatch.setitem(sys.modules, reader.__name__, reader)
    line = Format(".nums", (".nums",), "numbers.read_numbers", "keys")
    monkeypatch.setattr(formats, "READERS", (*READERS, line))
    path = tmp_path / "set.nums"
    np.savetxt(path, np.random.default_rng(0).normal(size=(12, 3)))
    dataset = open_dataset(path)
    assert (dataset.name, dataset.samples.shape) == ("set", (12, 3))
    assert source_kind(path) == "keys"
    assert ".nums" in format_list()


@pytest.mark.parametrize("format", READERS, ids=lambda format: format.title)
def test_every_format_has_a_reader_with_the_functions_of_its_kind(format):
    assert callable(format.read)
    functions = {"table": ("read_head", "read_blocks"), "keys": ("read_headers",)}
    for name in functions.get(format.kind, ()):
        assert callable(getattr(format.module, name))


def test_no_suffix_belongs_to_two_formats():
    suffixes = [suffix for format in READERS for suffix in format.suffixes]
    assert len(set(suffixes)) == len(suffixes)


def test_the_list_of_formats_is_a_phrase():
    assert FORMATS == (
        "a folder, ZIP or TAR of images, .npz, .npy, .csv, .parquet, .h5, .h5ad, .mat, or IDX (also .gz)"
    )


@pytest.mark.parametrize("name", ["set.tar.gz", "set.idx.gz", "set.npz", "set.TAR.xz", "set"])
def test_the_name_is_that_of_the_file_without_its_suffixes(name, tmp_path):
    assert dataset_name(tmp_path / name) == "set"
