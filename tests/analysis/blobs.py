"""Points in well-separated groups."""

import numpy as np


def blobs(sizes, seed=0, dims=6, distance=8.0):
    """Points (n, dims) in blobs of `sizes`, and the blob of each."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(size=(len(sizes), dims))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
    return (centres[labels] + rng.normal(size=(len(labels), dims)) * 0.5).astype(np.float32), labels
