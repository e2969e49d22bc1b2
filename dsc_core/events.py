"""What training reports: small frozen records that are printed, stored and read by others."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Event:
    """One event of a run.

    kind: "progress" (about a second of steps), "epoch" (means over an epoch), "evaluation" (cluster sizes and, where
    the caller has labels, scores), "note" (a sentence in `message`), "done". level: of a note, "info" or "warning".
    stage: "autoencoder", "joint" or "labels". epoch counts from 1 through both stages, of `epochs` in all; step counts
    batches. losses: the unweighted terms by name, and "total", the weighted sum that is minimised.
    seconds: since training began, without pauses, which took `paused` seconds. images_per_second: over the period of
    the event. remaining: estimated seconds until the end, None where there is no estimate.
    scores: "acc", "nmi", "ari"; from a caller that has labels, never from training.
    changes: settings that changed here, by name, each [old, new]: by request, or, with level "warning", because
    training stepped back after a bad loss. back_to: on the first event of an attempt that follows an interrupted one,
    the number of the last event that still counts; those between the two do not. parts: of the last event, the seconds
    of each part of the run and how often it was done, [seconds, pieces] by the names of `training.costs.PARTS`.
    """

    kind: str
    stage: str
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    images_per_second: float = 0.0
    remaining: float | None = None
    cluster_sizes: tuple[int, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    message: str = ""
    level: str = "info"
    changes: dict[str, list[float]] = field(default_factory=dict)
    back_to: int | None = None
    paused: float | None = None
    parts: dict[str, list[float]] = field(default_factory=dict)

    def to_json(self) -> str:
        """The event as one line of JSON, without empty fields."""
        fields = asdict(self).items()
        return json.dumps({name: value for name, value in fields if value not in ("", {}, (), None)})

    @classmethod
    def from_json(cls, line: str) -> Event:
        """The inverse of `to_json`; fields of a later version are ignored."""
        fields = {name: value for name, value in json.loads(line).items() if name in cls.__dataclass_fields__}
        if "cluster_sizes" in fields:
            fields["cluster_sizes"] = tuple(fields["cluster_sizes"])
        return cls(**fields)
