"""untrained: a first answer without training, as a file and as JSON."""

import csv
import io
import json

import numpy as np
import pytest

from tests.analysis.test_untrained import rows, stripes


@pytest.fixture
def striped(tmp_path):
    """Images of stripes with labels, as an .npz; the path."""
    images, kinds = stripes(60)
    np.savez(tmp_path / "stripes.npz", x=images[:, 0], y=kinds)
    return str(tmp_path / "stripes.npz")


def test_labels_are_written_in_the_form_of_a_run(run, striped, tmp_path):
    code, out, err = run("untrained", striped, "--out", tmp_path / "labels.csv", "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert (answer["samples"], answer["clusters"], answer["trained"]) == (60, 3, False)
    assert (answer["acc"], answer["source"]) == (1.0, "scattering")
    assert sum(answer["sizes"].values()) == 60
    table = list(csv.DictReader((tmp_path / "labels.csv").open()))
    assert len(table) == 60
    assert {row["training"] for row in table} == {"none"}
    assert list(table[0])[:5] == ["id", "cluster", "confidence", "label", "matched_label"]
    assert " here, from the scattering transform of the images." in err


def test_the_same_seed_gives_the_same_file(run, striped):
    first, second = (run("untrained", striped, "--seed", 3, "--out", "-")[1] for _ in range(2))
    assert first == second
    assert len(list(csv.DictReader(io.StringIO(first)))) == 60


def test_a_table_is_clustered_from_its_columns(run, tmp_path):
    np.save(tmp_path / "table.npy", rows()[0])
    code, out, _ = run("untrained", tmp_path / "table.npy", "--clusters", 3)
    assert code == 0
    assert "90 samples in 3 clusters, from the columns themselves; nothing was trained" in out
    assert "silhouette, spectral" in out
    assert "ACC" not in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "has no labels; set the number of clusters with --clusters."),
        (("--clusters", 91), "There are fewer samples (90) than clusters (91): choose at most 90 clusters."),
        (("--clusters", 1), "clusters must be a whole number from 2 to 200, not '1'."),
        (("--clusters", 3, "--json", "--out", "-"), "cannot both use standard output; choose one of them."),
    ],
)
def test_wrong_options_are_one_sentence(run, tmp_path, arguments, sentence):
    np.save(tmp_path / "table.npy", rows()[0])
    code, out, err = run("untrained", tmp_path / "table.npy", *arguments)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].endswith(sentence)
    assert "Traceback" not in err


def test_an_interruption_is_one_sentence_and_writes_nothing(run, striped, tmp_path, monkeypatch):
    from dsc_core.runs import untrained

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(untrained, "find", interrupted)
    code, out, err = run("untrained", striped, "--out", tmp_path / "labels.csv")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "Interrupted."
    assert not (tmp_path / "labels.csv").exists()


def test_a_file_that_cannot_be_written_is_said(run, striped, tmp_path):
    code, _, err = run("untrained", striped, "--out", tmp_path / "missing" / "labels.csv")
    assert code == 2
    assert "cannot be written" in err
