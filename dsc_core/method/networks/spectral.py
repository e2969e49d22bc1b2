"""The spectral network and its orthonormal layer."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

JITTERS = (0.0, 1e-6, 1e-4, 1e-2)


def orthonormalise(raw: Tensor) -> tuple[Tensor, Tensor, str]:
    """Y = √m·Ỹ·(Lᵀ)⁻¹ with ỸᵀỸ = L·Lᵀ, so that YᵀY/m = I. Shapes (m, K′) → (m, K′), (K′, K′), how.

    The second value R is the map itself: Y = Ỹ·R, to be stored and applied to other samples. The Gram matrix is
    singular when the batch has fewer points than K′ or clusters are empty: jitter is added in steps (relative to the
    mean of the diagonal), then QR is used. how: "cholesky", "jitter" or "qr".
    """
    samples, dims = raw.shape
    gram = raw.T @ raw
    eye = torch.eye(dims, dtype=raw.dtype, device=raw.device)
    scale = gram.diagonal().mean().detach()
    # Rounding can let Cholesky pass on a Gram matrix of too low a rank; fewer rows than K′ is certainly that.
    for jitter in JITTERS if samples >= dims and scale > 0 else ():
        factor, failed = torch.linalg.cholesky_ex(gram + jitter * scale * eye)
        # A pivot below the noise of single precision would inflate the coordinates: that is singular too.
        if not failed and factor.diagonal().min() > 1e-4 * factor.diagonal().max():
            transform = torch.linalg.solve_triangular(factor.T, eye, upper=True) * samples**0.5
            solved = torch.linalg.solve_triangular(factor.T, raw, upper=True, left=False) * samples**0.5
            return solved, transform, "jitter" if jitter else "cholesky"
    return _by_qr(raw)


def _by_qr(raw: Tensor) -> tuple[Tensor, Tensor, str]:
    """The last resort. With m < K′ only m columns can be orthonormal; the others are zeros."""
    samples, dims = raw.shape
    basis, _ = torch.linalg.qr(raw.detach())
    basis = nn.functional.pad(basis, (0, dims - basis.shape[1])) * samples**0.5
    # The pseudo-inverse, not least squares, which on CUDA needs the full rank that is missing here.
    transform = (torch.linalg.pinv(raw.detach().double()) @ basis.double()).to(raw.dtype)
    # The value is the exact basis; the gradient flows through Ỹ·R, whose own value rank deficiency spoils.
    through = raw @ transform
    return through + (basis - through).detach(), transform, "qr"


class SpectralNetwork(nn.Module):
    """z → Ỹ (m, K′) and the logits of the soft assignment p(y|z) (m, K), on one trunk of layers w, w, w/2."""

    def __init__(
        self, latent_dims: int, spectral_dims: int, clusters: int, width: int, softmax_coordinates: bool
    ):
        super().__init__()
        widths = (latent_dims, width, width, width // 2)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        self.assignment = nn.Linear(widths[-1], clusters)
        self.coordinates = None if softmax_coordinates else nn.Linear(widths[-1], spectral_dims)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """(m, d) → Ỹ (m, K′), logits (m, K). In the released code, Ỹ is the softmax itself."""
        hidden = self.trunk(latent)
        logits = self.assignment(hidden)
        raw = logits.softmax(1) if self.coordinates is None else self.coordinates(hidden)
        return raw, logits
