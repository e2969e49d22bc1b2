"""The spectral network and its orthonormal layer."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from dsc_core.method.products import Linear

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


def orthonormalise_on_device(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Y as `orthonormalise` makes it, by work that asks nothing of the host. (m, K′), m ≥ K′ → (m, K′), () bool.

    The second value says that no jitter helped: Y is then zero and passes no gradient, and the caller, who reads it
    later, has to go back to `orthonormalise`, which knows QR.
    """
    return _Orthonormal.apply(raw)


class _Orthonormal(torch.autograd.Function):
    """Y = √m·Ỹ·(Lᵀ)⁻¹ and its exact gradient, (gQ − Q·(T + Tᵀ))·L⁻¹ with Q = Y/√m and T = ½-diagonal tril(gQᵀQ).

    The gradient is that of the Cholesky factor (Murray, arXiv 1602.07527, equation 10), carried through Q = Ỹ·(Lᵀ)⁻¹.
    """

    @staticmethod
    def forward(context, raw: Tensor) -> tuple[Tensor, Tensor]:
        factor, failed = _cholesky_of_gram(raw)
        basis = torch.linalg.solve_triangular(factor.T, raw, upper=True, left=False)
        basis = basis.masked_fill(failed, 0.0)
        context.save_for_backward(basis, factor, failed)
        context.mark_non_differentiable(failed)
        return basis * len(raw) ** 0.5, failed

    @staticmethod
    def backward(context, gradient: Tensor, _failed: Tensor) -> Tensor:
        basis, factor, failed = context.saved_tensors
        gradient = gradient * len(basis) ** 0.5
        coupled = gradient.T @ basis
        lower = coupled.tril(-1) + 0.5 * coupled.diagonal().diag_embed()
        inner = gradient - basis @ (lower + lower.T)
        outer = torch.linalg.solve_triangular(factor, inner, upper=False, left=False)
        return outer.masked_fill(failed, 0.0)


def _cholesky_of_gram(raw: Tensor) -> tuple[Tensor, Tensor]:
    """L of ỸᵀỸ with the least jitter that lets it pass, (K′, K′), the identity where none does; whether none does, ().

    All jitters at once and column by column, since the library's own factorisation cannot be recorded in a graph.
    """
    gram = raw.T @ raw
    dims = len(gram)
    eye = torch.eye(dims, dtype=raw.dtype, device=raw.device)
    scale = gram.diagonal().mean()
    left = torch.stack([gram + jitter * scale * eye for jitter in JITTERS])
    factors = torch.zeros_like(left)
    for column in range(dims):
        root = left[:, column, column].clamp_min(torch.finfo(raw.dtype).tiny).rsqrt()
        reduced = left[:, :, column] * root[:, None]
        factors[:, :, column] = reduced
        left.addcmul_(reduced[:, :, None], reduced[:, None, :], value=-1)
    factors = factors.tril()
    pivots = factors.diagonal(dim1=1, dim2=2)
    # The same bound as in `orthonormalise`; NaN fails it too.
    passed = (pivots.amin(1) > 1e-4 * pivots.amax(1)) & (scale > 0)
    first = (passed * torch.arange(len(JITTERS), 0, -1, device=raw.device)).argmax()
    failed = ~passed.any()
    return torch.where(failed, eye, factors.index_select(0, first[None])[0]), failed


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
            layers += [Linear(before, after), nn.ReLU(inplace=True)]
        self.trunk = nn.Sequential(*layers)
        self.assignment = Linear(widths[-1], clusters)
        self.coordinates = None if softmax_coordinates else Linear(widths[-1], spectral_dims)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """(m, d) → Ỹ (m, K′), logits (m, K). In the released code, Ỹ is the softmax itself."""
        hidden = self.trunk(latent)
        logits = self.assignment(hidden)
        raw = logits.softmax(1) if self.coordinates is None else self.coordinates(hidden)
        return raw, logits
