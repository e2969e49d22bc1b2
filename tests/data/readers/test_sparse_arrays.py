"""Sparse matrices are read as the dense ones that they stand for, or refused by name with advice."""

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from dsc_core.data import guess_keys, open_dataset
from dsc_core.errors import InputError
from tests.data.cells import CELLS, COUNTS, GENES, NAMES, TYPES, h5ad, tenx
from tests.data.writers import mat73

LABELS = np.arange(CELLS) % 3
FORMS = ["csr", "csc", "coo", "bsr", "dia"]


@pytest.fixture(autouse=True)
def _quick(quick_processes):
    """Forks in place of new processes."""


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """The table that the dense counts become."""
    path = tmp_path_factory.mktemp("dense") / "dense.npy"
    np.save(path, COUNTS.toarray())
    return open_dataset(path).samples


def notes(dataset):
    return " ".join(map(str, dataset.notes))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_what_scipy_saved_is_read_as_dense(tmp_path, dense, form, kind):
    scipy.sparse.save_npz(tmp_path / "a.npz", kind(COUNTS).asformat(form))
    dataset = open_dataset(tmp_path / "a.npz")
    assert np.allclose(dataset.samples, dense, atol=1e-5)
    assert "Sparse matrix expanded to dense values: matrix (60 × 40)." in notes(dataset)


def test_parts_of_several_matrices_have_names_and_a_graph_is_no_samples(tmp_path, dense):
    graph = scipy.sparse.eye(CELLS, format="csr")
    parts = {
        f"{name}_{part}": getattr(matrix, part)
        for name, matrix in {"adj": graph, "attr": COUNTS}.items()
        for part in ("data", "indices", "indptr", "shape")
    }
    np.savez(tmp_path / "a.npz", labels=LABELS, **parts)
    dataset = open_dataset(tmp_path / "a.npz")
    assert np.allclose(dataset.samples, dense, atol=1e-5)
    assert dataset.labels.tolist() == LABELS.tolist()
    renamed = {name.replace("attr", "words"): part for name, part in parts.items()}
    np.savez(tmp_path / "a.npz", **renamed)
    assert "Samples read from words" in notes(open_dataset(tmp_path / "a.npz"))


def news(path, version):
    """A text corpus for feature selection: sparse words, classes, and the rows of training and test."""
    rows = {"trainIdx": np.arange(1.0, 41)[:, None], "testIdx": np.arange(41.0, 61)[:, None]}
    gnd = LABELS[:, None] + 1.0
    if version == 5:
        scipy.io.savemat(path, {"fea": COUNTS, "gnd": gnd, **rows}, do_compression=True)
        return path
    mat73(path, gnd=gnd, **rows)
    matrix = COUNTS.tocsc()
    with h5py.File(path, "r+") as file:
        group = file.create_group("fea")
        group.attrs["MATLAB_class"], group.attrs["MATLAB_sparse"] = np.bytes_("double"), np.uint64(CELLS)
        group["data"], group["ir"], group["jc"] = (
            matrix.data,
            matrix.indices.astype("u8"),
            matrix.indptr.astype("u8"),
        )
    return path


@pytest.mark.parametrize("version", [5, 7.3])
def test_a_sparse_variable_of_matlab_is_not_passed_over_for_row_numbers(tmp_path, dense, version):
    dataset = open_dataset(news(tmp_path / "a.mat", version))
    assert np.allclose(dataset.samples, dense, atol=1e-5)
    assert dataset.labels.tolist() == (LABELS + 1).tolist()
    assert "Arrays not used: " in notes(dataset)
    assert "trainIdx (40 × 1, float64)" in notes(dataset)


@pytest.mark.parametrize("counts", [COUNTS, COUNTS.tocsc(), COUNTS.toarray()], ids=["csr", "csc", "dense"])
def test_anndata_gives_cells_their_names_and_their_types(tmp_path, dense, counts):
    dataset = open_dataset(h5ad(tmp_path / "a.h5ad", counts, missing=5))
    assert np.allclose(dataset.samples, dense, atol=1e-5)
    assert dataset.ids.tolist() == NAMES
    assert dataset.labels[:6].tolist() == [*TYPES, *TYPES[:2], "missing"]
    for words in ("Labels read from obs/cell_type.", "Ids read from obs/_index.", "1 row without a label"):
        assert words in notes(dataset)


def test_anndata_of_before_0_7_and_other_parts_of_it_can_be_chosen(tmp_path):
    path = h5ad(tmp_path / "a.h5ad", old=True)
    assert open_dataset(path).labels[:3].tolist() == TYPES
    reduced = open_dataset(path, samples_key="obsm/X_pca", label_column="")
    assert (reduced.shape, reduced.labels, reduced.ids.tolist()) == ((20,), None, NAMES)
    assert open_dataset(path, samples_key="X_pca", label_column="n_genes").labels.tolist() == list(
        range(CELLS)
    )
    assert guess_keys(path).samples == ("X",)


def test_anndata_without_x_keeps_names_and_types(tmp_path):
    dataset = open_dataset(h5ad(tmp_path / "a.h5ad", None), samples_key="obsm/X_pca")
    assert dataset.ids.tolist() == NAMES
    assert dataset.labels[:3].tolist() == TYPES


@pytest.mark.parametrize("group", ["matrix", "GRCh38"])
def test_the_columns_of_10x_are_the_cells(tmp_path, dense, group):
    dataset = open_dataset(tenx(tmp_path / "a.h5", group))
    assert np.allclose(dataset.samples, dense, atol=1e-5)
    assert dataset.ids.tolist() == NAMES
    assert dataset.labels is None


def test_too_many_columns_are_refused_with_advice(tmp_path):
    wide = scipy.sparse.random(CELLS, 33_000, 0.001, "csr", random_state=0)
    scipy.sparse.save_npz(tmp_path / "a.npz", wide)
    with pytest.raises(InputError, match=r"matrix in a.npz \(60 × 33000, .*5,000 columns.*TruncatedSVD"):
        open_dataset(tmp_path / "a.npz")
    for counts in (wide, wide.toarray()):
        with pytest.raises(InputError, match=r"X in a.h5ad .*obsm/X_pca \(60 × 20\)"):
            open_dataset(h5ad(tmp_path / "a.h5ad", counts))


def test_many_samples_in_columns_are_not_taken_for_columns_of_a_table(tmp_path):
    many = scipy.sparse.random(20, 6000, 0.2, "csc", random_state=0)
    scipy.io.savemat(tmp_path / "a.mat", {"X": many, "Y": np.arange(6000.0)[:, None] % 3})
    assert open_dataset(tmp_path / "a.mat").samples.shape == (6000, 20)


@pytest.mark.parametrize(
    ("form", "parts"),
    [
        ("csr", {"indices": np.array([0, 1, 2, 3, 99]), "indptr": np.r_[0, np.full(CELLS, 5)]}),
        ("csr", {"indices": np.arange(5), "indptr": np.arange(CELLS + 1)[::-1]}),
        ("csr", {"indices": np.arange(5.0), "indptr": np.r_[0, np.full(CELLS, 5)]}),
        ("coo", {"row": np.array([0, 1, 2, 3, -5]), "col": np.arange(5)}),
        ("coo", {"row": np.arange(4), "col": np.arange(5)}),
        ("dia", {"offsets": np.array([2**40, 1])}),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path, form, parts):
    np.savez(tmp_path / "a.npz", data=np.ones(5), shape=[CELLS, GENES], format=form.encode(), **parts)
    with pytest.raises(InputError, match=r"matrix in a.npz is a sparse matrix whose parts do not fit"):
        open_dataset(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(100_000, 4000), (2**40, 2**40), (10, 2**62)])
def test_a_matrix_of_zeros_that_would_fill_the_memory_is_refused(tmp_path, shape):
    np.savez(
        tmp_path / "a.npz",
        data=np.zeros(0),
        row=np.zeros(0, int),
        col=np.zeros(0, int),
        shape=np.array(shape),
        format=b"coo",
    )
    with pytest.raises(InputError, match=r"DSC_MAX_(RATIO|COLUMNS|MEMORY_MB)"):
        open_dataset(tmp_path / "a.npz")


def test_values_that_were_never_written_are_counted_before_they_are_read(tmp_path):
    """50 million values of a sparse matrix in a few KB."""
    values = 50_000_000
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("X")
        group.attrs["encoding-type"], group.attrs["shape"] = "csr_matrix", (CELLS, GENES)
        for part, kind in (("data", "f8"), ("indices", "i4")):
            group.create_dataset(part, (values,), kind, chunks=(100_000,))
        group["indptr"] = np.r_[np.zeros(CELLS, "i8"), values]
    with pytest.raises(InputError, match="250 times larger than the file"):
        open_dataset(tmp_path / "a.h5")
