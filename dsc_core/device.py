"""The device of a computation: "auto", "cpu" or "cuda" as a torch device and a name for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsc_core.errors import InputError

if TYPE_CHECKING:
    import torch


def describe(device: str = "auto") -> tuple[torch.device, str]:
    """(torch.device, name) of a setting: ("cpu", "CPU, 2 threads"), or the name of the graphics card.

    "auto" takes CUDA where PyTorch finds it. InputError for "cuda" without it, or for another word.
    """
    import torch

    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device takes auto, cpu or cuda, not {device}.")
    available = device != "cpu" and torch.cuda.is_available()
    if device == "cuda" and not available:
        raise InputError("No CUDA device was found; set device to auto or cpu.")
    if available:
        return torch.device("cuda"), torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return torch.device("cpu"), f"CPU, {threads} thread{'s' if threads != 1 else ''}"
