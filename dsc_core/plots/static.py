"""Still pictures, SVG and PNG, of what `figures` shows on the screen: for papers and reports, without a browser.

A `Picture` is a list of shapes; the same list is written as SVG or painted by Pillow. Arrays in, nothing else known.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from html import escape

import numpy as np

from dsc_core.plots.interactive import MUTED, PALETTE, colour, drawn, point_size

INK = "#1b2430"
SIDE = 460  # pixels of a map
LINE = 18  # pixels between two lines of words
LETTER = 0.56  # width of a letter, as a share of its size, on average
ROW = 28  # pixels of a row of the confusion matrix
PANEL = (300, 170)  # pixels of one curve
FINER = 2  # pixels of a PNG for one of the SVG, and twice as many while it is painted


@dataclass
class Picture:
    """Shapes on a ground, in pixels from the upper left. ground: a colour, None for a transparent SVG."""

    width: float
    height: float
    ground: str | None = "#ffffff"
    ink: str = INK
    shapes: list[tuple] = field(default_factory=list)

    def dots(self, places: np.ndarray, radius: float, shade: str, opacity: float) -> None:
        """Discs round the places (n, 2)."""
        self.shapes.append(("dots", np.asarray(places, float), radius, shade, opacity))

    def line(self, places: np.ndarray, shade: str, width: float = 1.6) -> None:
        """A line through the places (n, 2)."""
        self.shapes.append(("line", np.asarray(places, float), width, shade, 1.0))

    def box(
        self, left: float, top: float, width: float, height: float, shade: str, opacity: float = 1
    ) -> None:
        """A filled rectangle."""
        self.shapes.append(("box", (left, top, width, height), 0, shade, opacity))

    def words(
        self, left: float, top: float, text: str, size: float = 12, align="start", shade: str | None = None
    ):
        """Text whose middle is at height `top`; align: start, middle or end."""
        self.shapes.append(("words", (left, top), size, shade or self.ink, (str(text), align)))

    def beside(self, other: Picture, gap: float = 24) -> Picture:
        """This picture with another one to its right."""
        both = Picture(self.width + gap + other.width, max(self.height, other.height), self.ground, self.ink)
        both.shapes = [*self.shapes, *(_moved(shape, self.width + gap, 0) for shape in other.shapes)]
        return both

    def svg(self) -> str:
        """The picture as the text of an SVG file; names in it are escaped."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:.0f} {self.height:.0f}" '
            f'width="{self.width:.0f}" height="{self.height:.0f}" font-family="system-ui, sans-serif">'
        ]
        if self.ground:
            parts.append(f'<rect width="100%" height="100%" fill="{self.ground}"/>')
        parts += [_as_svg(shape) for shape in self.shapes]
        return "\n".join([*parts, "</svg>\n"])

    def png(self) -> bytes:
        """The picture as a PNG, two pixels for one of the SVG's."""
        from PIL import Image, ImageDraw

        scale = 2 * FINER
        size = round(self.width * scale), round(self.height * scale)
        image = Image.new("RGB", size, self.ground or "#ffffff")
        pen = ImageDraw.Draw(image, "RGBA")
        for shape in self.shapes:
            _paint(pen, shape, scale)
        out = io.BytesIO()
        image.resize((size[0] // 2, size[1] // 2), Image.Resampling.LANCZOS).save(out, "png", optimize=True)
        return out.getvalue()


def _moved(shape: tuple, right: float, down: float) -> tuple:
    kind, place, *rest = shape
    if kind in ("dots", "line"):
        return (kind, place + np.array([right, down]), *rest)
    return (kind, (place[0] + right, place[1] + down, *place[2:]), *rest)


def _as_svg(shape: tuple) -> str:
    kind, place, size, shade, more = shape
    if kind == "dots":
        discs = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.2g}"/>' for x, y in place)
        return f'<g fill="{shade}" fill-opacity="{more:g}">{discs}</g>'
    if kind == "line":
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in place)
        return f'<polyline points="{points}" fill="none" stroke="{shade}" stroke-width="{size:g}"/>'
    if kind == "box":
        left, top, width, height = place
        return (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" fill="{shade}" '
            f'fill-opacity="{more:.3g}"/>'
        )
    text, align = more
    return (
        f'<text x="{place[0]:.1f}" y="{place[1]:.1f}" dy="0.35em" font-size="{size:g}" text-anchor="{align}" '
        f'fill="{shade}">{escape(text)}</text>'
    )


def _paint(pen, shape: tuple, scale: float) -> None:
    from PIL import ImageFont

    kind, place, size, shade, more = shape
    if kind == "words":
        text, align = more
        anchor = {"start": "lm", "middle": "mm", "end": "rm"}[align]
        shade = INK if shade == "currentColor" else shade
        font = ImageFont.load_default(size * scale)
        pen.text((place[0] * scale, place[1] * scale), text, shade, font, anchor)
        return
    ink = (*bytes.fromhex(shade[1:]), round(255 * more))
    if kind == "dots":
        reach = size * scale
        for x, y in place * scale:
            pen.ellipse((x - reach, y - reach, x + reach, y + reach), ink)
    elif kind == "line":
        pen.line([tuple(point) for point in place * scale], ink, round(size * scale), "curve")
    else:
        left, top, width, height = (side * scale for side in place)
        pen.rounded_rectangle((left, top, left + width, top + height), 3 * scale, ink)


# What is drawn ----------------------------------------------------------------------------------------------


def still_map(points, groups, names: dict, title: str, colours: dict | None = None, **look) -> Picture:
    """A map of `points` (n, 2), a colour a group, with a legend below it. Arguments as of `figures.group_map`."""
    points, groups = np.asarray(points, float), np.asarray(groups)
    lines = _legend(names, SIDE)
    picture = Picture(SIDE, SIDE + 40 + LINE * len(lines), **look)
    picture.words(8, 16, title, 15)
    low, high = points.min(0), points.max(0)
    room = np.where(high > low, high - low, 1.0)
    places = (points - low) / room * (SIDE - 24) + 12
    places[:, 1] = SIDE - places[:, 1] + 30
    rows = drawn(len(points))
    shades = {group: (colours or {}).get(group) or colour(place) for place, group in enumerate(names)}
    for group in names:
        member = rows[groups[rows] == group]
        picture.dots(
            places[member], point_size(len(points)) / 2, shades[group], 0.8 if len(points) < 5000 else 0.6
        )
    for place, line in enumerate(lines):
        for left, group, text in line:
            top = SIDE + 38 + LINE * place
            picture.dots(np.array([[left + 5, top]]), 4, shades[group], 1)
            picture.words(left + 14, top, text, 11)
    return picture


def _legend(names: dict, width: float) -> list[list[tuple]]:
    """(left, group, text) of the legend's entries, line by line."""
    lines, left = [[]], 8.0
    for group, name in names.items():
        text = shortened(str(name), 40)
        needed = 14 + 11 * LETTER * len(text) + 14
        if lines[-1] and left + needed > width:
            lines.append([])
            left = 8.0
        lines[-1].append((left, group, text))
        left += needed
    return lines


def shortened(text: str, longest: int) -> str:
    """Text on one line, cut at `longest` letters."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def still_confusion(matrix, classes, clusters, **look) -> Picture:
    """The counts of classes (rows) in clusters (columns), as ordered, shaded by their share of the class."""
    matrix = np.asarray(matrix)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    names = [shortened(str(name), 24) for name in classes]
    left = max(52, 16 + 11 * LETTER * max(map(len, names)))
    wide = max(34.0, 14 + 7 * len(f"{matrix.max():,}"))
    picture = Picture(left + wide * matrix.shape[1] + 8, 58 + ROW * len(matrix), **look)
    picture.words(left, 14, "cluster", 11)
    picture.words(left - 8, 38, "class", 11, "end")
    for j, cluster in enumerate(clusters):
        picture.words(left + wide * (j + 0.5), 38, str(cluster), 11, "middle")
    for i, name in enumerate(names):
        middle = 52 + ROW * (i + 0.5)
        picture.words(left - 8, middle, name, 11, "end")
        for j, count in enumerate(matrix[i]):
            _cell(picture, left + wide * j, middle, wide, share[i, j], f"{count:,}" if count else "")
    return picture


def still_heat_map(values, rows, columns, axes: tuple[str, str], title: str, **look) -> Picture:
    """Values (r, c) as shaded cells between their least and greatest, each with its number; NaN cells stay empty.

    rows, columns: what stands beside them. axes: what the rows and what the columns are.
    """
    values = np.asarray(values, float)
    known = np.isfinite(values)
    low, reach = (values[known].min(), np.ptp(values[known]) or 1.0) if known.any() else (0.0, 1.0)
    wide, left, top = 72.0, 96, 78
    picture = Picture(left + wide * values.shape[1] + 12, top + ROW * len(values) + 12, **look)
    picture.words(12, 18, title, 13)
    picture.words(left - 12, 44, axes[0], 11, "end")
    picture.words(left, 44, axes[1], 11)
    for j, name in enumerate(columns):
        picture.words(left + wide * (j + 0.5), 64, name, 11, "middle")
    for i, name in enumerate(rows):
        middle = top + ROW * (i + 0.5)
        picture.words(left - 12, middle, name, 11, "end")
        for j in np.flatnonzero(known[i]):
            share = (values[i, j] - low) / reach
            _cell(picture, left + wide * j, middle, wide, share, f"{values[i, j]:.3f}")
    return picture


def _cell(picture: Picture, left: float, middle: float, wide: float, share: float, words: str) -> None:
    """A cell of a matrix, shaded by a share in [0, 1]."""
    picture.box(left + 1, middle - ROW / 2 + 1, wide - 2, ROW - 2, PALETTE[0], 0.06 + 0.6 * float(share))
    if words:
        picture.words(left + wide / 2, middle, words, 11, "middle")


def still_curves(curves: dict[str, tuple[np.ndarray, np.ndarray]], columns: int = 3, **look) -> Picture:
    """One small panel a curve, {name: (x (n,), y (n,))}, each with its own least and greatest value written on it."""
    wide, high = PANEL
    rows = -(-len(curves) // columns)
    picture = Picture(wide * min(columns, max(len(curves), 1)), max(high * rows, 40), **look)
    for place, (name, (x, y)) in enumerate(curves.items()):
        left, top = (place % columns) * wide + 12, (place // columns) * high
        x, y = np.asarray(x, float), np.asarray(y, float)
        keep = np.isfinite(x) & np.isfinite(y)
        x, y = x[keep], y[keep]
        picture.words(left, top + 14, name, 12)
        if not len(x):
            continue
        low, reach = y.min(), np.ptp(y) or 1.0
        along = (x - x.min()) / (np.ptp(x) or 1.0) * (wide - 36)
        points = np.stack([left + along, top + high - 34 - (y - low) / reach * (high - 74)], 1)
        picture.line(np.array([[left, top + high - 26], [left + wide - 36, top + high - 26]]), MUTED, 0.6)
        if len(x) == 1:
            picture.dots(points, 3, PALETTE[0], 1)
        else:
            picture.line(points, PALETTE[0])
        picture.words(left + wide - 36, top + 14, f"{y[-1]:.4g} at the end", 10, "end")
        picture.words(left, top + high - 14, f"from {y.min():.4g} to {y.max():.4g}", 10)
    return picture
