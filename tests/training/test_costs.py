"""What a run is expected to cost, beside what it does."""

import pytest

from dsc_core.config import Config
from dsc_core.method import search
from dsc_core.presets import PRESETS, preset
from dsc_core.training import costs
from dsc_core.training.calibration import from_json, made_up, small_job, to_json
from dsc_core.training.cost_table import COSTS
from dsc_core.training.costs import PARTS, Job, Speed, plan
from dsc_core.training.countdown import Countdown, total_seconds
from tests.training.small import SMALL, images, run

LARGE = Job(70_000, (1, 28, 28), Config())


def seconds(job, **speed):
    return total_seconds(plan(job, Speed(**speed)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"joint_epochs": 4, "refresh": 1},
        {"joint_epochs": 0},
        {"graph": "batch", "readout": "kmeans"},
        {"augmented_agreement": 1.0, "augmented_graph": 2},
    ],
)
def test_a_training_does_what_its_plan_says(changes):
    """The plan's pieces of each part are those of a real training that does not end early."""
    config = Config(**SMALL | {"tolerance": 0.0, "seed": 3, "device": "cpu"} | changes)
    expected = plan(Job(300, (1, 8, 8), config), results=False)
    countdown = Countdown(expected)
    run(images(), config, countdown=countdown)
    countdown.enter("")
    planned = {}
    for loads in expected.values():
        for part, load in loads.items():
            planned[part] = planned.get(part, 0) + load.pieces
    done = {part: pieces for part, (_, pieces) in countdown.spent.items()}
    assert {part: pieces for part, pieces in planned.items() if pieces} == done
    assert countdown.estimate() < 0.2 * total_seconds(expected) + 0.5


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 96, 64), (20,)])
def test_every_preset_and_shape_has_a_price_in_every_part(name, shape):
    found = plan(Job(1000, shape, preset(name)))
    assert {part for loads in found.values() for part in loads} <= PARTS.keys() == COSTS.keys()
    assert all(load.seconds >= 0 for loads in found.values() for load in loads.values())
    assert total_seconds(found) > 0


def test_more_of_anything_never_costs_less():
    few, many = Job(1000, (1, 28, 28), Config()), Job(4000, (1, 28, 28), Config())
    assert seconds(few) < seconds(many) < seconds(LARGE)
    assert seconds(few) < seconds(Job(1000, (3, 64, 64), Config()))
    assert seconds(many) < seconds(Job(4000, (1, 28, 28), Config(clusters=100)))
    assert seconds(many) < seconds(Job(4000, (1, 28, 28), preset("standard", epochs=8, least_steps=500)))
    assert seconds(Job(4000, (1, 28, 28), preset("quick"))) < seconds(many)


def test_the_graph_of_a_large_data_set_costs_no_more_than_its_samples():
    part = Job(10_000_000, (20,), Config(graph_samples=50_000))
    assert part.seconds("cut", Speed()) == Job(50_000, (20,), Config()).seconds("cut", Speed())


def test_beyond_the_exact_search_neighbours_cost_less_than_all_pairs():
    def each(count, search="auto"):
        return Job(count, (20,), Config(search=search)).seconds("neighbours", Speed()) / count

    assert each(1_000_000) < 1.5 * each(costs.EXACT)
    assert each(1_000_000) < each(1_000_000, "exact") / 5
    assert each(50_000) == each(50_000, "exact")
    assert costs.EXACT == search.EXACT


def test_a_measured_factor_takes_the_place_of_the_number_of_cores():
    assert seconds(LARGE, cores=8) < seconds(LARGE, cores=1)
    assert seconds(LARGE, factors={"stage 1": 3.0}) > seconds(LARGE)
    assert seconds(LARGE, factors=dict.fromkeys(COSTS, 2.0)) == pytest.approx(
        2 * seconds(LARGE, factors=dict.fromkeys(COSTS, 1.0))
    )


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 224, 224), (20,)])
def test_a_calibration_is_a_small_job_of_the_same_networks(shape):
    job = Job(5000, shape, preset("standard", clusters=40))
    small = small_job(job)
    for name in ("latent_dims", "spectral_width", "batch_norm", "augmented_agreement", "encoder", "decoders"):
        assert getattr(small.config, name) == getattr(job.config, name)
    assert small.shape == job.shape
    assert small.count <= 1024
    assert seconds(small, cores=1) < 60
    assert made_up(small.count, shape, 3).shape == (small.count, *shape)


def test_a_job_goes_through_json():
    assert from_json(to_json(LARGE)) == LARGE
