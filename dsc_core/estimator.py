"""DeepSpectralClustering: the whole method as a scikit-learn clusterer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted

from dsc_core.config import DEFAULT_PRESET, preset
from dsc_core.data import Dataset, check_trainable
from dsc_core.errors import InputError
from dsc_core.events import Event
from dsc_core.model import EMBED as BLOCK
from dsc_core.training.loop import fit


class DeepSpectralClustering(ClusterMixin, BaseEstimator):
    """Deep spectral clustering with a dual autoencoder network (Yang et al., CVPR 2019).

    Parameters: n_clusters; preset, a name of `config.PRESETS`; random_state, the seed; settings, a dict of
    knobs of `config.Config` that differ from the preset; on_event, called with every `Event`.

    Attributes after `fit`: labels_ (n,), confidence_ (n,), latent_ (n, d), spectral_ (n, K'), fitted_ (the
    `Fitted`), events_ (a list), n_features_in_ for rows.
    """

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        preset: str = DEFAULT_PRESET,
        random_state: int = 0,
        settings: dict | None = None,
        on_event: Callable[[Event], None] | None = None,
    ):
        self.n_clusters = n_clusters
        self.preset = preset
        self.random_state = random_state
        self.settings = settings
        self.on_event = on_event

    def fit(self, X, y=None):
        """X: images (n, C, H, W) or (n, H, W), or rows (n, F). y is ignored: labels never reach training.

        uint8 images are scaled by 1/255, others from their own range to [0, 1]; rows are standardised.
        InputError says what is wrong with X.
        """
        samples, self._scaling, self._columns = _prepare(X)
        kind = "image" if samples.ndim == 4 else "table"
        ids = np.arange(len(samples)).astype(str)
        check_trainable(Dataset("X", samples, ids, None, kind, self._scaling), self.n_clusters)
        config = preset(
            self.preset, clusters=self.n_clusters, seed=self.random_state, **(self.settings or {})
        )
        training, self.events_ = fit(samples, config, scaling=self._scaling), []
        while True:
            try:
                event = next(training)
            except StopIteration as end:
                self.fitted_ = end.value
                break
            self.events_.append(event)
            if self.on_event:
                self.on_event(event)
        self.labels_, self.confidence_ = self.fitted_.labels, self.fitted_.confidence
        self.latent_, self.spectral_ = self.fitted_.latent, self.fitted_.spectral
        if samples.ndim == 2:
            self.n_features_in_ = samples.shape[1]
        return self

    def predict(self, X) -> np.ndarray:
        """Clusters of new samples, (m,); each depends on that sample alone."""
        return np.concatenate([found.labels for found in self._assigned(X)])

    def predict_proba(self, X) -> np.ndarray:
        """Soft assignments p(y|z) of new samples, (m, K)."""
        return np.concatenate([found.probabilities for found in self._assigned(X)])

    def transform(self, X) -> np.ndarray:
        """Spectral coordinates Y of new samples, (m, K')."""
        return np.concatenate([found.spectral for found in self._assigned(X)])

    def distances(self, X) -> np.ndarray:
        """How far the code of each new sample is from its 10th nearest training code, (m,)."""
        return np.concatenate([self.fitted_.novelty.look(found.latent)[1] for found in self._assigned(X)])

    def unseen(self, X) -> np.ndarray:
        """Whether a new sample looks like nothing seen, (m,) bool, as 1 % of the training data do: too far from all of
        their codes, or badly rebuilt from its own.
        """
        known = self.fitted_.novelty
        return np.concatenate(
            [known.is_unseen(known.look(found.latent)[1], found.errors) for found in self._assigned(X)]
        )

    def _assigned(self, X):
        """The Assignments of X, block by block."""
        check_is_fitted(self, "fitted_")
        samples = _as_samples(X)
        if len(samples) == 0:
            raise InputError("X holds no samples; give at least one.")
        if self._columns is not None and samples.shape[1:] != self.fitted_.shape:
            raise InputError(
                f"X has {samples.shape[1]} columns; the model was trained on {self.n_features_in_}."
            )
        for start in range(0, len(samples), BLOCK):
            block = samples[start : start + BLOCK]
            if self._columns is not None:
                block = ((block - self._columns[0]) / self._columns[1]).astype(np.float32)
            yield from self.fitted_.blocks(block, self._scaling)


def _as_samples(X) -> np.ndarray:
    samples = np.asarray(X)
    if samples.dtype == object or samples.dtype.kind not in "biuf":
        raise InputError(f"X must hold numbers, not {samples.dtype}; encode the words first.")
    if samples.ndim == 3:
        samples = samples[:, None]
    if samples.ndim not in (2, 4):
        raise InputError(f"X must be (n, C, H, W), (n, H, W) or (n, F), not {samples.ndim}-dimensional.")
    return samples


def _prepare(X) -> tuple[np.ndarray, tuple[float, float], tuple | None]:
    """Samples, their scaling and, for rows, the columns' means and deviations."""
    samples = _as_samples(X)
    if len(samples) == 0:
        raise InputError("X holds no samples; give at least ten.")
    if samples.ndim == 4:
        if samples.dtype == np.uint8:
            return samples, (0.0, 1 / 255), None
        low, high = float(np.nanmin(samples)), float(np.nanmax(samples))
        if low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        return samples.astype(np.float32), (low, 1 / max(high - low, 1e-12)), None
    deviation = samples.std(0, dtype=np.float64)
    columns = (samples.mean(0, dtype=np.float64), np.where(deviation > 0, deviation, 1.0))
    return ((samples - columns[0]) / columns[1]).astype(np.float32), (0.0, 1.0), columns
