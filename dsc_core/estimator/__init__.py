"""The whole method as a scikit-learn estimator."""

from dsc_core.estimator.clusterer import DeepSpectralClustering

__all__ = ["DeepSpectralClustering"]
