"""Density contours of a map (Plotly)."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dsc_core.plots.palette import MUTED

GRID = 80  # cells along each side of the histogram
SMOOTHING = 1.6  # standard deviation of the Gaussian, in cells
MARGIN = 0.08  # around the points, for what the smoothing spreads over the edge


def density(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The smoothed histogram of points (n, 2): x (GRID,), y (GRID,) and z (GRID, GRID), points per cell."""
    from scipy.ndimage import gaussian_filter

    points = np.asarray(points, dtype=np.float64)
    low, high = points.min(0), points.max(0)
    pad = (high - low) * MARGIN + 1e-9
    counts, x, y = np.histogram2d(
        points[:, 0], points[:, 1], bins=GRID, range=np.c_[low - pad, high + pad].tolist()
    )
    return _middles(x), _middles(y), gaussian_filter(counts, SMOOTHING, mode="constant").T


def _middles(edges: np.ndarray) -> np.ndarray:
    return (edges[:-1] + edges[1:]) / 2


def contours(points: np.ndarray) -> go.Contour:
    """Lines of equal density of points (n, 2)."""
    x, y, z = density(points)
    high = float(np.quantile(z[z > 0.05], 0.98)) if (z > 0.05).any() else 1.0
    return go.Contour(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        z=z.astype(np.float32),
        hoverinfo="skip",
        showscale=False,
        showlegend=False,
        line={"width": 1, "color": MUTED, "smoothing": 1.0},
        contours={"coloring": "none", "start": high / 8, "end": high, "size": high / 5},
    )
