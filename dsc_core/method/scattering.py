"""The scattering transform of images: a fixed description that small shifts and bends hardly change.

An image is filtered by wavelets of several scales and orientations; the moduli are filtered once more, by those of
larger scales; and all are averaged by windows. Nothing is learned but the principal axes of the logarithms. Source:
J. Bruna, S. Mallat, "Invariant scattering convolution networks" (2013); the constants of the Morlet wavelets are those
of kymatio (M. Andreux et al., 2020).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dsc_core.errors import InputError
from dsc_core.method.feed import Source
from dsc_core.method.views import SMALLEST
from dsc_core.sampling import sample_rows

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

ORIENTATIONS, SCALES = 8, 3  # smaller images have fewer scales
POSITIONS = 4  # windows along each side, at most
WIDTH, FREQUENCY, SLANT = 0.8, 3 * math.pi / 4, 4 / ORIENTATIONS  # of the finest wavelet, in pixels
WINDOW = 0.4  # of the distance between two windows: the least width of one
NEGLIGIBLE = 1e-5  # of a wavelet's largest frequency
FLOOR = 1e-2  # of the mean of a path, below which its logarithm hardly falls
DIMS = 100  # principal axes that are kept
FITTED, FLOORED = 10_000, 256  # samples by which the axes are found, and the floors
BLOCK = 2**22  # numbers of the widest layer in memory at once
PROJECTED = 1_000  # images that are brought to the axes at once

Shape = tuple[int, int, int]


class Scattering:
    """The transform of images (C, H, W), each side at least SMALLEST pixels; InputError for smaller ones."""

    def __init__(self, shape: Shape, device: torch.device | None = None) -> None:
        if min(shape[1:]) < SMALLEST:
            raise InputError(
                f"Images of {shape[2]}×{shape[1]} pixels are too small for scattering: {SMALLEST}×{SMALLEST} at least."
            )
        self.shape, self.device = shape, device or torch.device("cpu")
        self.scales = min(SCALES, int(math.log2(min(shape[1:]))) - 1)
        step = 2**self.scales
        self.padded = ((shape[1] + step) // step * step + step, (shape[2] + step) // step * step + step)
        self.positions = min(-(-shape[1] // step), POSITIONS), min(-(-shape[2] // step), POSITIONS)

    @property
    def paths(self) -> int:
        """The sequences of filters: none, one, and two of rising scale."""
        return 1 + ORIENTATIONS * self.scales + ORIENTATIONS**2 * math.comb(self.scales, 2)

    @property
    def block(self) -> int:
        """Images that are transformed at once."""
        widest = ORIENTATIONS**2 * math.prod(self.padded) * self.shape[0]
        return max(1, BLOCK // widest)

    def __call__(self, images: Tensor) -> Tensor:
        """The averages along each path, in each window. (n, C, H, W) → (n, C, paths, windows), about ≥ 0."""
        flat = images.reshape(-1, 1, *self.shape[1:]).to(self.device, torch.float32).contiguous()
        padded = torch.nn.functional.pad(flat, self._margins, mode="reflect")
        spectrum = torch.fft.fft2(padded)
        found = [self._averages(padded, 0)]
        for first in range(self.scales):
            once = self._moduli(spectrum, first, 0)
            found.append(self._averages(once, first))
            if first + 1 < self.scales:
                again = torch.fft.fft2(once)[:, :, None]
                for second in range(first + 1, self.scales):
                    twice = self._moduli(again, second, first).flatten(1, 2)
                    found.append(self._averages(twice, second))
        return torch.cat(found, 1).view(len(images), self.shape[0], self.paths, -1)

    @property
    def _margins(self) -> tuple[int, int, int, int]:
        """Pixels added left, right, above and below."""
        high, wide = (whole - side for whole, side in zip(self.padded, self.shape[1:], strict=True))
        return wide // 2, wide - wide // 2, high // 2, high - high // 2

    def _moduli(self, spectrum: Tensor, scale: int, resolution: int) -> Tensor:
        """|x ∗ ψ| for all orientations at one scale, at every 2^scale-th pixel. (…, 1, h, w) → (…, L, h′, w′).

        spectrum: of x at every 2^resolution-th pixel.
        """
        height, width = (side >> resolution for side in self.padded)
        folded = torch.zeros((), dtype=spectrum.dtype, device=self.device)
        for rows, columns, part in folds(height, width, scale - resolution):
            folded = folded + spectrum[..., rows, columns] * part.to(self.device)
        return torch.fft.ifft2(folded).abs()

    def _averages(self, values: Tensor, resolution: int) -> Tensor:
        """Averages of maps at every 2^resolution-th pixel, in each window. (n, p, h, w) → (n, p, windows)."""
        down, across = (self._windows(axis, resolution) for axis in (0, 1))
        return (down @ values @ across.T).flatten(2)

    def _windows(self, axis: int, resolution: int) -> Tensor:
        """Gaussian weights of the pixels along an axis for each window, rows with sum 1. (windows, pixels)."""
        side, count = self.shape[1 + axis], self.positions[axis]
        margin = self._margins[2 - 2 * axis]
        centres = margin + side * (torch.arange(count) + 0.5) / count - 0.5
        places = torch.arange(0, self.padded[axis], 2**resolution)
        width = max(WIDTH * 2 ** (self.scales - 1), WINDOW * side / count)
        weights = torch.exp(-0.5 * ((places - centres[:, None]) / width).square())
        return (weights / weights.sum(1, keepdim=True)).to(self.device)


@cache
def folds(height: int, width: int, scale: int) -> list[tuple[slice, slice, Tensor]]:
    """Wavelets of one scale in pieces, for a result of which only every 2^scale-th pixel is wanted.

    The frequencies that look the same at those pixels are added: of each piece its rows and columns, and what its
    frequencies are multiplied by, (L, h, w). Pieces in which the wavelets are all but 0 are left out.
    """
    bank, step = wavelets(height, width, scale), 2**scale
    down, across = height // step, width // step
    pieces = []
    for top, left in itertools.product(range(0, height, down), range(0, width, across)):
        rows, columns = slice(top, top + down), slice(left, left + across)
        part = bank[:, rows, columns].contiguous() / step**2
        if part.abs().max() > NEGLIGIBLE * bank.abs().max() / step**2:
            pieces.append((rows, columns, part))
    return pieces


@cache
def wavelets(height: int, width: int, scale: int) -> Tensor:
    """The Fourier transforms of Morlet wavelets of one scale in all orientations, periodic. → (L, height, width)."""
    return torch.stack([_wavelet(height, width, scale, turn) for turn in range(ORIENTATIONS)])


def _wavelet(height: int, width: int, scale: int, turn: int) -> Tensor:
    """One of them: a plane wave in an oblong Gaussian, less a multiple of that, so that its mean is 0."""
    angle = (ORIENTATIONS // 2 - 1 - turn) * math.pi / ORIENTATIONS
    sigma, frequency = WIDTH * 2.0**scale, FREQUENCY / 2.0**scale
    cosine, sine = math.cos(angle), math.sin(angle)
    envelope, wave = np.zeros((height, width)), np.zeros((height, width), complex)
    for down in range(-2, 3):  # what leaves on one side comes in on the other
        for across in range(-2, 3):
            y, x = np.mgrid[
                down * height : (down + 1) * height, across * width : (across + 1) * width
            ].astype(float)
            along, aside = cosine * x + sine * y, cosine * y - sine * x
            gauss = np.exp(-(along**2 + (SLANT * aside) ** 2) / (2 * sigma**2))
            envelope += gauss
            wave += gauss * np.exp(1j * frequency * along)
    wave -= envelope * (wave.sum() / envelope.sum())
    wave *= SLANT / (2 * math.pi * sigma**2)
    return torch.from_numpy(np.fft.fft2(wave).real.astype(np.float32))


@torch.no_grad()
def codes(
    source: Source,
    shape: Shape,
    seed: int,
    device: torch.device | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Tensor:
    """The principal axes of the logarithms of the averages of all images. → (n, at most DIMS), on the CPU.

    The axes are those of FITTED samples, drawn by the seed where there are more. progress(done, total): of images;
    what it raises ends the work.
    """
    from sklearn.decomposition import PCA

    transform = Scattering(shape, device)
    floors, count = _floors(transform, source), len(source)
    rows = sample_rows(count, FITTED, seed)
    first = _logarithms(transform, source, rows, floors, progress)
    dims = min(DIMS, *first.shape)
    axes = PCA(dims, svd_solver="randomized", random_state=seed).fit(first)
    found = np.empty((count, dims), np.float32)
    found[rows] = _along(axes, first)
    del first
    others = np.setdiff1d(np.arange(count), rows)
    for start in range(0, len(others), FITTED):
        some, before = others[start : start + FITTED], len(rows) + start
        found[some] = _along(axes, _logarithms(transform, source, some, floors, progress, before))
    return torch.from_numpy(found)


def _along(axes: PCA, logarithms: np.ndarray) -> np.ndarray:
    """Logarithms (m, features) along the axes, (m, dims) float32: the same for equal images, wherever they stand.

    In single precision a product rounds by the place of a row, and copies of an image would be neighbours of some of
    their kind and not of others.
    """
    found = np.empty((len(logarithms), len(axes.components_)), np.float32)
    turned = axes.components_.T.astype(np.float64)
    for start in range(0, len(found), PROJECTED):
        block = slice(start, start + PROJECTED)
        found[block] = (logarithms[block].astype(np.float64) - axes.mean_) @ turned
    return found


def _logarithms(
    transform: Scattering,
    source: Source,
    rows: np.ndarray,
    floors: Tensor,
    progress: Callable[[int, int], Any] | None,
    before: int = 0,
) -> np.ndarray:
    """The logarithms of the averages, above their floors, of the images at `rows` (m,). → (m, features) float32.

    before: images that are done already.
    """
    found = np.empty((len(rows), floors.numel() * math.prod(transform.positions)), np.float32)
    for start in range(0, len(rows), transform.block):
        if progress:
            progress(before + start, len(source))
        averages = transform(source(rows[start : start + transform.block]))
        logs = (averages.clamp_min(0) + floors).log()
        found[start : start + transform.block] = logs.flatten(1).cpu().numpy()
    return found


def _floors(transform: Scattering, source: Source) -> Tensor:
    """What is added to each path before the logarithm, by the first images: (C, paths, 1). Empty parts weigh little."""
    count = min(len(source), FLOORED)
    blocks = (
        np.arange(start, min(start + transform.block, count)) for start in range(0, count, transform.block)
    )
    sums = torch.stack([transform(source(rows)).clamp_min(0).mean(3).sum(0) for rows in blocks])
    return FLOOR * sums.sum(0)[:, :, None] / count + 1e-12
