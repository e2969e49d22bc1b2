"""The 20 categorical colours can be told apart, also by people with protanopia or deuteranopia."""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

from dsc_core.plots import palette

ROOT = Path(__file__).parents[2]
# G. Machado, M. Oliveira, L. Fernandes, "A physiologically-based model for simulation of color vision
# deficiency", 2009: severity 1.0, on linear RGB.
SEEN_BY = {
    "full colour vision": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
JUST_SEEN = 0.02  # a difference in OKLab that people begin to see


def srgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def linear(parts: np.ndarray) -> np.ndarray:
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """B. Ottosson's OKLab, in which equal distances look about equally large."""
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    opponent = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return opponent @ np.cbrt(cones @ np.clip(rgb, 0, 1))


def grounds() -> dict[str, np.ndarray]:
    """The background of each theme, as sRGB in [0, 1]."""
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    return {name: srgb(theme[name]["backgroundColor"]) for name in ("light", "dark")}


def nearest(colours: tuple[str, ...], who: str, ground: np.ndarray, opacity: float) -> float:
    """The distance in OKLab of the two most similar colours, drawn with an opacity on a background."""
    seen = [
        oklab(SEEN_BY[who] @ linear(opacity * srgb(colour) + (1 - opacity) * ground)) for colour in colours
    ]
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))


@pytest.mark.parametrize("ground", ["light", "dark"])
@pytest.mark.parametrize("who", SEEN_BY)
def test_all_pairs_of_colours_lie_well_apart_on_both_backgrounds(who, ground):
    """Points of a map are drawn with an opacity of 0.8, so that the background shows through."""
    assert len(palette.PALETTE) == 20
    full = who == "full colour vision"
    assert nearest(palette.PALETTE, who, grounds()[ground], 1.0) > (5 if full else 3) * JUST_SEEN
    assert nearest(palette.PALETTE, who, grounds()[ground], 0.8) > (4 if full else 2.4) * JUST_SEEN
    assert nearest(palette.PALETTE[:10], who, grounds()[ground], 0.8) > (6 if full else 3.9) * JUST_SEEN


def test_every_colour_shows_on_both_themes():
    """Contrast as WCAG defines it. A colour cannot have 3 : 1 on both and still differ from 19 others."""

    def brightness(rgb):
        return float(np.array([0.2126, 0.7152, 0.0722]) @ linear(rgb))

    for name, least in (("light", 1.6), ("dark", 3.0)):
        for colour in palette.PALETTE:
            dark, light = sorted((brightness(srgb(colour)), brightness(grounds()[name])))
            assert (light + 0.05) / (dark + 0.05) > least, (colour, name)


def test_the_theme_and_the_figures_use_the_same_colours():
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    assert tuple(theme["chartCategoricalColors"]) == palette.PALETTE
    assert len(theme["chartSequentialColors"]) == len(theme["dark"]["chartSequentialColors"]) == 10


def test_the_server_listens_on_this_machine_only_and_asks_and_reports_nothing():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["server"]["showEmailPrompt"] is False
    assert config["browser"]["gatherUsageStats"] is False
