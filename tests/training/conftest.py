"""A training that several tests look at."""

import pytest

from dsc_core.config import Config
from tests.training.small import SMALL, images, run


@pytest.fixture(scope="session")
def trained():
    return run(images(), Config(**SMALL))
