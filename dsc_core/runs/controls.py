"""Requests from a person to a running run: stop, pause, resume, or new values of live settings."""

from __future__ import annotations

from functools import reduce
from typing import Any

from dsc_core.config import KNOBS, find_knob
from dsc_core.errors import InputError
from dsc_core.runs.index import Index
from dsc_core.training.requests import Requests, merge, standing

COMMANDS = ("stop", "pause", "resume")


class Controls:
    """The requests to the runs of one workspace. They are kept in the index, since two processes share them."""

    def __init__(self, index: Index):
        self.index = index

    def add(self, run_id: str, requests: Requests) -> None:
        """Send requests to a run, which takes them before its next step."""
        self.index.add_request(run_id, requests)

    def take(self, run_id: str) -> Requests:
        """All requests since the last call, merged; {} where there are none. Called before every step."""
        if not self.index.pending_requests(run_id):  # a read never waits for other processes
            return {}
        with self.index.transaction():
            pending = self.index.pending_requests(run_id)
            for request_id, _ in pending:
                self.index.mark_request_taken(request_id)
        return _merged([requests for _, requests in pending])

    def in_force(self, run_id: str) -> frozenset[str]:
        """Which of "pause" and "stop" the present attempt is under, carried out or not."""
        return standing(self.index.requests(run_id))

    def pending(self, run_id: str) -> frozenset[str]:
        """The names of the requests that the run has not taken yet: "pause", "stop", or settings."""
        requests = self.index.pending_requests(run_id)
        return frozenset(name for _, asked in requests for name in asked)

    def pausing(self, run_id: str, paused: bool) -> bool:
        """Whether the run will be paused after its pending requests. paused: whether it is now."""
        pending = _merged([requests for _, requests in self.index.pending_requests(run_id)])
        return bool(pending.get("pause")) or (paused and not pending.get("resume"))

    def withdraw(self, run_id: str) -> None:
        """Withdraw the requests to an earlier attempt, as a run is started: only a later stop counts."""
        self.index.withdraw_requests(run_id)


def _merged(requests: list[Requests]) -> Requests:
    return reduce(merge, requests, {})


def check_request(name: str, value: Any) -> Any:
    """The value of one request, checked. InputError if it is unknown, out of range or not live."""
    return bool(value) if name in COMMANDS else check_live(name, value)


def check_live(name: str, value: Any) -> Any:
    """A new value of a live setting, checked. InputError if the setting is unknown or not live."""
    knob = find_knob(name)
    if not knob.live:
        live = ", ".join(knob.name for knob in KNOBS.values() if knob.live)
        raise InputError(f"{name} cannot be changed while a run trains; these can: {live}.")
    return knob.validate(value)


def is_live(name: str) -> bool:
    """Whether a setting of that name may change while a run trains."""
    return name in KNOBS and KNOBS[name].live
