"""Where the computing is done: "auto", "cpu" or "cuda" made into a torch device and a name for the screen."""

from __future__ import annotations

from dsc_core.errors import InputError


def describe(device: str = "auto"):
    """(torch.device, name): what `device` stands for here, "CPU, 2 threads" or the graphics card's name.

    "auto" takes CUDA where PyTorch finds it. InputError for "cuda" without it, or for another word.
    """
    import torch

    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device takes auto or cpu or cuda, not {device}.")
    present = device != "cpu" and torch.cuda.is_available()
    if device == "cuda" and not present:
        raise InputError("No CUDA device is present; set device to auto or cpu.")
    if present:
        return torch.device("cuda"), torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return torch.device("cpu"), f"CPU, {threads} thread{'s' if threads != 1 else ''}"
