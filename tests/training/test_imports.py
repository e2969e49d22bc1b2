"""Labels of the data never reach training: no module that scores with them can be reached from it."""

import pytest

from tests.test_architecture import imports, modules, room

SCORING = {"dsc_core.analysis.metrics", "dsc_core.analysis.live_metrics", "dsc_core.analysis.baselines"}


def reachable(module):
    """All modules of the core that a module imports, directly or through others."""
    seen, left = set(), [module]
    while left:
        for name in imports(left.pop()) - seen:
            seen.add(name)
            left.append(name)
    return seen


@pytest.mark.parametrize(
    "module", sorted(name for name in modules() if room(name) in ("training", "model", "method"))
)
def test_training_cannot_reach_what_scores_with_labels(module):
    assert not reachable(module) & SCORING
