"""The countdown of a run, on a simulated clock: how far what it says is from what is really left."""

import json

import numpy as np
import pytest

from dsc_core.training.countdown import Countdown, Load, total_seconds

PLAN = {
    "start": {"start": Load(1, 4.0)},
    "autoencoder": {"stage 1": Load(200, 0.1), "saving": Load(4, 0.2)},
    "joint": {
        "encoding": Load(5, 0.5),
        "neighbours": Load(2, 3.0),
        "cut": Load(2, 5.0),
        "stage 2": Load(120, 0.3),
    },
    "labels": {"encoding": Load(1, 0.5), "cut": Load(1, 5.0), "labels": Load(1, 2.0)},
    "results": {"maps": Load(1, 12.0), "saving": Load(1, 0.5)},
}
STEPS = ("stage 1", "stage 2")


class Simulation:
    """A run of PLAN on a clock of its own, in which `factor(part, now)` says how much longer a piece takes."""

    def __init__(self, factor=lambda part, now: 1.0, plan=PLAN, until=None):
        self.now, self.factor, self.until = 50.0, factor, until or {}
        self.countdown = Countdown(plan, lambda: self.now)
        self.said = [(self.now, self.countdown.remaining())]

    def work(self, seconds):
        """Let time pass, and look at the countdown about twice per second."""
        for _ in range(max(1, round(2 * seconds))):
            self.now += seconds / max(1, round(2 * seconds))
            self.said.append((self.now, self.countdown.remaining()))

    def run(self):
        """Everything in its order; → (now, said, really left) of every look."""
        for phase, loads in self.countdown.plan.items():
            for part, load in loads.items():
                for piece in range(self.until.get(part, load.pieces)):
                    if part not in STEPS or not piece:
                        self.countdown.enter(part, phase)
                    self.work(load.seconds * self.factor(part, self.now))
                    if part in STEPS:
                        self.countdown.count()
        return np.array([(now, said, self.now - now) for now, said in self.said])


def test_before_the_start_the_time_left_is_what_the_plan_expects():
    assert Simulation().said[0][1] == pytest.approx(total_seconds(PLAN))


def test_where_all_goes_as_expected_the_time_left_is_right_at_every_moment():
    _, said, left = Simulation().run().T
    assert np.abs(said - left).max() <= 0.02 * total_seconds(PLAN)


def test_where_all_goes_as_expected_the_time_left_never_rises():
    _, said, _ = Simulation().run().T
    assert np.diff(said).max() < 0.01


@pytest.mark.parametrize("factor", [0.5, 2.0, 5.0])
def test_on_a_faster_or_slower_machine_the_time_left_is_soon_right(factor):
    now, said, left = Simulation(lambda *_: factor).run().T
    late = now - now[0] > 0.25 * left[0]
    assert np.abs(said - left)[late].max() < 0.12 * left[0]


def test_a_machine_that_becomes_twice_slower_is_noticed():
    """Something else begins to run in the middle of stage 1."""
    now, said, left = Simulation(lambda _, now: 1.0 if now < 64.0 else 2.0).run().T
    late = now > 64.0 + 0.25 * left[0]
    assert np.abs(said - left)[late].max() < 0.12 * left[0]


def test_a_part_that_takes_three_times_longer_does_not_make_the_others_wrong():
    now, said, left = Simulation(lambda part, _: 3.0 if part == "cut" else 1.0).run().T
    assert np.abs(said - left)[now - now[0] > 0.5 * left[0]].max() < 0.25 * left[0]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_the_time_left_is_a_positive_number_until_the_end(seed):
    """Parts that take up to eight times longer or shorter, and pieces that scatter."""
    rng = np.random.default_rng(seed)
    parts = {part: 8 ** rng.uniform(-1, 1) for loads in PLAN.values() for part in loads}
    simulation = Simulation(lambda part, _: parts[part] * rng.lognormal(0, 0.5))
    _, said, left = simulation.run().T
    assert np.isfinite(said).all()
    assert (said[left > 0] > 0).all()


def test_a_long_piece_is_never_said_to_be_over():
    """The maps take a minute longer than expected: a person must not read 0 s all that time."""
    simulation = Simulation(lambda part, _: 6.0 if part == "maps" else 1.0)
    _, said, left = simulation.run().T
    assert said[left > 5.0].min() > 1.0


def test_stage_2_that_ends_early_takes_its_time_off_at_once():
    now, said, left = Simulation(until={"stage 2": 60}).run().T
    ended = now > 50 + 4 + 20.8 + 18.5 + 18 + 1.0
    assert np.abs(said - left)[ended].max() < 2.0


def test_a_pause_changes_nothing():
    simulation = Simulation()
    simulation.countdown.enter("start", "start")
    simulation.work(4.0)
    simulation.countdown.enter("stage 1", "autoencoder")
    for _ in range(20):
        simulation.work(0.1)
        simulation.countdown.count()
    before, spent = simulation.countdown.remaining(), json.dumps(simulation.countdown.spent)
    simulation.now += 1000.0
    simulation.countdown.pause(1000.0)
    assert simulation.countdown.remaining() == pytest.approx(before)
    assert json.dumps(simulation.countdown.spent) == spent


def test_parts_sum_to_the_whole_time():
    simulation = Simulation()
    simulation.run()
    simulation.countdown.enter("")
    assert sum(seconds for seconds, _ in simulation.countdown.spent.values()) == pytest.approx(
        simulation.now - 50.0
    )
    pieces = {part: count for part, (_, count) in simulation.countdown.spent.items()}
    assert pieces["stage 1"] == 200
    assert pieces["cut"] == 3


def test_the_state_goes_through_json_into_another_process():
    simulation = Simulation(lambda *_: 3.0)
    for part, phase in (("start", "start"), ("stage 1", "autoencoder")):
        simulation.countdown.enter(part, phase)
        simulation.work(6.0)
    other = Countdown(PLAN, lambda: 9000.0)
    other.state = json.loads(json.dumps(simulation.countdown.state))
    assert other.estimate() == pytest.approx(simulation.countdown.estimate())
