"""UMAP to ten dimensions, then a Gaussian mixture: what N2D does after its autoencoder."""

import numpy as np
import umap
from exchange import run
from sklearn.mixture import GaussianMixture


def cluster(values, clusters, seed):
    """UMAP as N2D sets it (R. McConville et al., arXiv 1908.05968): 20 neighbours, no distance between points."""
    layout = umap.UMAP(n_components=10, n_neighbors=20, min_dist=0.0, random_state=seed)
    reduced = layout.fit_transform(values).astype(np.float64)
    return GaussianMixture(clusters, random_state=seed, reg_covar=1e-4).fit_predict(reduced)


run(cluster, "umap-learn")
