"""The settings as they are now, and the requests that change, pause or stop a training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dsc_core.config import KNOBS, Config, describe_changes
from dsc_core.events import Event
from dsc_core.training import distributed
from dsc_core.training.clock import Clock
from dsc_core.training.requests import Control, Requests, merge

CHECK_PERIOD = 1.0  # seconds between two checks for requests during long computations
PAUSE_PERIOD = 0.1  # seconds between two checks during a pause


class Stopped(Exception):
    """A stop was requested."""


@dataclass
class Steering:
    """Carries out requests between two steps.

    control: see `fit`; None where nobody requests anything. save: saves a checkpoint, so that neither a pause nor a
    changed setting is lost with the process. settle: called before a request is carried out; what it raises leaves the
    requests for the next step. pending: requests received during a long computation.
    """

    config: Config
    control: Control | None
    save: Callable[[], None] = lambda: None
    settle: Callable[[], None] = lambda: None
    pending: Requests = field(default_factory=dict)
    checked: float = field(default_factory=time.monotonic)

    def poll(self, clock: Clock) -> Iterator[Event]:
        """Between two steps: take new settings, wait while paused, raise Stopped."""
        requests = self.take()
        changes = self.apply(requests, clock)
        yield from changes
        if changes or requests.get("pause") or requests.get("stop"):
            self.save()
        while requests.get("pause") and not requests.get("stop"):
            began = time.monotonic()
            time.sleep(PAUSE_PERIOD)
            later = self.take()
            clock.pause(time.monotonic() - began)
            if changes := self.apply(later, clock):
                yield from changes
                self.save()
            requests = merge(requests, later)
        if requests.get("stop"):
            raise Stopped

    def take(self) -> Requests:
        """The requests since the last call; of several processes the first receives them, for the same step of all."""

        def take() -> Requests:
            self.receive()
            if self.pending:
                self.settle()
            requests, self.pending = self.pending, {}
            return requests

        return distributed.once(take)

    def receive(self) -> None:
        """Add the new requests to those that are pending."""
        self.checked = time.monotonic()
        self.pending = merge(self.pending, self.control() if self.control else {})

    def check_cancelled(self) -> None:
        """During a long computation, about once per CHECK_PERIOD: raise Stopped where a stop was requested.

        Not in several processes: the others would wait forever for the first one. They stop at the next step.
        """
        if time.monotonic() - self.checked < CHECK_PERIOD:
            return
        self.receive()
        if self.pending.get("stop") and distributed.size() == 1:
            raise Stopped

    def apply(self, requests: Requests, clock: Clock) -> list[Event]:
        """Take over the new values of live settings; one event where any has changed."""
        live = {name: value for name, value in requests.items() if name in KNOBS and KNOBS[name].live}
        before, self.config = self.config, self.config.replace(**live) if live else self.config
        values = {name: [getattr(before, name), getattr(self.config, name)] for name in live}
        changes = {name: pair for name, pair in values.items() if pair[0] != pair[1]}
        if not changes:
            return []
        return [clock.note(f"Changed while training: {describe_changes(changes)}.", changes=changes)]
