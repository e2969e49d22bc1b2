"""teach: answers from a file, and the clusters that follow from them."""

import csv
import json

from tests.cli.test_clusters import CODES_ALONE


def _file(tmp_path, text):
    path = tmp_path / "answers.csv"
    path.write_text(text)
    return path


def test_answers_are_kept_and_their_clusters_written(run, blobs, tmp_path):
    run("train", blobs, "--run", "mine", *CODES_ALONE)
    answers = _file(tmp_path, "id,name\n0,dark\n1,dark\n25,grey\n45,light\n")
    code, out, err = run("teach", "mine", answers, "--out", tmp_path / "taught.csv", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["added"] == found["taught"] == 4
    assert found["contradictions"] == []
    rows = list(csv.DictReader((tmp_path / "taught.csv").open()))
    assert len(rows) == 60
    names = [rows[place]["taught_cluster"] for place in (0, 1, 25, 45)]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert json.loads(run("teach", "mine", answers, "--json")[1])["taught"] == 8, "answers add up"


def test_contradictions_are_printed_with_what_they_contradict(run, blobs, tmp_path):
    run("train", blobs, "--run", "mine", *CODES_ALONE)
    code, out, err = run("teach", "mine", _file(tmp_path, "a,b,same\n0,1,1\n1,2,1\n0,2,0\n"))
    assert code == 0, err
    assert "taught: 3 answers" in out
    assert "Not used, 0 and 2 different: it contradicts 0 and 1 same; 1 and 2 same" in out


def test_a_wrong_file_changes_nothing(run, blobs, tmp_path):
    run("train", blobs, "--run", "mine", *CODES_ALONE)
    code, _, err = run("teach", "mine", _file(tmp_path, "a,b,same\n0,1,1\n0,999,1\n"))
    assert code == 2
    assert "Line 3: the run has no sample with the id '999'" in err
    code, _, err = run("teach", "mine", tmp_path / "missing.csv")
    assert code == 2
    assert "cannot be read" in err
