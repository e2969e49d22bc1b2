"""list, show, rename, delete, restore and trash."""

import json
import os
import shutil

from dsc_core.runs import Store
from dsc_core.runs.artifacts.labels import labels_csv


def test_list_show_and_export_describe_the_run(run, blobs, tmp_path):
    assert run("list")[1].startswith("There are no runs yet")
    result = json.loads(run("train", blobs, "--run", "mine", "--json")[1])
    assert result["run"] in run("list")[1]
    assert json.loads(run("list", "--json")[1])["runs"][0]["run"] == result["run"]
    shown = json.loads(run("show", "min", "--json")[1])
    assert (shown["status"], shown["pid"], shown["settings"]["clusters"]) == ("done", os.getpid(), 3)
    assert shown["last_event"]["kind"] == "done"
    assert shown["summary"]["acc"] == result["acc"]
    assert "ACC" in run("show", "mine")[1]
    assert run("export", "mine", "--out", tmp_path / "labels.csv")[0] == 0
    written = (tmp_path / "labels.csv").read_bytes()
    assert written == labels_csv(Store().find("mine"))
    assert run("export", "mine", "--out", "-")[1].encode() == written
    assert len(written.splitlines()) == 61


def test_a_damaged_summary_is_one_line(run, blobs):
    run("train", blobs, "--run", "mine")
    (Store().find("mine").folder / "summary.json").write_text('{"acc": ')
    code, _, err = run("show", "mine")
    assert (code, err.count("\n")) == (1, 1)
    assert "summary.json" in err


def test_nothing_is_made_up_about_a_damaged_run(run, blobs):
    run("train", blobs, "--run", "mine")
    folder = Store().find("mine").folder
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    (copy / "config.json").write_text("{")
    lines = {line.split()[0]: line.split() for line in run("list")[1].splitlines()}
    assert lines["copy"][1:4] == ["damaged", "–", "–"]
    assert lines[folder.name][1:4] == ["done", "60", "3"]
    listed = {one["run"]: one for one in json.loads(run("list", "--json")[1])["runs"]}
    assert (listed["copy"]["samples"], listed["copy"]["clusters"]) == (None, None)
    shown = run("show", "copy")[1]
    assert "damaged" in shown
    assert not {"samples", "clusters", "settings"} & set(shown.split())


def test_a_run_is_renamed_deleted_and_restored(run, blobs):
    result = json.loads(run("train", blobs, "--json")[1])["run"]
    assert run("rename", result, "Mine")[0] == 0
    Store().star(result)
    assert run("list")[1].startswith("★ ")
    assert json.loads(run("list", "--json")[1])["runs"][0]["starred"] is True
    assert run("delete", "Mine")[0] == 2, "without a terminal to ask, it must be said with --yes"
    assert Store().get(result).status == "done"
    assert run("delete", "Mine", "--yes")[0] == 0
    assert run("show", result)[0] == 2
    assert [one["name"] for one in json.loads(run("trash", "--json")[1])["trash"]] == ["Mine"]
    assert run("restore", "Mine")[0] == 0
    assert json.loads(run("show", "Mine", "--json")[1])["summary"]["run"] == result
    assert run("export", "Mine", "--out", "-")[0] == 0


def test_the_trash_is_emptied_only_when_confirmed(run, blobs):
    result = json.loads(run("train", blobs, "--json")[1])["run"]
    run("delete", result, "--yes")
    assert run("trash", "--empty")[0] == 2
    assert result in run("trash")[1]
    assert run("trash", "--empty", "--yes")[0] == 0
    assert run("trash")[1] == "The trash is empty.\n"
    assert run("restore", result)[0] == 2
