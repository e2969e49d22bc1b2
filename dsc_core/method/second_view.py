"""A second graph of the images, from their scattering transform, joined to the graph of their codes.

The scattering transform has nothing to learn, and makes other mistakes than the codes. An edge that both graphs have is
worth more than two that only one of them has: that both views agree is evidence that no single view gives. Related:
B. Wang et al., "Similarity network fusion" (2014), which diffuses each graph along the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sparse

from dsc_core.config import Config
from dsc_core.method import scattering
from dsc_core.method.feed import Feed
from dsc_core.method.graph import whole_graph
from dsc_core.method.views import has_second

Progress = Callable[[int, int], Any]


class SecondView:
    """The second graph of the samples of a feed, built when it is first needed and kept.

    It depends on the images and the seed alone, not on training.
    """

    def __init__(self, feed: Feed, config: Config) -> None:
        self.feed, self.config = feed, config
        self._affinity: sparse.csr_matrix | None = None

    @property
    def exists(self) -> bool:
        """Whether these data have a second view under these settings."""
        return has_second(self.config, self.feed.samples.shape[1:], len(self.feed))

    def build(
        self, enter: Callable[[str], object] = lambda _: None, progress: Progress | None = None
    ) -> None:
        """Build it where there is one and it is not built yet.

        enter: called with the part of the run that then begins. progress(done, total): what it raises ends the work.
        """
        if self.exists and self._affinity is None:
            enter("scattering")
            config, shape = self.config, self.feed.samples.shape[1:]
            points = scattering.codes(self.feed, shape, config.seed, self.feed.device, progress)
            points = points.to(self.feed.device)
            self._affinity = whole_graph(
                points, config.neighbours, progress, (), config.search, config.seed
            ).astype(np.float32)

    def joined(self, first: sparse.csr_matrix) -> sparse.csr_matrix:
        """The graph of the codes, sparse (n, n), and the second one as one graph; the first where there is no other."""
        self.build()
        return first if self._affinity is None else joined(first, self._affinity, self.config.both_views)


def joined(first: sparse.csr_matrix, second: sparse.csr_matrix, both: float) -> sparse.csr_matrix:
    """A + B + both·A∘B of two graphs, sparse (n, n), float32; ∘ multiplies the weights of edges that are in both."""
    found = first + second
    if both:
        found = found + both * first.multiply(second)
    return sparse.csr_matrix(found, dtype=np.float32)
