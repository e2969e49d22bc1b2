"""Colours shared by all figures: the same cluster has the same colour in every one of them."""

from __future__ import annotations

PALETTE = (
    "#2f6fb5",
    "#e8952a",
    "#99de78",
    "#be0274",
    "#27aed9",
    "#aa4200",
    "#a959ff",
    "#78875e",
    "#f86ea5",
    "#cec4fd",
    "#3c6d40",
    "#f682ff",
    "#eac30c",
    "#880eff",
    "#3ed4cd",
    "#bd6493",
    "#479500",
    "#f8a7ad",
    "#61bc63",
    "#f65301",
)
# Visible on the light and on the dark theme, but too pale for text on white.
MUTED = "#8a94a3"
# Text of axes and legends, by "is the theme dark": a contrast of at least 4.5 : 1.
TEXT = {False: "#5b6675", True: "#98a2b0"}


def colour(index: int) -> str:
    """The colour of cluster or class number `index`; colours repeat after 20."""
    return PALETTE[int(index) % len(PALETTE)]
