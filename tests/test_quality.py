"""The quality harness: what it writes, what it makes again, and the tables made of it. No score is asserted."""

import json

import numpy as np
import pytest

from dsc_core.analysis import metrics
from tests.benchmarks import methods, quality
from tests.benchmarks.tables import grid, scores_table, spread, tables


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


def test_every_kept_result_is_whole():
    for path in quality.RESULTS.glob("*/*.json"):
        kept = json.loads(path.read_text())
        assert path == quality.path_of(kept["data"], kept["method"], kept["seed"])
        assert 0 < kept["acc"] <= 1
        assert 0 <= kept["nmi"] <= 1  # 0 where everything ends in one cluster
        assert kept["samples"] >= kept["clusters"] > 1
        assert {"seconds", "versions", "machine", "config", "revision"} <= kept.keys()


def test_times_on_a_graphics_card_stand_beside_those_of_the_cpu():
    card = "Linux x86_64, 16 cores, NVIDIA H100 80GB HBM3"
    made = [
        result(seed=0, seconds=30.0),
        result(seed=1, seconds=10.0),
        result(seed=2, seconds=3.0, machine=card),
    ]
    table = scores_table(made)
    assert "| 20 s; 3 s on NVIDIA H100 80GB HBM3 |" in table


def test_an_interrupted_call_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    made = []

    def measure(data, method, seed, tell):
        made.append(seed)
        if len(made) == 2:
            raise KeyboardInterrupt
        return result(method, data, seed)

    monkeypatch.setattr(quality, "measure", measure)
    monkeypatch.setattr(quality, "path_of", lambda *run: tmp_path / run[0] / f"{run[1]}-{run[2]}.json")
    monkeypatch.setattr(quality, "collected", lambda: [])
    call = ["--data", "usps", "--seeds", "0", "1", "2"]
    with pytest.raises(KeyboardInterrupt):
        quality.main(call)
    quality.main(call)
    assert made == [0, 1, 1, 2]
    (tmp_path / "usps" / "standard-0.json").write_text("{ cut off")
    quality.main(call)
    assert made == [0, 1, 1, 2, 0]


def test_a_result_of_other_settings_or_of_an_older_algorithm_is_not_shown(tmp_path):
    old = result(seed=0)
    old["config"] = {**old["config"], "balance": 3.0}
    for kept in (
        old,
        result(seed=1, revision=quality.REVISION - 1),
        result(seed=2),
        result("k-means", seed=3),
    ):
        quality.keep(kept, tmp_path)
    assert [kept["seed"] for kept in quality.collected(tmp_path)] == [3, 2]


def test_a_setting_that_came_later_is_read_as_its_default():
    old = result()
    del old["config"]["encoder"], old["config"]["graph_samples"]
    assert quality.is_current(old)
    assert not quality.is_current(old | {"config": old["config"] | {"graph_samples": 5000}})
    assert not quality.is_current(old | {"config": old["config"] | {"balance": 3.0}})
    assert not quality.is_current(old | {"config": old["config"] | {"gone": 1}})


def test_how_many_processes_the_app_would_start_makes_no_result_stale():
    for processes in (0, 1):
        made = result(revision=quality.REVISION)
        made["config"]["processes"] = processes
        assert quality.is_current(made)
    assert not quality.is_current(
        result(revision=quality.REVISION) | {"config": made["config"] | {"batch": 8}}
    )


def test_the_results_that_were_kept_are_of_the_present_settings():
    kept = [quality.read(path) for path in quality.RESULTS.glob("*/*.json")]
    assert all(quality.is_current(one) for one in kept)


def test_a_method_that_reads_values_and_one_that_trains_give_one_cluster_a_sample(monkeypatch):
    from dsc_core.data import open_dataset

    dataset = open_dataset("digits")
    found = methods.run("k-means", dataset, 10, 0, print)
    assert found.clusters[""].shape == (1797,)
    assert metrics.accuracy(dataset.labels, found.clusters[""]) > 0.7
    small = methods.config_of("standard", 10, 0).replace(epochs=1, joint_epochs=1, batches=2, least_steps=0)
    monkeypatch.setattr(methods, "config_of", lambda *run: small)
    found = methods.run("standard", dataset, 10, 0, lambda said: None)
    assert set(found.clusters) == {"", "latent-k-means", "stage-1"}
    assert all(clusters.shape == (1797,) for clusters in found.clusters.values())
    assert found.config == small.to_dict()


def test_the_tables_tell_mean_and_spread_and_the_step_from_stage_1():
    text = tables([result(seed=0, acc=0.9), result(seed=1, acc=0.94), result("k-means", acc=0.6)])
    assert "| usps | `standard` | 0, 1 | .920 ± .028 |" in text
    assert "| usps | k-means on the pixels | 0 | .600 |" in text
    assert "| usps | `standard` | 0, 1 | .910 ± .028 |" in text
    assert "+0.010" in text
    assert tables([]) == "No results yet."


def test_other_numbers_of_clusters_and_the_ablation_have_tables_of_their_own():
    other = result("standard-k+2", acc=0.8, clusters=12, smallest=31)
    text = tables([result(), other, result("ablation-ae"), result("ablation-joint", acc=0.91)])
    assert "| usps | `standard`, two clusters too many | 12 | 0 | .800 | .700 | .600 | 31 |" in text
    assert text.count("two clusters too many") == 1
    for step in (
        "k-means on the code",
        "spectral network",
        "joint training",
        "joint training and self-training",
    ):
        assert text.count(f"| {step} |") == 1


def test_the_grid_has_a_row_a_noise_level_and_a_column_a_weight():
    some = [result("grid-s0.25-mi1.6", acc=0.9), result("grid-s0.25-mi1.6", acc=0.8, seed=1), result()]
    values = grid(some, "usps")
    assert values.shape == (len(methods.GRID_NOISE), len(methods.GRID_MI))
    assert values[1, 2] == pytest.approx(0.85)
    assert np.isnan(values).sum() == values.size - 1
    text = tables(some)
    assert "| usps | 0.25 | – | – | .850 / .750 | – |" in text
    assert methods.config_of("grid-s0.25-mi1.6", 10, 0).noise_level == 0.25


def test_a_name_for_many_methods_runs_them_all(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(quality, "measure", lambda *run: made.append(run[1]) or result(*run[1:2], *run[:1]))
    monkeypatch.setattr(quality, "path_of", lambda *run: tmp_path / f"{run[1]}-{run[2]}.json")
    monkeypatch.setattr(quality, "collected", lambda: [])
    quality.main(["--data", "usps", "--methods", "ablation", "standard"])
    assert made == [*methods.ABLATION, "standard"]


def test_an_unbalanced_subset_keeps_whole_classes_in_even_steps_and_repeats():
    labels = np.repeat(np.arange(10), 100)
    rows = methods.unbalanced(labels)
    assert np.array_equal(np.bincount(labels[rows]), np.arange(10, 101, 10))
    assert np.array_equal(rows, methods.unbalanced(labels))
    assert len(np.unique(rows)) == len(rows)


def test_a_method_with_another_number_of_clusters_is_configured_so():
    asked = {name: methods.clusters_of(name, 10) for name in methods.OTHER_K}
    assert asked == {"standard-k-2": 8, "standard-k+2": 12, "standard-k20": 20, "standard-k40": 40}
    assert methods.config_of("standard-k-2", 8, 0).clusters == 8
    assert methods.clusters_of("standard", 10) == 10


def test_spread_needs_two():
    assert spread([0.5]) == ".500"
    assert spread([0.5, 0.7]) == f".600 ± {np.std([0.5, 0.7], ddof=1):.3f}".replace("± 0", "± ")
