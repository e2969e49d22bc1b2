"""DEC and VaDE by ClustPy, at their defaults. The fifth argument names the method."""

import sys

from clustpy.deep import DEC, VaDE
from exchange import run


def cluster(values, clusters, seed):
    """Its defaults."""
    method = {"dec": DEC, "vade": VaDE}[sys.argv[5]]
    return method(n_clusters=clusters, random_state=seed).fit(values).labels_


run(cluster, "clustpy")
