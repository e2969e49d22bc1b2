"""DeepSpectralClustering: the whole method as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from dsc_core.config import Config
from dsc_core.data import Dataset, check_trainable
from dsc_core.errors import InputError
from dsc_core.estimator import inputs
from dsc_core.events import Event
from dsc_core.method.feed import BLOCK
from dsc_core.model import Assignment, Fitted
from dsc_core.presets import DEFAULT_PRESET
from dsc_core.presets import preset as preset_config
from dsc_core.training.loop import fit

KEPT_TYPES = ("float32", "float64")  # types of X that `transform` returns; float32 for all others
MAX_SEED = 2**31 - 1


class DeepSpectralClustering(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """Deep spectral clustering with a dual autoencoder network.

    Trains an autoencoder whose code keeps its meaning under noise, and on it a spectral network that maps samples
    to spectral coordinates and clusters [1]_. New samples are assigned without training again.

    Parameters
    ----------
    n_clusters : int, default=10
        Number of clusters, at least 2.
    preset : str, default="standard"
        Name of a preset, one of `dsc_core.presets.PRESETS`.
    random_state : int, RandomState instance or None, default=0
        Seed of the training. The same int gives the same result on one machine; None gives another one each time.
    settings : dict, default=None
        Settings of `dsc_core.config.Config` that differ from the preset. They override `n_clusters` and
        `random_state` where they hold `clusters` or `seed`.
    on_event : callable, default=None
        Called with every `dsc_core.events.Event` of the training.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training sample.
    confidence_ : ndarray of shape (n_samples,)
        Probability of that cluster under noise.
    latent_ : ndarray of shape (n_samples, d)
        Latent codes of the training samples.
    spectral_ : ndarray of shape (n_samples, k)
        Spectral coordinates of the training samples.
    fitted_ : dsc_core.model.Fitted
        The trained model.
    events_ : list of dsc_core.events.Event
        What the training reported.
    n_features_in_ : int
        Number of columns of X; only where X holds rows.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X; only where X is a data frame whose column names are all strings.

    References
    ----------
    .. [1] X. Yang, C. Deng, F. Zheng, J. Yan, W. Liu, "Deep Spectral Clustering Using Dual Autoencoder Network",
       CVPR 2019, arXiv:1904.13113.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dsc_core import DeepSpectralClustering
    >>> images = load_digits().images
    >>> model = DeepSpectralClustering(n_clusters=10, preset="quick").fit(images)  # doctest: +SKIP
    >>> model.predict(images[:3])  # doctest: +SKIP
    """

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        preset: str = DEFAULT_PRESET,
        random_state: int | np.random.RandomState | None = 0,
        settings: dict[str, Any] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ):
        self.n_clusters = n_clusters
        self.preset = preset
        self.random_state = random_state
        self.settings = settings
        self.on_event = on_event

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = True  # expanded within the limits of `dsc_core.data`
        tags.transformer_tags.preserves_dtype = list(KEPT_TYPES)
        return tags

    def fit(self, X: ArrayLike, y: object = None) -> DeepSpectralClustering:
        """Train on X.

        Rows are standardised. uint8 images are scaled by 1/255, other images from their own range to [0, 1].

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, F), or array-like of shape (n, H, W), (n, H, W, C) or (n, C, H, W)
            Rows of numbers, or images with one or three channels; an alpha channel is composited on white. A sparse
            matrix is expanded to a dense one.
        y : ignored
            Labels never reach training.

        Returns
        -------
        self : DeepSpectralClustering

        Raises
        ------
        InputError
            A ValueError: X or a parameter is wrong; the message says how to mend it.
        """
        samples = self._check_samples(X, fitting=True)
        self._standardisation = inputs.Standardisation.of(samples) if samples.ndim == 2 else None
        if self._standardisation is not None:
            samples = inputs.check_range(self._standardisation.apply(samples))
            self._scaling = 0.0, 1.0
        else:
            samples, self._scaling = inputs.scale_images(samples)
        config = self._config()
        ids = np.arange(len(samples)).astype(str)
        kind = "table" if samples.ndim == 2 else "image"
        check_trainable(Dataset("X", samples, ids, None, kind, self._scaling), config.clusters)
        self.fitted_ = self._train(samples, config)
        self.labels_, self.confidence_ = self.fitted_.labels, self.fitted_.confidence
        self.latent_, self.spectral_ = self.fitted_.latent, self.fitted_.spectral
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Assign new samples to clusters; the result for a sample depends on that sample alone.

        Parameters
        ----------
        X : array-like
            Samples like those that `fit` was given.

        Returns
        -------
        labels : ndarray of shape (n,)

        Raises
        ------
        InputError
            A ValueError: X is not like the training data, or holds NaN or infinite values.

        Warns
        -----
        UserWarning
            The columns of a data frame are in another order than in training; they are matched by their names.
        """
        return np.concatenate([assignment.labels for assignment in self._assign(X)])

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probabilities p(y|z) of the clusters for new samples.

        Parameters
        ----------
        X : array-like
            Samples like those that `fit` was given.

        Returns
        -------
        probabilities : ndarray of shape (n, n_clusters)
            Rows sum to 1.
        """
        return np.concatenate([assignment.probabilities for assignment in self._assign(X)])

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Spectral coordinates of new samples.

        Parameters
        ----------
        X : array-like
            Samples like those that `fit` was given.

        Returns
        -------
        spectral : ndarray of shape (n, k)
            float64 if X is, else float32.
        """
        dtype = np.float64 if getattr(X, "dtype", None) == np.float64 else np.float32
        return np.concatenate([assignment.spectral for assignment in self._assign(X)]).astype(dtype)

    def distances(self, X: ArrayLike) -> np.ndarray:
        """Distance from the code of each new sample to its 10th nearest training code.

        Parameters
        ----------
        X : array-like
            Samples like those that `fit` was given.

        Returns
        -------
        distances : ndarray of shape (n,)
        """
        novelty = self._fitted().novelty
        return np.concatenate([novelty.nearest(assignment.latent)[1] for assignment in self._assign(X)])

    def unseen(self, X: ArrayLike) -> np.ndarray:
        """Whether new samples are unlike the training data: far from all codes, or badly reconstructed.

        Parameters
        ----------
        X : array-like
            Samples like those that `fit` was given.

        Returns
        -------
        unseen : ndarray of shape (n,), bool
            True for about 1 % of samples that are like the training data.
        """
        novelty = self._fitted().novelty
        parts = ((novelty.nearest(assignment.latent)[1], assignment.errors) for assignment in self._assign(X))
        return np.concatenate([novelty.is_unlike_training(distances, errors) for distances, errors in parts])

    @property
    def _n_features_out(self) -> int:
        """The number of columns that `transform` returns."""
        return int(self.spectral_.shape[1])

    def _fitted(self) -> Fitted:
        """The trained model; NotFittedError before `fit`."""
        check_is_fitted(self, "fitted_")
        return self.fitted_

    def _config(self) -> Config:
        """The settings of the training."""
        if isinstance(self.random_state, int | np.integer):
            seed = int(self.random_state)
        else:
            seed = int(check_random_state(self.random_state).randint(MAX_SEED))
        settings = {"clusters": self.n_clusters, "seed": seed} | (self.settings or {})
        return preset_config(self.preset, **settings)

    def _train(self, samples: np.ndarray, config: Config) -> Fitted:
        """Train; fills `events_`."""
        training, self.events_ = fit(samples, config, scaling=self._scaling), []
        while True:
            try:
                event = next(training)
            except StopIteration as end:
                return end.value
            self.events_.append(event)
            if self.on_event:
                self.on_event(event)

    def _assign(self, X: ArrayLike) -> Iterator[Assignment]:
        """The assignments of X, block by block."""
        fitted = self._fitted()
        samples = self._check_samples(X, fitting=False)
        if self._standardisation is None:
            yield from fitted.blocks(samples, self._scaling)
            return
        for start in range(0, len(samples), BLOCK):
            rows = self._standardisation.apply(samples[start : start + BLOCK])
            yield from fitted.blocks(inputs.check_range(rows, start), self._scaling)

    def _check_samples(self, X: ArrayLike, fitting: bool) -> np.ndarray:
        """X as rows (n, F) or images (n, C, H, W) of finite numbers; else InputError."""
        X, are_rows = inputs.as_dense(X)
        if not fitting and are_rows != (self._standardisation is not None):
            raise InputError(
                "X must hold images as in training, not rows."
                if are_rows
                else "X must hold rows (n, F) as in training, not images."
            )
        if are_rows:
            samples = inputs.check_rows(self, X, fitting)
        else:
            samples = inputs.check_images(X)
            for name in ("n_features_in_", "feature_names_in_") if fitting else ():
                self.__dict__.pop(name, None)  # of rows that this estimator was fitted to before
        names = getattr(self, "feature_names_in_", None) if are_rows else None
        inputs.check_finite(samples, getattr(X, "columns", None) if names is None else names)
        return samples
