"""SpectralNet by its authors' package. Its fifth argument says "all", with autoencoder and Siamese net, or "plain"."""

import shutil
import sys
from pathlib import Path

import spectralnet
import torch
from exchange import run


def forget() -> None:
    """Delete the weights that the package keeps inside itself, and would load for the next data set."""
    for folder in Path(spectralnet.__file__).parent.rglob("weights"):
        shutil.rmtree(folder)


def cluster(values, clusters, seed):
    """Its defaults, but for the width of the last layers, which must be the number of clusters."""
    everything = sys.argv[5] == "all"
    model = spectralnet.SpectralNet(
        n_clusters=clusters,
        spectral_hiddens=[1024, 1024, 512, clusters],
        should_use_ae=everything,
        should_use_siamese=everything,
    )
    rows = torch.from_numpy(values)
    model.fit(rows)
    return model.predict(rows)


forget()
try:
    run(cluster, "spectralnet")
finally:
    forget()
