"""Waiting for what another process does."""

import time


def until(what, seconds):
    """What `what()` gives as soon as it is true; AssertionError where that takes longer than so many seconds."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return found
