"""What training tells the world: one small frozen record, printed, stored and read by others."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

STAGES = ("autoencoder", "joint", "labels")


@dataclass(frozen=True)
class Event:
    """One thing that happened in a run.

    kind: "progress" (a second or so of steps), "epoch" (means over a whole epoch), "evaluation" (cluster
    sizes and, where the caller has labels, scores), "note" (a sentence in `message`), "done".
    stage: one of STAGES. epoch counts from 1 through both stages, of `epochs` in all; step counts batches.
    losses: the unweighted terms by name, and "total", the weighted sum that is minimised.
    seconds: since training began. images_per_second: over the period told of. remaining: estimated seconds.
    scores: "acc", "nmi", "ari"; filled in by the caller that has labels, never by training.
    changes: of a note that tells of settings moved while training: name -> [old value, new value].
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
    changes: dict[str, list] = field(default_factory=dict)

    def to_json(self) -> str:
        """The event as one line of JSON, without the fields that are empty."""
        return json.dumps({k: v for k, v in asdict(self).items() if v not in ("", {}, (), None)})

    @classmethod
    def from_json(cls, line: str) -> Event:
        """The inverse of `to_json`; unknown fields, of a later version, are passed over."""
        known = {k: v for k, v in json.loads(line).items() if k in cls.__dataclass_fields__}
        if "cluster_sizes" in known:
            known["cluster_sizes"] = tuple(known["cluster_sizes"])
        return cls(**known)
