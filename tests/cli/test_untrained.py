"""untrained: a first answer without training, as a file and as JSON."""

import csv
import io
import json
import os
import threading

import numpy as np
import pytest

from dsc_core.cli.printing import print_untrained
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
        (
            ("--clusters", 3, "--seed", 2**40),
            "seed must be a whole number from 0 to 2,147,483,647, not '1099511627776'.",
        ),
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


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("missing/labels.csv", "cannot be written (No such file or directory)"),
        (".", "is a folder; name a file in it with --out."),
        ("stripes.npz/labels.csv", "cannot be written (Not a directory)"),
        ("", "--out needs the name of a file."),
    ],
)
def test_a_file_that_cannot_be_written_is_said_before_the_work(
    run, striped, tmp_path, monkeypatch, place, sentence
):
    from dsc_core.runs import untrained

    monkeypatch.setattr(untrained, "find", lambda *_: pytest.fail("began to work"))
    monkeypatch.chdir(tmp_path)
    code, _, err = run("untrained", striped, "--out", place)
    assert code == 2
    assert sentence in err


def test_a_link_leads_to_its_file_and_a_pipe_is_not_replaced(run, striped, tmp_path):
    (tmp_path / "target.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "target.csv")
    assert run("untrained", striped, "--out", tmp_path / "link.csv")[0] == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "target.csv").read_text().startswith("id,")
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()), daemon=True)
    reader.start()
    assert run("untrained", striped, "--out", tmp_path / "pipe")[0] == 0
    reader.join(20)
    assert read == [(tmp_path / "target.csv").read_bytes()]
    assert (tmp_path / "pipe").is_fifo()


def test_copies_of_an_image_are_in_one_cluster(run, tmp_path):
    """More copies than a sample has neighbours: rounding once put them into components of their own."""
    few = np.random.default_rng(0).integers(0, 256, (5, 12, 12), np.uint8)
    np.savez(tmp_path / "copies.npz", x=np.repeat(few, 20, 0), y=np.repeat(np.arange(5), 20))
    code, out, _ = run("untrained", tmp_path / "copies.npz", "--json")
    assert code == 0
    assert list(json.loads(out)["sizes"].values()) == [20] * 5
    assert json.loads(out)["acc"] == 1


def test_clusters_that_were_asked_for_and_have_no_samples_are_said(capsys):
    result = dict.fromkeys(("out", "acc", "nmi", "ari", "silhouette_spectral", "eigengap"))
    print_untrained(
        result
        | {"data": "few", "samples": 8, "clusters": 4, "from": "from the columns", "seconds": 1.0}
        | {"sizes": {0: 5, 2: 3}}
    )
    said = "few: 8 samples in 2 clusters (4 were asked for: 2 have no samples), from the columns"
    assert capsys.readouterr().out.startswith(said)
