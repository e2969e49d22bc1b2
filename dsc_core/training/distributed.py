"""Everything that several processes exchange while they train one run. In a single process it does nothing.

Each process computes its share of the rows of every batch. Whatever couples the samples of a batch is computed from
all rows, by every process, so that each has the loss of the whole batch. The sums below therefore pass their
gradients back summed over the processes, and the mean over the processes, which PyTorch's DistributedDataParallel
takes, is the exact gradient of that loss. Random numbers are drawn for the whole batch, from the same state in every
process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dsc_core.errors import InputError, RunError
from dsc_core.method.share import Rows, Share

Result = TypeVar("Result")
Module = TypeVar("Module", bound=nn.Module)
# How long one process waits for the others: the first one builds the graph of a large data set alone.
TIMEOUT = timedelta(minutes=30)
# Not `dist.is_initialized()`: the processes of a script may each train something else.
_joined = False


# Joining and leaving ----------------------------------------------------------------------------------------


def join() -> None:
    """Connect to the other processes that torchrun has started. RunError where they cannot be reached."""
    global _joined
    cuda = torch.cuda.is_available()
    if cuda:  # with fewer cards than processes, `check` refuses to compute on them
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=TIMEOUT)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(f"The processes of the run cannot reach each other ({reason}).") from error
    _joined = True


def leave() -> None:
    """Disconnect from the other processes."""
    global _joined
    if _joined:
        _joined = False
        dist.destroy_process_group()


def size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _joined else 1


def first() -> bool:
    """Whether this process is the one that receives requests, reports and saves."""
    return not _joined or dist.get_rank() == 0


def check(device: torch.device, smallest: int) -> None:
    """InputError where there are more processes than graphics cards, or than samples in the smallest batch."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if _joined and device.type == "cuda" and torch.cuda.device_count() < here:
        raise InputError(
            f"{here} processes need a CUDA device each, and {torch.cuda.device_count()} can be used here;"
            " start fewer processes, or set device to cpu."
        )
    if _joined and smallest < size():
        raise InputError(
            f"A batch of {smallest} samples is too small for {size()} processes; start fewer processes."
        )


# Exchange ---------------------------------------------------------------------------------------------------


class _Sum(torch.autograd.Function):
    """The sum over the processes: of the values, and on the way back of the gradients."""

    @staticmethod
    def forward(_context, values: Tensor) -> Tensor:
        summed = values.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(_context, gradient: Tensor) -> Tensor:
        summed = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed


def once(compute: Callable[[], Result]) -> Result:
    """The result of `compute()` in the first process, in all of them; the others do not call it."""
    if not _joined:
        return compute()
    results: list[Any] = [compute() if first() else None]
    # Pickled, but only between the processes of one run: no file of a data set is ever read this way.
    dist.broadcast_object_list(results, src=0, device=torch.device("cpu"))
    return results[0]


def spread(module: nn.Module) -> None:
    """Copy the parameters and buffers of `module` from the first process to all others."""
    if _joined:
        for value in module.state_dict().values():
            received = value.detach().contiguous()
            dist.broadcast(received, src=0)
            value.copy_(received)


@dataclass(frozen=True)
class ProcessShare(Share):
    """The rows of a batch of `count` that one of several processes computes: one of `processes` nearly equal parts.

    step: where it is not 1, the rows are every `step`-th of a batch of `batch`.
    """

    rank: int
    processes: int
    step: int = 1
    batch: int = 0

    @property
    def size(self) -> int:
        """How many processes share the batch."""
        return self.processes

    @property
    def rows(self) -> slice:
        """The positions of this process's rows in the batch."""
        return slice(self._before(self.rank), self._before(self.rank + 1))

    def _before(self, rank: int) -> int:
        """The number of rows that the processes before `rank` compute."""
        return -(-((self.batch or self.count) * rank // self.processes) // self.step)

    def every(self, step: int) -> Share:
        """Of the rows of this process, those at every `step`-th position of the batch."""
        return replace(self, count=-(-self.count // step), step=step, batch=self.count)

    def mine(self, batch: Rows) -> Rows:
        """The rows of this process. (count, …) → (rows, …)."""
        return batch[self.rows]  # type: ignore[index]  # an array or a tensor

    def whole(self, *parts: Tensor) -> list[Tensor]:
        """The rows of all processes, in one exchange. (rows, a), (rows, b), … → (count, a), (count, b), and so on."""
        mine = torch.cat([part.flatten(1) for part in parts], 1)
        # Every row is the number of one process plus zeros from the others, and therefore exact.
        before, after = self.rows.start, self.count - self.rows.stop
        whole = _Sum.apply(nn.functional.pad(mine, (0, 0, before, after)))
        columns = whole.split([part[0].numel() for part in parts], 1)
        return [rows.reshape(self.count, *part.shape[1:]) for rows, part in zip(columns, parts, strict=True)]

    def mean(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """Means over the rows of this process, turned into means over the batch. Scalars by name."""
        fraction = (self.rows.stop - self.rows.start) / self.count
        means = _Sum.apply(torch.stack(list(terms.values())) * fraction)
        return dict(zip(terms, means.unbind(), strict=True))


def share(count: int) -> Share:
    """The share of this process in a batch of `count`."""
    return ProcessShare(count, dist.get_rank(), dist.get_world_size()) if _joined else Share(count)


# Networks ---------------------------------------------------------------------------------------------------


class WholeBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation over the rows of all processes. torch's SyncBatchNorm does so on CUDA only."""

    momentum: float  # never None here: the running moments are exponential means
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def _check_input_dim(self, values: Tensor) -> None:
        pass

    def forward(self, values: Tensor) -> Tensor:
        """(rows, channels, …) → the same shape, as torch's own BatchNorm computes it of the whole batch."""
        if not (self.training and _joined):
            return super().forward(values)
        count, mean, variance = self.moments(values)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        across = (1, -1, *[1] * (values.dim() - 2))
        scale = self.weight * (variance + self.eps).rsqrt()
        # One pass over the values for both, as x·scale + shift.
        return torch.addcmul((self.bias - mean * scale).view(across), values, scale.view(across))

    def moments(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values per channel, their mean and their variance over all processes: (), (channels,), (channels,)."""
        variance, mean = torch.var_mean(values, [0, *range(2, values.dim())], correction=0)
        count = mean.new_full((1,), values.numel() / values.shape[1])
        parts, rank = torch.cat([count, mean, variance]), dist.get_rank()
        # Kept apart, not summed: a sum of squares would lose the variance beside a large mean.
        parts = _Sum.apply(nn.functional.pad(parts[None], (0, 0, rank, size() - 1 - rank)))
        counts, means, variances = parts.split([1, len(mean), len(mean)], 1)
        weights = counts / counts.sum()
        mean = (weights * means).sum(0)
        return counts.sum(), mean, (weights * (variances + (means - mean).square())).sum(0)


def normalised_together(nets: Module) -> Module:
    """`nets` with batch norms over the rows of all processes, in place; parameters keep their names."""
    if _joined:
        for module in nets.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.__class__ = WholeBatchNorm
    return nets


class _Calls(nn.Module):
    """Networks as one module whose forward pass is any function of them."""

    def __init__(self, nets: nn.Module) -> None:
        super().__init__()
        self.nets = nets

    def forward(self, terms: Callable[..., Any], *arguments: Any) -> Any:
        """`terms` of the networks."""
        return terms(self.nets, *arguments)


def averaged(nets: nn.Module) -> Callable[..., Any]:
    """A function `call(terms, *arguments)` that is `terms(nets, *arguments)` with gradients averaged over processes.

    Between two calls there must be a `backward`, or the processes wait for each other.
    """
    calls = _Calls(nets)
    if not _joined:
        return calls
    # A weight of zero leaves its network out of a step. Buffers are equal in all processes already.
    return DistributedDataParallel(calls, find_unused_parameters=True, forward_sync_buffers=False)
