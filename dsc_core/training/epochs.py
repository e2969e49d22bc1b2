"""How many epochs a training has. Imports no PyTorch: a page says it before training starts."""

from __future__ import annotations

import math

from dsc_core.config import KNOBS, Config


def batch_count(count: int, batch: int) -> int:
    """Batches of about `batch` samples that `count` samples make."""
    return max(1, round(count / batch))


def with_least_steps(config: Config, count: int) -> Config:
    """More epochs where `count` samples make so few batches that a stage would end before `least_steps`.

    None of stage 1 without an encoder, which has nothing to learn there.
    """

    def enough(name: str, batch: int, least: int) -> int:
        epochs, steps = getattr(config, name), batch_count(count, batch)
        steps = min(steps, config.batches) if config.batches else steps
        most = int(KNOBS[name].high or epochs)
        return min(max(epochs, math.ceil(least / steps)), most) if epochs else 0

    first = enough("epochs", config.batch, config.least_steps) if config.encoder == "network" else 0
    # Stage 2 needs fewer: its networks are trained already.
    second = enough("joint_epochs", config.joint_batch, config.least_steps // 8)
    return config.replace(epochs=first, joint_epochs=second)


def more_epochs(asked: Config, config: Config, count: int) -> str:
    """Which stages train for more epochs than `asked`, and why, in a sentence; "" if none does."""
    stages = ((1, asked.epochs, config.epochs), (2, asked.joint_epochs, config.joint_epochs))
    raised = [f"{new} in stage {number} instead of {old}" for number, old, new in stages if new > old]
    if not raised:
        return ""
    return (
        f"{count:,} samples make few steps per epoch, so there are more epochs: {' and '.join(raised)}"
        f" (see the setting {KNOBS['least_steps'].title}: {config.least_steps})."
    )
