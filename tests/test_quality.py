"""The quality harness: what it writes, what it repeats, and its tables. No score is asserted."""

import json

import numpy as np
import pytest

from dsc_core.analysis import metrics
from dsc_core.config import FURTHER
from dsc_core.data import open_dataset
from dsc_core.method.admission import measure
from tests.benchmarks import methods, quality
from tests.benchmarks.tables import EARLIER, grid, overview_table, scores_table, spread, tables


def result(method="standard", data="usps", seed=0, acc=0.9, **more):
    """A result as the harness writes it."""
    config = methods.config_of(method, 10, seed)
    scores = {"acc": acc, "nmi": acc - 0.1, "ari": acc - 0.2}
    readouts = {
        "latent-k-means": {"acc": 0.5, "nmi": 0.4, "ari": 0.3},
        "stage-1": {**scores, "acc": acc - 0.01},
    }
    return {
        "data": data,
        "method": method,
        "seed": seed,
        "samples": 9298,
        "clusters": 10,
        **scores,
        "readouts": readouts if config else {},
        "seconds": 10.0 + seed,
        "revision": quality.REVISION,
        "config": config.to_dict() if config else {},
        "machine": "Linux x86_64, 2 cores, CPU, 1 thread",
    } | more


def test_every_kept_result_is_complete():
    for path in quality.RESULTS.glob("*/*.json"):
        kept = json.loads(path.read_text())
        assert path == quality.path_of(kept["data"], kept["method"], kept["seed"])
        assert 0 < kept["acc"] <= 1
        assert 0 <= kept["nmi"] <= 1  # 0 where everything ends in one cluster
        assert kept["samples"] >= kept["clusters"] > 1
        assert {"seconds", "versions", "machine", "config", "revision"} <= kept.keys()


def test_times_on_the_cpu_and_on_a_graphics_card_are_kept_apart():
    card = "Linux x86_64, 16 cores, NVIDIA H100 80GB HBM3"
    cpu = [result(seed=0, seconds=30.0), result(seed=1, seconds=10.0)]
    table = scores_table([*cpu, result(seed=2, seconds=3.0, machine=card)])
    assert "| 20 s; 3 s on NVIDIA H100 80GB HBM3 |" in table


def test_processor_seconds_of_one_thread_stand_for_the_time():
    one = {"threads": 1, "processor_seconds": 8.0}
    two = {"threads": 2, "processor_seconds": 9.0}
    assert "| 8 s |" in scores_table([result(seed=0, seconds=30.0, **one)])
    assert "| 30 s |" in scores_table([result(seed=0, seconds=30.0, **two)])


def test_an_interrupted_call_continues_where_it_stopped(tmp_path, monkeypatch, capsys):
    seeds = []

    def measure(data, method, seed, report):
        seeds.append(seed)
        if len(seeds) == 2:
            raise KeyboardInterrupt
        return result(method, data, seed)

    monkeypatch.setattr(quality, "measure", measure)
    monkeypatch.setattr(quality, "path_of", lambda *run: tmp_path / run[0] / f"{run[1]}-{run[2]}.json")
    monkeypatch.setattr(quality, "collected", lambda: [])
    call = ["--data", "usps", "--seeds", "0", "1", "2"]
    with pytest.raises(KeyboardInterrupt):
        quality.main(call)
    quality.main(call)
    assert seeds == [0, 1, 1, 2]
    (tmp_path / "usps" / "standard-0.json").write_text("{ truncated")
    quality.main(call)
    assert seeds == [0, 1, 1, 2, 0]


def test_results_of_before_are_shown_marked_until_there_are_current_ones(tmp_path):
    old = result(seed=0)
    old["config"] = {**old["config"], "balance": 3.0}
    older = result(seed=1, revision=quality.REVISION - 1)
    for kept in (old, older, result(seed=2), result("k-means", seed=3)):
        quality.keep(kept, tmp_path)
    assert [kept["seed"] for kept in quality.collected(tmp_path)] == [3, 2]
    (quality.path_of("usps", "standard", 2, tmp_path)).unlink()
    collected = quality.collected(tmp_path)
    assert {kept["seed"]: kept.get("earlier", False) for kept in collected} == {0: True, 1: True, 3: False}
    shown = scores_table(collected)
    assert "| `standard` † |" in shown
    assert shown.endswith(EARLIER)
    assert "†" not in scores_table([kept for kept in collected if kept["seed"] == 3])


def test_a_revision_of_the_whole_graph_leaves_results_of_graphs_per_batch_current():
    assert quality.is_current(result("paper", revision=7))
    assert not quality.is_current(result("standard", revision=7))
    assert not quality.is_current(result("paper", revision=6))


def test_a_setting_that_was_added_later_counts_as_its_default():
    old = result()
    del old["config"]["encoder"], old["config"]["graph_samples"]
    assert quality.is_current(old)
    assert not quality.is_current(old | {"config": old["config"] | {"graph_samples": 5000}})
    assert quality.is_current(
        old | {"config": old["config"] | {"graph_samples": 100_000}}
    )  # the default of before
    assert not quality.is_current(old | {"config": old["config"] | {"balance": 3.0}})
    assert not quality.is_current(old | {"config": old["config"] | {"removed": 1}})


def test_a_transform_counts_as_what_the_data_make_of_it():
    def current(data, mirror):
        made = result(data=data)
        return quality.is_current(made | {"config": made["config"] | {"mirror": mirror}})

    assert current("usps", "auto")
    assert current("usps", "off")  # as before there were transforms: digits may not be mirrored
    assert not current("usps", "on")
    assert current("fashion-mnist-test", "on")
    assert not current("fashion-mnist-test", "off")
    plain = result("no-copies")
    assert quality.is_current(plain | {"config": plain["config"] | {"mirror": "off"}})


def test_what_the_data_admit_is_as_written():
    digits, config = open_dataset("digits"), methods.config_of("standard", 10, 0)
    names = [name for name in FURTHER if getattr(config, name) == "auto"]
    found = measure(digits.samples, digits.scaling, 0, names)
    assert {each.transform.name for each in found if each.admitted} == set(quality.ADMITTED.get("digits", ()))


def test_the_number_of_processes_does_not_outdate_a_result():
    for processes in (0, 1):
        kept = result()
        kept["config"]["processes"] = processes
        assert quality.is_current(kept)
    assert not quality.is_current(result() | {"config": kept["config"] | {"batch": 8}})


def test_no_kept_result_is_damaged_or_stands_beside_one_that_replaced_it():
    kept = {path: quality.read(path) for path in quality.RESULTS.glob("*/*.json")}
    assert kept
    assert not [path for path, result in kept.items() if result is None]
    current = {(r["data"], r["method"]) for r in kept.values() if quality.is_current(r)}
    replaced = [
        path for path, r in kept.items() if not quality.is_current(r) and (r["data"], r["method"]) in current
    ]
    assert not replaced


def test_baselines_and_trained_methods_give_one_cluster_per_sample(monkeypatch):
    dataset = open_dataset("digits")
    outcome = methods.run("k-means", dataset, 10, 0, print)
    assert outcome.clusters[""].shape == (1797,)
    assert metrics.accuracy(dataset.labels, outcome.clusters[""]) > 0.7
    small = methods.config_of("standard", 10, 0).replace(epochs=1, joint_epochs=1, batches=2, least_steps=0)
    monkeypatch.setattr(methods, "config_of", lambda *run: small)
    outcome = methods.run("standard", dataset, 10, 0, lambda sentence: None)
    assert set(outcome.clusters) == {"", "latent-k-means", "stage-1"}
    assert all(clusters.shape == (1797,) for clusters in outcome.clusters.values())
    assert outcome.config == small.to_dict()


def test_tables_show_mean_and_spread_and_the_gain_of_stage_2():
    text = tables([result(seed=0, acc=0.9), result(seed=1, acc=0.94), result("k-means", acc=0.6)])
    assert "| usps | `standard` | 0, 1 | .920 ± .028 |" in text
    assert "| usps | k-means on the pixels | 0 | .600 |" in text
    assert "| usps | `standard` | 0, 1 | .910 ± .028 |" in text
    assert "+0.010" in text
    assert tables([]) == "No results yet."


def test_other_numbers_of_clusters_and_the_ablation_have_their_own_tables():
    other = result("standard-k+2", acc=0.8, clusters=12, smallest=31)
    text = tables(
        [result(), other, result("ablation-ae"), result("ablation-joint", acc=0.91), result("no-copies")]
    )
    assert "| usps | `standard`, two clusters too many | 12 | 0 | .800 | .700 | .600 | 31 |" in text
    assert text.count("two clusters too many") == 1
    steps = ("k-means on the code", "spectral network", "joint training", "the same, with random copies")
    assert all(text.count(f"| {step} |") == 1 for step in steps)


def test_the_grid_has_one_row_per_noise_level_and_one_column_per_weight():
    some = [result("grid-s0.25-mi1.6", acc=0.9), result("grid-s0.25-mi1.6", acc=0.8, seed=1), result()]
    values = grid(some, "usps")
    assert values.shape == (len(methods.GRID_NOISE), len(methods.GRID_MI))
    assert values[1, 2] == pytest.approx(0.85)
    assert np.isnan(values).sum() == values.size - 1
    text = tables(some)
    assert "| usps | 0.25 | – | – | .850 / .750 | – |" in text
    assert methods.config_of("grid-s0.25-mi1.6", 10, 0).noise_level == 0.25


def test_the_name_of_a_group_runs_all_its_methods(monkeypatch, tmp_path):
    ran = []
    monkeypatch.setattr(quality, "measure", lambda *run: ran.append(run[1]) or result(run[1], run[0]))
    monkeypatch.setattr(quality, "path_of", lambda *run: tmp_path / f"{run[1]}-{run[2]}.json")
    monkeypatch.setattr(quality, "collected", lambda: [])
    quality.main(["--data", "usps", "--methods", "ablation", "standard"])
    assert ran == [*methods.ABLATION, "standard"]


def test_the_unbalanced_subset_keeps_classes_in_even_steps_and_is_reproducible():
    labels = np.repeat(np.arange(10), 100)
    rows = methods.unbalanced(labels)
    assert np.array_equal(np.bincount(labels[rows]), np.arange(10, 101, 10))
    assert np.array_equal(rows, methods.unbalanced(labels))
    assert len(np.unique(rows)) == len(rows)


def test_methods_with_another_number_of_clusters_are_configured_with_it():
    numbers = {name: methods.clusters_of(name, 10) for name in methods.OTHER_K}
    assert numbers == {"standard-k-2": 8, "standard-k+2": 12, "standard-k20": 20, "standard-k40": 40}
    assert methods.config_of("standard-k-2", 8, 0).clusters == 8
    assert methods.clusters_of("standard", 10) == 10


def test_spread_needs_two_values():
    assert spread([0.5]) == ".500"
    assert spread([0.5, 0.7]) == f".600 ± {np.std([0.5, 0.7], ddof=1):.3f}".replace("± 0", "± ")


def test_the_overview_has_one_row_per_data_set_and_a_dash_where_nothing_was_measured():
    lines = overview_table(
        [result(seed=0, acc=0.9), result(seed=1, acc=0.94), result("k-means", acc=0.6)]
    ).splitlines()
    assert len(lines) == 3
    assert lines[2] == "| usps | .600 | – | – | .920 ± .028 | – | – |"
