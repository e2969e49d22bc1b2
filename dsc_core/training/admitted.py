"""Before training: which transforms random copies get, where the settings leave it to the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dsc_core.config import FURTHER, Config
from dsc_core.method import admission
from dsc_core.method.admission import Admission
from dsc_core.method.augmentation import makes_copies
from dsc_core.training import distributed

TOO_FEW = (
    "Random copies are only shifted, rotated and scaled: fewer than {} different images cannot show which other "
    "transforms lie among the data."
)
COPIES, AMONG, OUTSIDE = (
    "Random copies are",
    "such images lie among the data",
    "such images lie outside the data",
)


def with_admitted(config: Config, samples: np.ndarray, scaling: tuple[float, float]) -> tuple[Config, str]:
    """The settings with every transform that is `auto` on or off, and what was decided in a sentence, "" if nothing.

    samples: (n, C, H, W) or (n, F), raw. Without random copies nothing is decided. Of several processes the first
    decides.
    """
    names = [name for name in FURTHER if getattr(config, name) == "auto"]
    if not names or not makes_copies(config, samples):
        return config, ""
    found = distributed.once(lambda: admission.measure(samples, scaling, config.seed, names))
    admitted = [each.transform.name for each in found if each.admitted]
    decided = {name: "on" if name in admitted else "off" for name in names}
    return config.replace(**decided), in_words(found)


def in_words(found: Sequence[Admission]) -> str:
    """Which transforms were admitted, and which were not, with their ratios."""
    if not all(each.measured for each in found):
        return TOO_FEW.format(admission.FEWEST)
    on, off = ([each for each in found if each.admitted is kind] for kind in (True, False))
    said = []
    if on:
        below = f"below {admission.LIMIT}"
        said.append(f"{COPIES} also {_listed(on, 'and')}: {AMONG} (a ratio of distances {below}).")
    if off:
        start = "They are" if on else COPIES
        least = f"of {admission.LIMIT} or more"
        said.append(f"{start} not {_listed(off, 'or')}: {OUTSIDE} (a ratio of distances {least}).")
    return " ".join(said)


def _listed(found: Sequence[Admission], last: str) -> str:
    """The transforms with their ratios: "mirrored (1.15) and zoomed (1.20)"."""
    parts = [f"{each.transform.active} ({each.in_words})" for each in found]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"
