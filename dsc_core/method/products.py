"""Matrix products in single precision on the CPU by oneDNN, which on processors of AMD takes half of MKL's time.

PyTorch's own operators give such products to MKL. On processors of Intel both take the same time. Elsewhere (CUDA,
other types, a PyTorch without oneDNN, an export of the networks) PyTorch's operators are used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

FEWEST = 2**21  # multiplications below which calling oneDNN takes longer than it saves


def _has_one_dnn() -> bool:
    """Whether this PyTorch can be asked for a product by oneDNN, an operator without a public name."""
    try:
        ones = torch.ones(2, 2)
        return bool(torch.equal(_multiply(ones, ones, None), ones @ ones))
    except (AttributeError, RuntimeError, NotImplementedError):
        return False


def _multiply(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """rows·weightᵀ + bias, without gradients. Shapes (m, k), (n, k), (n,) → (m, n)."""
    return torch.ops.mkldnn._linear_pointwise(_dense(rows), _dense(weight), bias, "none", [], "")


def _dense(matrix: Tensor) -> Tensor:
    """The matrix without gaps in memory: on others, such as every fourth row, oneDNN is hundreds of times slower."""
    return matrix if matrix.is_contiguous() or matrix.t().is_contiguous() else matrix.contiguous()


ONE_DNN = torch.backends.mkldnn.is_available() and _has_one_dnn()


def _suits(rows: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN takes these: two matrices of numbers in single precision, in the memory of the CPU."""
    return (
        ONE_DNN
        and not torch.compiler.is_compiling()  # first: an export has no number of rows to compare
        and rows.dim() == weight.dim() == 2
        and rows.dtype == weight.dtype == torch.float32
        and rows.device.type == weight.device.type == "cpu"
        and rows.numel() * len(weight) >= FEWEST
    )


class _Linear(torch.autograd.Function):
    """rows·weightᵀ + bias by oneDNN, and its gradients by oneDNN too."""

    @staticmethod
    def forward(context: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        context.save_for_backward(rows, weight)
        return _multiply(rows, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        rows, weight = context.saved_tensors
        of_rows, of_weight, of_bias = context.needs_input_grad
        return (
            _multiply(gradient, weight.t(), None) if of_rows else None,
            _multiply(gradient.t(), rows.t(), None) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """rows·weightᵀ + bias, with gradients: `torch.nn.functional.linear`. Shapes (m, k), (n, k), (n,) → (m, n)."""
    if not _suits(rows, weight):
        return functional.linear(rows, weight, bias)
    if torch.is_grad_enabled():
        return _Linear.apply(rows, weight, bias)
    return _multiply(rows, weight, bias)


def product(left: Tensor, right: Tensor) -> Tensor:
    """left·right, with gradients. Shapes (m, k), (k, n) → (m, n)."""
    return linear(left, right.t()) if _suits(left, right.t()) else left @ right


class Linear(nn.Linear):
    """torch's layer, computed by `linear`."""

    def forward(self, rows: Tensor) -> Tensor:
        """(m, k) → (m, n)."""
        return linear(rows, self.weight, self.bias)
