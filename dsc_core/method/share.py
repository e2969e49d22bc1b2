"""The rows of a batch that one process computes. One process computes all of them, and then nothing is exchanged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

Rows = TypeVar("Rows")


@dataclass(frozen=True)
class Share:
    """All rows of a batch of `count`; `training.distributed.ProcessShare` is a part of them."""

    count: int

    @property
    def size(self) -> int:
        """How many processes share the batch."""
        return 1

    @property
    def rows(self) -> slice:
        """The positions of this process's rows in the batch."""
        return slice(0, self.count)

    def every(self, step: int) -> Share:
        """The share in every `step`-th row of the batch, counted from its first."""
        return Share(-(-self.count // step))

    def mine(self, batch: Rows) -> Rows:
        """The rows of this process. (count, …) → (rows, …)."""
        return batch

    def whole(self, *parts: Tensor) -> list[Tensor]:
        """The rows of all processes. (rows, a), (rows, b), … → (count, a), (count, b), and so on."""
        return list(parts)

    def mean(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """Means over the rows of this process, turned into means over the batch. Scalars by name."""
        return terms
