"""Which of several requests counts: one function decides it for a training, the workspace and the command line."""

import pytest

from dsc_core.training.requests import merge, standing


@pytest.mark.parametrize(
    ("earlier", "later", "merged"),
    [
        ({"pause": True}, {"resume": True}, {"resume": True}),
        ({"resume": True}, {"pause": True}, {"pause": True}),
        ({"pause": True}, {"noise_level": 0.1}, {"pause": True, "noise_level": 0.1}),
        ({"noise_level": 0.1, "prior": 1.0}, {"noise_level": 0.2}, {"noise_level": 0.2, "prior": 1.0}),
        ({"stop": True}, {"resume": True}, {"stop": True, "resume": True}),
        ({}, {"pause": True, "resume": True}, {"resume": True}),
        ({"pause": True}, {}, {"pause": True}),
    ],
)
def test_of_pause_and_resume_the_later_request_counts(earlier, later, merged):
    before = dict(earlier), dict(later)
    assert merge(earlier, later) == merged
    assert (earlier, later) == before, "requests are never changed in place"


def test_what_is_in_force_follows_from_all_requests_in_their_order():
    pause, resume, stop = {"pause": True}, {"resume": True}, {"stop": True}
    assert standing([]) == frozenset()
    assert standing([pause, resume]) == frozenset()
    assert standing([pause, resume, pause]) == {"pause"}
    assert standing([pause, stop]) == {"pause", "stop"}
    assert standing([stop, resume]) == {"stop"}
