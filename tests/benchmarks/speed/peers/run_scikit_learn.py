"""Spectral clustering by scikit-learn, on the graph of nearest neighbours."""

from exchange import run
from sklearn.cluster import SpectralClustering


def cluster(values, clusters, seed):
    """Its defaults, but for the affinity: its default, a dense matrix, does not fit into memory at 10,000 samples."""
    method = SpectralClustering(clusters, affinity="nearest_neighbors", random_state=seed, n_jobs=-1)
    return method.fit_predict(values)


run(cluster, "scikit-learn")
