"""The benchmark of speed: what it counts, keeps, repeats and compares. No time is asserted."""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.benchmarks.speed import __main__ as command
from tests.benchmarks.speed import (
    beside,
    compare,
    growth,
    jobs,
    kept,
    layout,
    parts,
    start,
    step,
    trees,
    whole,
)
from tests.benchmarks.speed.kept import Task
from tests.benchmarks.speed.limit import Recorder


def namespace(module, *arguments):
    """The options of a part for these arguments."""
    parser = argparse.ArgumentParser()
    module.options(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def committed(monkeypatch):
    """As if the code were committed, whose results may be taken again."""
    monkeypatch.setattr(kept, "commit_of", lambda: "abc1234")


# Operations and the limit ------------------------------------------------------------------------------------------


def test_the_operations_of_a_known_layer_are_counted_forward_and_backward():
    layer, images = nn.Conv2d(3, 8, 3, padding=1), torch.randn(4, 3, 10, 10, requires_grad=True)
    with Recorder() as recorder:
        layer(images).sum().backward()
    forward = 2 * 4 * 8 * 3 * 3 * 3 * 10 * 10
    assert (
        recorder.flops == 3 * forward
    )  # once more for the gradient of the images, and once for that of the weights
    assert len(recorder.operations) == 2


def test_flops_are_those_of_the_flop_counter_of_pytorch():
    net = nn.Sequential(nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5))
    with FlopCounterMode(display=False) as counter, Recorder() as recorder:
        net(torch.randn(6, 1, 8, 8)).square().sum().backward()
    assert recorder.flops == counter.get_total_flops() > 0


def test_products_of_onednn_count_as_those_of_pytorch():
    rows, weight = torch.randn(8, 16), torch.randn(4, 16)
    with Recorder() as recorder:
        torch.ops.mkldnn._linear_pointwise(rows, weight, None, "none", [], "")
    assert recorder.flops == 2 * 8 * 16 * 4


def test_the_recorded_operations_run_alone_with_the_same_layouts():
    layer = nn.Conv2d(2, 4, 3).to(memory_format=torch.channels_last)
    images = torch.randn(5, 2, 7, 7).contiguous(memory_format=torch.channels_last)
    with Recorder() as recorder:
        layer(images).sum().backward()
    with Recorder() as again:
        recorder.alone(torch.device("cpu"))()
    assert again.flops == recorder.flops
    assert again.operations == recorder.operations
    assert again.operations[0][1][0].stride == images.stride()


@pytest.mark.parametrize("stage", ["1", "2"])
def test_a_step_of_training_is_measured_beside_its_operations(stage):
    measured = step.measure("digits", stage, batch=32, rounds=2, device="cpu")
    assert all(len(measured[who][clock]) == 2 for who in ("step", "alone") for clock in ("wall", "processor"))
    assert measured["flops"] > 1e6 * measured["images"]  # a network of some size ran, forward and backward
    result = {"settings": {"data": "digits", "stage": stage, "batch": 32}} | measured
    assert step.row(result)[:3] == ["digits", stage, "32"]


# What is kept ------------------------------------------------------------------------------------------------------


def test_a_kept_result_round_trips_and_is_not_measured_again(tmp_path, committed):
    calls = []
    task = Task("part", "name", {"rounds": 2}, lambda: calls.append(1) or {"figure": [1.5, 2.5]})
    first = kept.carry_out([task], folder=tmp_path)
    assert kept.carry_out([task], folder=tmp_path) == first == kept.collected("part", tmp_path)
    assert first[0]["figure"] == [1.5, 2.5]
    assert {"commit", "machine", "versions", "threads", "load", "made"} <= first[0]["stamp"].keys()
    assert calls == [1]


def test_other_settings_other_code_and_a_request_measure_again(tmp_path, committed, monkeypatch):
    calls = []

    def task(rounds):
        return Task("part", "name", {"rounds": rounds}, lambda: calls.append(rounds) or {})

    kept.carry_out([task(1)], folder=tmp_path)
    kept.carry_out([task(2)], folder=tmp_path)
    kept.carry_out([task(2)], again=True, folder=tmp_path)
    monkeypatch.setattr(kept, "commit_of", lambda: "def5678")
    kept.carry_out([task(2)], folder=tmp_path)
    monkeypatch.setattr(kept, "commit_of", lambda: "def5678+")  # files have changed since
    kept.carry_out([task(2)], folder=tmp_path)
    kept.carry_out([task(2)], folder=tmp_path)
    assert calls == [1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("damage", ["{ truncated", "[]", "{}", ""])
def test_a_damaged_result_is_made_anew(tmp_path, committed, damage):
    task = Task("part", "name", {}, lambda: {"figure": 1})
    path = task.path(tmp_path)
    path.parent.mkdir()
    path.write_text(damage)
    assert kept.collected("part", tmp_path) == []
    kept.carry_out([task], folder=tmp_path)
    assert json.loads(path.read_text())["figure"] == 1


def test_a_failure_is_kept_as_a_sentence_and_tried_anew(tmp_path, committed):
    outcomes = [trees.Failed("stopped after its limit of 5 s"), {"figure": 1}]

    def measure():
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    task = Task("part", "name", {}, measure)
    assert kept.carry_out([task], folder=tmp_path)[0]["failed"] == "stopped after its limit of 5 s"
    assert kept.carry_out([task], folder=tmp_path)[0]["figure"] == 1


def test_kept_results_lie_where_those_of_the_quality_harness_are_not_looked_for():
    from tests.benchmarks.quality import RESULTS

    path = Task("part", "name", {}, dict).path(kept.RESULTS)
    assert path.is_relative_to(RESULTS)
    assert not path.match(str(RESULTS / "*" / "*.json"))


# Commands and trees ------------------------------------------------------------------------------------------------


def test_a_command_that_takes_too_long_or_fails_says_so():
    with pytest.raises(trees.Failed, match=r"limit of 1 s"):
        trees.run([sys.executable, "-c", "import time; time.sleep(60)"], 1)
    with pytest.raises(trees.Failed, match=r"code 1: ValueError: what it was"):
        trees.run([sys.executable, "-c", "raise ValueError('what it was')"], 60)


def test_what_a_command_leaves_running_is_ended():
    left = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {!r}], start_new_session=True).pid)"
    job = trees.run([sys.executable, "-c", left.format("import time; time.sleep(600)")], 60)
    for _ in range(100):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", job.output.strip()], capture_output=True, text=True
        )
        if not state.stdout.strip() or state.stdout.startswith("Z"):
            return
        time.sleep(0.1)
    pytest.fail("it still runs")


def test_a_call_that_is_ended_ends_what_it_measures(tmp_path):
    call = [sys.executable, "-m", "tests.benchmarks.speed", "start", "--what", "imports", "--rounds", "50"]
    mine = {"XDG_CACHE_HOME": str(tmp_path), "ITS_NAME": tmp_path.name}
    process = subprocess.Popen(
        call, cwd=trees.ROOT, env={**os.environ, **mine}, stderr=subprocess.PIPE, text=True
    )
    assert "begins" in process.stderr.readline()
    process.terminate()
    assert process.wait(60) == 143
    process.stderr.close()
    assert trees.end_marked(f"ITS_NAME={tmp_path.name}") == 0  # nothing is left


def test_a_command_runs_beside_a_block_and_ends_with_it(tmp_path):
    line = f"import time; open({str(tmp_path / 'began')!r}, 'w'); time.sleep(600)"
    with trees.beside([sys.executable, "-c", line], tmp_path, {"ITS_NAME": tmp_path.name}):
        start.wait_for((tmp_path / "began").exists, "it did not begin")
    assert trees.end_marked(f"ITS_NAME={tmp_path.name}") == 0  # nothing is left


def test_the_core_of_the_asked_tree_is_measured(tmp_path):
    core = tmp_path / "dsc_core"
    core.mkdir()
    (core / "__init__.py").write_text("")
    (core / "data.py").write_text("raise SystemError('the core of this tree')")
    with pytest.raises(trees.Failed, match="the core of this tree"):
        trees.ask(tmp_path, "reading:make_codes", {"data": "digits", "seed": 0, "path": "x"}, 60)


def test_an_unknown_commit_is_refused():
    if not trees.git("rev-parse", "HEAD"):
        pytest.skip("not in a repository")
    with pytest.raises(trees.Failed, match="no-such-commit"), trees.checked_out("no-such-commit"):
        pass


def repository(folder):
    """A repository with two commits, of which only the first changes what is measured."""

    def git(*arguments):
        subprocess.run(
            ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e", *arguments], check=True
        )

    git("init", "-q")
    for path, text in (("dsc_core/__init__.py", ""), ("README.md", "Hello")):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
        git("add", path)
        git("commit", "-q", "-m", path)


def test_the_commit_of_a_tree_is_that_of_its_code(tmp_path):
    repository(tmp_path)
    first = trees.git("rev-parse", "--short", "HEAD~1", tree=tmp_path)
    assert trees.commit_of(tmp_path) == first
    (tmp_path / "README.md").write_text("More")
    assert trees.commit_of(tmp_path) == first
    (tmp_path / "dsc_core" / "__init__.py").write_text("changed = True")
    assert trees.commit_of(tmp_path) == first + "+"


# Parts of a run ----------------------------------------------------------------------------------------------------


def test_every_moment_belongs_to_one_part(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(layout.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(layout.time, "process_time", lambda: now[0] / 2)
    ledger = layout.Ledger()

    def spend(seconds):
        now[0] += seconds

    spend(1)
    ledger.enter("stage 1")
    spend(2)
    with ledger.inside("labels"):
        spend(3)
        with ledger.inside("cut"):
            spend(4)
        spend(5)
    spend(6)
    ledger.book()
    wall = {part: seconds["wall"] for part, seconds in ledger.seconds.items()}
    assert wall == {layout.START: 1, "stage 1": 8, "labels": 8, "cut": 4}
    assert ledger.seconds["cut"]["processor"] == 2
    assert ledger.times == {"labels": 1, "cut": 1}


def test_this_commit_has_every_part_and_the_run_goes_through_them(tmp_path):
    """In a process of its own, since the functions of the core are wrapped there."""
    settings = ("epochs=1", "joint_epochs=1", "batches=2", "least_steps=0", "map_every=0")
    more = [argument for setting in settings for argument in ("--set", setting)]
    request = {"arguments": ["train", "digits", *more], "began": time.time()}
    measured = trees.ask(trees.ROOT, "parts:measure", request, 300, 1, {"DSC_HOME": str(tmp_path)})
    assert set(measured["found"]) == set(layout.PARTS)
    ran = measured["parts"].keys() - {parts.FILM}
    assert ran >= {
        layout.START,
        "stage 1",
        "stage 2",
        "neighbours",
        "diffusion map",
        "cut",
        "teaching",
        "maps",
    }
    assert ran <= set(layout.ORDER)


def parts_result(data="digits", number=0, **seconds):
    """A result of (c)."""
    taken = {
        name.replace("_", " "): {"wall": value, "processor": value / 2} for name, value in seconds.items()
    }
    settings = {"data": data, "preset": "quick", "round": number, "device": "cpu"}
    return {"part": "parts", "name": data, "settings": settings, "parts": taken, "device": "CPU"}


def test_the_table_and_the_picture_of_the_parts_show_medians(tmp_path):
    results = [parts_result(number=n, start=1.0 + n, stage_1=10.0, cut=5.0) for n in range(3)]
    results.append(parts_result("usps", start=1.0, stage_1=40.0) | {"failed": "stopped"})
    head, rows = parts.table(results)
    assert head == ["part", "digits, quick, CPU"]
    assert rows[:3] == [["start", "2.0 (1.0)"], ["stage 1", "10.0 (5.0)"], ["cut", "5.0 (2.5)"]]
    assert rows[3] == ["**all**", "17.0 (8.5)"]
    assert rows[-1][0] == "usps: stopped"
    (tmp_path / "parts").mkdir()
    svg, png = parts.write_picture(results, tmp_path)
    assert "17 s" in svg.read_text()
    assert png.read_bytes().startswith(b"\x89PNG")
    assert len(parts.SHADES) == len(set(parts.SHADES)) == len(layout.ORDER)


# Growth ------------------------------------------------------------------------------------------------------------


def test_samples_beyond_the_originals_are_seeded_copies(tmp_path, monkeypatch):
    from dsc_core import data

    originals = np.random.default_rng(0).integers(0, 255, (30, 1, 28, 28), dtype=np.uint8)
    monkeypatch.setattr(data, "open_dataset", lambda name: argparse.Namespace(samples=originals))
    monkeypatch.setattr(growth, "MNIST", 30)
    monkeypatch.setattr(growth, "BLOCK", 20)
    written = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        growth.write(75, str(tmp_path / name))
        written.append(np.load(tmp_path / name / "images.npy"))
    assert np.array_equal(*written)
    assert np.array_equal(written[0][:30], originals[:, 0])
    copies = written[0][30:60]
    assert not (copies == originals[:, 0]).all((1, 2)).any()
    assert not np.array_equal(copies[:15], written[0][60:75])  # the same originals, moved otherwise


def test_growth_scales_a_stage_to_a_whole_epoch_and_leaves_the_rest():
    seconds = {name: {"wall": 6.0, "processor": 3.0} for name in ("stage 1", "cut")}
    settings = {"samples": 2000, "set": [], "device": "cpu"}
    result = {"settings": settings, "seconds": seconds, "trained": {"stage 1": 0.1}, "peaks": {"cut": 5e6}}
    result |= {"device": "CPU", "on graph": 2000, "name": "2000"}
    _, rows = growth.table([result])
    assert ["stage 1", "30 (15)", "0"] in rows
    assert ["cut", "3 (1.5)", "5"] in rows
    assert growth.trained(2000, 100, 2) == 0.1


# Others, and two commits -------------------------------------------------------------------------------------------


def test_a_peer_that_cannot_be_installed_is_said(tmp_path, monkeypatch):
    def refuse(command, *rest, **more):
        if "pip" in command:
            raise trees.Failed("ended with code 1: no matching distribution")

    monkeypatch.setattr(beside, "run", refuse)
    monkeypatch.setattr(beside, "cache", lambda: tmp_path)
    with pytest.raises(
        trees.Failed, match=r"spectralnet could not be installed: .* no matching distribution"
    ):
        beside.measure("digits", "spectralnet", 0, 60)
    failed = {"settings": {"data": "digits", "method": "spectralnet"}, "failed": "it could not be installed"}
    assert beside.table([failed])[1][0][2] == "it could not be installed"


def test_a_peer_of_this_environment_clusters_the_same_array():
    measured = beside.measure("digits", "spectral-clustering", 0, 300)
    assert measured["samples"] == 1797
    assert 0.5 < measured["acc"] <= 1
    assert measured["package"].startswith("scikit-learn ")


def test_the_made_faces_are_the_same_each_time(tmp_path):
    first, second = (np.load(jobs.write_faces(tmp_path / name)) for name in ("a.npz", "b.npz"))
    assert np.array_equal(first["images"], second["images"])
    assert first["images"].shape == (400, 32, 32)
    assert np.array_equal(np.bincount(first["labels"]), [10] * 40)


def test_a_preset_is_asked_for_by_the_name_that_a_commit_knows(tmp_path):
    (tmp_path / "dsc_core").mkdir()
    presets = tmp_path / "dsc_core" / "presets.py"
    presets.write_text('Preset("standard", "…", {})')
    assert layout.preset_in(tmp_path, "no-copies") == "standard"
    assert layout.preset_in(tmp_path, "quick") == "quick"
    presets.write_text('Preset("no-copies", "…", {})')
    assert layout.preset_in(tmp_path, "no-copies") == "no-copies"
    assert layout.preset_in(trees.ROOT, "no-copies") == "no-copies"


def test_two_commits_are_measured_in_turns(monkeypatch):
    asked = []

    def train(tree, data, preset, seed, limit):
        asked.append((str(tree), data, seed))
        return {"wall": 2.0 if tree == trees.ROOT else 8.0, "processor": 1.0, "acc": 0.9, "nmi": 0.8}

    monkeypatch.setattr(compare.jobs, "train", train)
    given = namespace(compare, "old", "new", "--what", "jobs", "--only", "jobs-digits-quick", "--rounds", "2")
    monkeypatch.setattr(compare, "checked_out", lambda commit: trees.suppress())
    with ExitStack() as stack:
        stack.enter_context = lambda manager: trees.ROOT
        tasks = list(compare.tasks(given, stack))
    sides = {"old": trees.ROOT / "older", "new": trees.ROOT}
    measured = [compare.both("jobs-digits-quick", sides, {}, given, number) for number in range(2)]
    assert [place.endswith("older") for place, _, _ in asked] == [True, False, False, True]
    assert [seed for _, _, seed in asked] == [0, 0, 1, 1]
    results = [{"settings": task.settings} | each for task, each in zip(tasks, measured, strict=True)]
    _, rows = compare.table(results)
    assert rows[0][1:] == ["jobs-digits-quick", "wall", "2", "8", "2", "0.250"]


def test_the_figures_of_each_case_are_compared():
    commits = {"old": "abc1234", "new": "def5678"}
    took = {"wall": 2.0, "processor": 1.0}
    read = {"neighbours": took, "cut": took, "cost": 0.5, "acc": 0.9, "nmi": 0.8}
    stepped = {"step": {"wall": [2.0], "processor": [1.0]}, "alone": {"wall": [1.0], "processor": [0.5]}}
    stepped |= {"flops": 3e6, "images": 3}
    pairs = {
        "parts-digits-quick": ({"parts": {"cut": took}}, {"parts": {"cut": took, "maps": took}}),
        "reading-digits": (read, read),
        "steps-digits-stage-1-batch-128": (stepped, stepped),
        "start": ({"dsc_core / torch": 0.5}, {"dsc_core / torch": 0.25}),
    }
    results = [
        {"settings": {"case": case, "round": 0, "commits": commits}, "old": old, "new": new}
        for case, (old, new) in pairs.items()
    ]
    rows = {(row[1], row[2]): row[4:] for row in compare.table(results)[1]}
    assert rows["parts-digits-quick", "maps, wall"] == ["0", "2", "–"]
    assert rows["reading-digits", "both, processor"] == ["2", "2", "1.000"]
    assert rows["steps-digits-stage-1-batch-128", "share of the limit"] == ["0.5", "0.5", "1.000"]
    assert rows["steps-digits-stage-1-batch-128", "MFLOP an image"] == ["1", "1", "1.000"]
    assert rows["start", "dsc_core / torch"] == ["0.5", "0.25", "0.500"]


@pytest.mark.slow
def test_a_commit_beside_itself_gives_results_for_both(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if not trees.git("rev-parse", "HEAD"):
        pytest.skip("not in a repository")
    given = namespace(
        compare, "HEAD", "HEAD", "--what", "reading", "--only", "reading-digits", "--rounds", "1"
    )
    with ExitStack() as stack:
        (result,) = kept.carry_out(list(compare.tasks(given, stack)), folder=tmp_path)
    assert "failed" not in result
    assert result["old"]["cost"] == result["new"]["cost"]
    assert result["old"]["acc"] == result["new"]["acc"] > 0.5
    names = [row[2] for row in compare.table([result])[1]]
    assert {"neighbours, processor", "cut, processor", "cost", "acc", "nmi"} <= set(names)


def test_every_part_has_options_tasks_and_a_table_of_failures():
    for name, module in command.PARTS.items():
        given = command.parser().parse_args([name, *(["."] if name == "compare" else [])])
        with ExitStack() as stack:
            tasks = list(module.tasks(given, stack))
        assert len({(task.part, task.name) for task in tasks}) == len(tasks) > 0
        failed = [
            {"part": task.part, "name": task.name, "settings": task.settings, "failed": "no luck"}
            for task in tasks
        ]
        head, rows = module.table(failed)
        assert any("no luck" in cell for row in rows for cell in row)
        assert all(len(row) == len(head) for row in rows)
    assert whole.options  # with a graphics card


def test_the_tables_say_what_they_were_made_of_and_with():
    stamps = [
        {
            "commit": c,
            "machine": "Linux",
            "versions": {"torch": "2.13.0"},
            "threads": "1",
            "load": 0.1,
            "made": m,
        }
        for c, m in (("abc1234", "2026-01-02 10:00 UTC"), ("def5678", "2026-01-03 10:00 UTC"))
    ]
    results = [{"settings": {"rounds": 5}, "stamp": stamp} for stamp in stamps]
    assert kept.provenance(results) == (
        "Linux; threads: 1; torch 2.13.0; commits abc1234, def5678; 2026-01-02 to 2026-01-03; load before each "
        "measurement at most 0.1."
    )
    assert command.document("step", []) == "No results yet."


def test_all_parts_in_one_call_use_the_given_rounds():
    given = command.parser().parse_args(["all", "--rounds", "2", "--again"])
    chosen = dict(command.chosen(given))
    assert list(chosen) == list(command.EVERY)
    assert all(each.again and each.rounds == 2 for each in chosen.values())


def test_results_of_code_that_is_not_committed_stay_out_of_the_project(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(kept, "commit_of", lambda: "abc1234+")
    kept.carry_out([Task("part", "name", {}, dict)])
    assert [path.name for path in tmp_path.rglob("*.json")] == ["name.json"]
    monkeypatch.setattr(kept, "commit_of", lambda: "abc1234")
    assert kept.folder_now() == kept.RESULTS
