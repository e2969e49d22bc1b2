"""Adam, without the compiler that PyTorch would load with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer


class Adam(torch.optim.Adam):
    """PyTorch's Adam, which does not load `torch._dynamo`: that takes a second of every process.

    PyTorch loads its compiler only to tell it where not to enter: in `step`, around what is called here directly, and
    in some methods of optimisers (`torch/_compile.py:_disable_dynamo`), unless these know what to call in their place.
    """

    def __init__(
        self, parameters: Iterable[torch.nn.Parameter], rate: float | torch.Tensor, **options: Any
    ) -> None:
        for method in vars(Optimizer).values():
            if plain := getattr(method, "__wrapped__", None):
                setattr(plain, "__dynamo_disable", plain)
        super().__init__(parameters, rate, **options)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step; see `torch.optim.Adam`."""
        return torch.optim.Adam.step.__wrapped__(self, closure)  # type: ignore[attr-defined]


def adam(parameters: Iterable[torch.nn.Parameter], rate: float | torch.Tensor, **options: Any) -> Adam:
    """Adam in one pass over each parameter. options: further arguments of `torch.optim.Adam`."""
    return Adam(parameters, rate, fused=True, **options)
