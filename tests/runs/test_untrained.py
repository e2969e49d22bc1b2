"""Clusters without training, of a data set: the same sentences as training, time before and meanwhile, labels.csv."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest

from dsc_core.config import KNOBS
from dsc_core.data import Dataset, NeedsResize
from dsc_core.errors import InputError
from dsc_core.runs import expectation, untrained
from dsc_core.runs.artifacts.labels import COLUMNS
from dsc_core.training.costs import UNTRAINED, Job, UntrainedJob, plan_untrained
from dsc_core.training.countdown import total_seconds
from tests.analysis.test_untrained import rows, stripes


def images(count=90, labelled=True, scaling=(0.0, 1 / 255)):
    samples, kinds = stripes(count)
    ids = np.array([f"{i}.png" for i in range(count)])
    return Dataset("stripes", samples, ids, kinds if labelled else None, "image", scaling=scaling)


def table(samples=None):
    samples = rows()[0] if samples is None else samples
    return Dataset("rows", samples, np.arange(len(samples)).astype(str), None, "table")


def test_the_answer_has_scores_where_there_are_labels():
    answer = untrained.find(images(), 3, 0)
    assert answer.scores == {"acc": 1.0, "nmi": pytest.approx(1.0), "ari": pytest.approx(1.0)}
    assert untrained.summary(images(), answer)["trained"] is False
    without = untrained.find(images(labelled=False), 3, 0)
    assert without.scores == {}
    assert untrained.summary(images(labelled=False), without)["acc"] is None
    assert np.array_equal(answer.found.clusters, without.found.clusters), "labels change nothing"


def test_another_number_of_clusters_needs_no_other_graph():
    data = images()
    graph = untrained.find_graph(data, 0, lambda *_: None)
    for clusters in (2, 3, 6):
        kept, anew = untrained.find(data, clusters, 0, graph=graph), untrained.find(data, clusters, 0)
        assert np.array_equal(kept.found.clusters, anew.found.clusters)


def refused(samples, clusters, kind="table"):
    shape = samples.shape
    with pytest.raises(InputError) as caught:
        untrained.find(Dataset("bad", samples, np.arange(shape[0]).astype(str), None, kind), clusters, 0)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return caught.value


def test_what_cannot_be_clustered_is_refused_as_by_training():
    values = rows()[0]
    assert "fewer samples (12) than clusters (13)" in str(refused(values[:12], 13))
    assert "at least 10 samples, but there are 5" in str(refused(values[:5], 2))
    assert "All samples are the same" in str(refused(np.repeat(values[:1], 40, axis=0), 2))
    flat = np.full((40, 1, 8, 8), 0.5, np.float32)
    assert "All samples are the same" in str(refused(flat, 2, "image"))
    holed = values.copy()
    holed[3, 1] = np.nan
    assert "1 missing (NaN) values in 1 samples" in str(refused(holed, 3))
    assert isinstance(refused(np.random.default_rng(0).random((40, 1, 3, 3)), 2, "image"), NeedsResize)


def test_more_samples_than_a_graph_takes_are_refused(monkeypatch):
    few = dataclasses.replace(KNOBS["graph_samples"], default=50)
    monkeypatch.setitem(KNOBS, "graph_samples", few)
    with pytest.raises(InputError, match="at most 50 are clustered without training: train instead"):
        untrained.find(table(), 3, 0)


def test_the_file_has_the_columns_of_a_run_and_says_that_nothing_was_trained():
    data = images()
    answer = untrained.find(data, 3, 0)
    frame = pd.read_csv(io.BytesIO(untrained.labels_csv(data, answer)))
    assert list(frame) == ["id", "cluster", "confidence", "label", "matched_label", *COLUMNS[3:], "training"]
    assert frame["id"].tolist() == data.ids.tolist()
    assert frame["cluster"].tolist() == answer.found.clusters.tolist()
    assert set(frame["training"]) == {"none"}
    assert frame[["latent_x", "latent_y"]].isna().all(axis=None), "there is no latent code"
    assert np.allclose(frame[["spectral_x", "spectral_y"]], answer.found.map, atol=1e-4)
    plain = table()
    without = pd.read_csv(io.BytesIO(untrained.labels_csv(plain, untrained.find(plain, 3, 0))))
    assert list(without) == [*COLUMNS, "training"]


# Time -------------------------------------------------------------------------------------------------------


def test_the_time_is_known_before_and_grows_with_the_data(tmp_path):
    few, many = (untrained.expect(tmp_path, images(count), 3) for count in (90, 900))
    assert 0 < few.seconds < many.seconds
    assert not few.measured
    assert set(few.parts) == {"scattering", "neighbours", "cut", "maps"}
    assert set(untrained.expect(tmp_path, images(), 3, graph=False).parts) == {"cut", "maps"}
    assert "scattering" not in untrained.expect(tmp_path, table(), 3).parts


def test_it_costs_a_part_of_a_run_of_quick():
    from dsc_core.analysis.untrained import settings
    from dsc_core.presets import preset
    from dsc_core.training.costs import Speed, plan

    job = UntrainedJob(10_000, (1, 28, 28), settings((1, 28, 28), 10, 0))
    run = Job(10_000, (1, 28, 28), preset("quick", clusters=10))
    assert total_seconds(plan_untrained(job, Speed(cores=2))) < total_seconds(plan(run, Speed(cores=2))) / 2


def test_more_than_the_images_of_a_second_view_have_a_price():
    from dsc_core.analysis.untrained import settings
    from dsc_core.training.costs import Speed

    job = UntrainedJob(200_000, (1, 28, 28), settings((1, 28, 28), 10, 0))
    assert plan_untrained(job, Speed())[UNTRAINED]["scattering"].total > 100


def test_a_run_of_these_data_tells_how_fast_this_computer_is(tmp_path):
    from dsc_core.presets import DEFAULT_PRESET, preset

    data = images()
    job = Job(len(data), data.shape, preset(DEFAULT_PRESET))
    factors = {"scattering": 30.0, "cut": 30.0, "neighbours": 30.0, "maps": 30.0}
    slow = expectation.Finished(expectation.key_of(job), "CPU", factors)
    before, after = untrained.expect(tmp_path, data, 3), untrained.expect(tmp_path, data, 3, [slow])
    assert after.measured
    assert after.seconds > 5 * before.seconds


def test_progress_says_what_is_done_and_the_time_left(tmp_path):
    said = []
    plan = untrained.expect(tmp_path, images(), 3).plan
    progress = untrained.Progress(plan, lambda *reported: said.append(reported))
    untrained.find(images(), 3, 0, progress)
    assert all(" s left" in text for text, _, _ in said)
    assert said[0][0].startswith("Scattering transform of the images, ")
    assert said[-1][0].startswith("Drawing the map, ")
    assert all(0 <= done <= total for _, done, total in said)
