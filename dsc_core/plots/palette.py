"""Colours shared by all figures: the same cluster has the same colour in every one of them."""

from __future__ import annotations

PALETTE = (
    "#2f6fb5",
    "#e8952a",
    "#12966f",
    "#dd99ff",
    "#00eecc",
    "#aa3322",
    "#446655",
    "#1199bb",
    "#aadd88",
    "#aa6600",
    "#774488",
    "#ffbb33",
    "#22cc99",
    "#7777dd",
    "#bbccff",
    "#99aacc",
    "#66aa99",
    "#cc6655",
    "#886688",
    "#aa88ee",
)
# Visible on the light and on the dark theme, but too pale for text on white.
MUTED = "#8a94a3"
# Text of axes and legends, by "is the theme dark": a contrast of at least 4.5 : 1.
TEXT = {False: "#5b6675", True: "#98a2b0"}


def colour(index: int) -> str:
    """The colour of cluster or class number `index`; colours repeat after 20."""
    return PALETTE[int(index) % len(PALETTE)]
