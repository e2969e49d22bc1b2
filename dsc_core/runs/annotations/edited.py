"""The clusters of a run as a person edited them: what replaying the edits gives."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

Edit = dict[str, Any]  # a line of the log


@dataclass(frozen=True)
class Edited:
    """A run's clusters as edited.

    labels: (n,) int64. names: {cluster: name} of named clusters. done: the edits in force, oldest first. undone: those
    that can be redone, the next one last. version: the number of lines until here, a key for what is computed from
    this state. fresh: the number of the next new cluster; a number is never used twice. outdated: the edits of earlier
    labels, which are left out.
    """

    labels: np.ndarray
    names: dict[int, str] = field(default_factory=dict)
    done: tuple[dict, ...] = ()
    undone: tuple[dict, ...] = ()
    version: int = 0
    fresh: int = 0
    outdated: tuple[dict, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether any edit is in force."""
        return bool(self.done)

    @cached_property
    def grouping(self) -> str:
        """A digest of the labels: the same for the same clusters, however they are named."""
        return hashlib.blake2b(self.labels.tobytes(), digest_size=16).hexdigest()

    @cached_property
    def present(self) -> tuple[int, ...]:
        """The clusters with samples, in order."""
        return tuple(np.unique(self.labels).tolist())

    @cached_property
    def given(self) -> dict[int, str]:
        """{cluster: name} of the named clusters that have samples."""
        return {cluster: self.names[cluster] for cluster in self.present if self.names.get(cluster)}

    def name(self, cluster: int) -> str:
        """The cluster's name, or its number; several clusters may have one name."""
        return self.names.get(int(cluster)) or str(int(cluster))

    def title(self, cluster: int) -> str:
        """What the cluster is called on pages and charts: its name, with its number where that is not enough."""
        name = self.name(cluster)
        return name if self._uses[name] < 2 else f"{name} ({int(cluster)})"

    def merged(self, clusters: int) -> dict[int, int]:
        """{cluster of the run: the cluster that it was merged into, or itself}, for `clusters` clusters."""
        now = {cluster: cluster for cluster in range(clusters)}
        for edit in self.done:
            if edit["kind"] == "cut":  # begins from the clusters of the run
                now = {cluster: cluster for cluster in range(clusters)}
            pairs = [(edit["cluster"], edit["into"])] if edit["kind"] == "merge" else edit.get("merged", ())
            for cluster, into in pairs:
                now = {own: int(into) if at == int(cluster) else at for own, at in now.items()}
        return now

    @cached_property
    def _uses(self) -> Counter[str]:
        return Counter(self.name(cluster) for cluster in self.present)

    def count_text(self) -> str:
        """How many edits are in force: "3 edits"."""
        return f"{len(self.done):,} edit{'s'[: len(self.done) != 1]}"
