"""The limit of a step: its convolutions and products alone, on ready tensors, back to back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import flop_registry

# Products that PyTorch's flop counter does not know: the name, and their flops from their arguments.
MORE = {"mkldnn::_linear_pointwise": lambda rows, weight, *rest: 2 * rows.numel() * weight.shape[0]}


@dataclass(frozen=True)
class Layout:
    """A tensor without its values."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    def tensor(self, device: torch.device) -> torch.Tensor:
        """A tensor of this layout, with small random values."""
        # Filled before it is laid out: the places of an expanded tensor lie on each other.
        places = sum((length - 1) * step for length, step in zip(self.size, self.stride, strict=True)) + 1
        memory = torch.zeros(places if 0 not in self.size else 0, dtype=self.dtype, device=device)
        if memory.is_floating_point():
            memory.normal_(std=0.1)
        return memory.as_strided(self.size, self.stride)


@dataclass
class Recorder(TorchDispatchMode):
    """While it is entered: every operation that PyTorch's flop counter knows, forward and backward, and its flops."""

    operations: list[tuple[Any, Any, Any]] = field(default_factory=list)
    flops: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        count, more = flop_registry.get(func._overloadpacket), MORE.get(func._schema.name)
        if count or more:
            self.flops += count(*args, **kwargs, out_val=result) if count else more(*args)
            self.operations.append((func, tree_map(_layout, args), tree_map(_layout, kwargs)))
        return result

    def alone(self, device: torch.device) -> Callable[[], None]:
        """A function that carries out these operations and nothing else; on a graphics card by one captured graph."""
        ready = [
            (
                func,
                tree_map(lambda leaf: _ready(leaf, device), args),
                tree_map(lambda leaf: _ready(leaf, device), more),
            )
            for func, args, more in self.operations
        ]

        @torch.no_grad()
        def carry_out() -> None:
            for func, args, kwargs in ready:
                func(*args, **kwargs)

        return _captured(carry_out) if device.type == "cuda" else carry_out


def _layout(leaf: Any) -> Any:
    return Layout(tuple(leaf.size()), leaf.stride(), leaf.dtype) if isinstance(leaf, torch.Tensor) else leaf


def _ready(leaf: Any, device: torch.device) -> Any:
    return leaf.tensor(device) if isinstance(leaf, Layout) else leaf


def _captured(carry_out: Callable[[], None]) -> Callable[[], None]:
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            carry_out()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        carry_out()
    return graph.replay
