"""clusters: other numbers of clusters without training."""

import csv
import io
import json

# The stand-in for training has no model that could build a graph of images or of their copies.
CODES_ALONE = ("--preset", "no-copies", "--set", "second_view=none")


def test_a_cut_is_printed_and_written(run, blobs, tmp_path):
    run("train", blobs, "--run", "mine", *CODES_ALONE)
    code, out, err = run("clusters", "mine", "--k", 4, "--out", tmp_path / "cut.csv", "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert answer["k"] == 4
    assert sum(answer["sizes"].values()) == answer["samples"] == 60
    assert 0 <= answer["acc"] <= 1
    assert [figure["k"] for figure in answer["figures"]][:2] == [2, 3]
    assert set(answer["marks"]) == {"best", "agreement", "cost"}
    rows = list(csv.DictReader((tmp_path / "cut.csv").open()))
    assert len(rows) == 60
    assert len({row["edited_cluster"] for row in rows}) == 4
    code, out, _ = run("clusters", "mine")
    assert code == 0
    assert "Subsets agree best at" in out


def test_without_a_number_the_clusters_are_those_of_the_run(run, blobs):
    run("train", blobs, "--run", "mine", *CODES_ALONE)
    code, out, err = run("clusters", "mine", "--out", "-")
    assert code == 0, err
    assert all(row["cluster"] == row["edited_cluster"] for row in csv.DictReader(io.StringIO(out)))


def test_a_cut_that_is_used_is_in_the_edited_export(run, blobs, tmp_path):
    run("train", blobs, "--run", "mine", *CODES_ALONE)
    assert run("clusters", "mine", "--k", 5, "--use")[0] == 0
    assert run("export", "mine", "--edited", "--out", tmp_path / "labels.csv")[0] == 0
    rows = list(csv.DictReader((tmp_path / "labels.csv").open()))
    assert len({row["edited_cluster"] for row in rows}) == 5
    assert len({row["cluster"] for row in rows}) < 5


def test_numbers_out_of_range_are_refused(run, blobs):
    run("train", blobs, "--run", "mine", *CODES_ALONE)
    for number in (0, 1, 1000):
        code, _, err = run("clusters", "mine", "--k", number)
        assert code == 2
        assert "--k must be a whole number within 2 and" in err
