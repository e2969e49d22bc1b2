"""Still pictures as a list of shapes, written as SVG or painted by Pillow as PNG, without a browser."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

INK = "#1b2430"
PNG_SCALE = 2  # pixels of a PNG per pixel of the SVG; it is painted at twice that size and scaled down
Align = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class _AtPoints:
    """A shape at points (n, 2)."""

    points: np.ndarray

    def moved(self, right: float) -> Self:
        """The same, `right` pixels further right."""
        return replace(self, points=self.points + np.array([right, 0]))


@dataclass(frozen=True)
class _AtCorner:
    """A shape at one position."""

    left: float
    top: float

    def moved(self, right: float) -> Self:
        """The same, `right` pixels further right."""
        return replace(self, left=self.left + right)


@dataclass(frozen=True)
class Dots(_AtPoints):
    """Discs of one radius around the points."""

    radius: float
    shade: str
    opacity: float

    def svg(self) -> str:
        """As an SVG element."""
        discs = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{self.radius:.2g}"/>' for x, y in self.points)
        return f'<g fill="{self.shade}" fill-opacity="{self.opacity:g}">{discs}</g>'

    def paint(self, pen: ImageDraw, scale: float) -> None:
        """Draw on an image that has `scale` pixels per pixel of the picture."""
        radius, ink = self.radius * scale, _rgba(self.shade, self.opacity)
        for x, y in self.points * scale:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), ink)


@dataclass(frozen=True)
class Line(_AtPoints):
    """A line through the points."""

    width: float
    shade: str

    def svg(self) -> str:
        """As an SVG element."""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)
        return (
            f'<polyline points="{points}" fill="none" stroke="{self.shade}" stroke-width="{self.width:g}"/>'
        )

    def paint(self, pen: ImageDraw, scale: float) -> None:
        """Draw on an image that has `scale` pixels per pixel of the picture."""
        points = [tuple(point) for point in self.points * scale]
        pen.line(points, _rgba(self.shade, 1), round(self.width * scale), "curve")


@dataclass(frozen=True)
class Box(_AtCorner):
    """A filled rectangle with rounded corners."""

    width: float
    height: float
    shade: str
    opacity: float

    def svg(self) -> str:
        """As an SVG element."""
        return (
            f'<rect x="{self.left:.1f}" y="{self.top:.1f}" width="{self.width:.1f}" height="{self.height:.1f}" '
            f'rx="3" fill="{self.shade}" fill-opacity="{self.opacity:.3g}"/>'
        )

    def paint(self, pen: ImageDraw, scale: float) -> None:
        """Draw on an image that has `scale` pixels per pixel of the picture."""
        left, top, width, height = (side * scale for side in (self.left, self.top, self.width, self.height))
        ink = _rgba(self.shade, self.opacity)
        pen.rounded_rectangle((left, top, left + width, top + height), 3 * scale, ink)


@dataclass(frozen=True)
class Text(_AtCorner):
    """A line of text whose middle is at height `top`."""

    text: str
    size: float
    align: Align
    shade: str

    def svg(self) -> str:
        """As an SVG element."""
        return (
            f'<text x="{self.left:.1f}" y="{self.top:.1f}" dy="0.35em" font-size="{self.size:g}" '
            f'text-anchor="{self.align}" fill="{self.shade}">{escape(self.text)}</text>'
        )

    def paint(self, pen: ImageDraw, scale: float) -> None:
        """Draw on an image that has `scale` pixels per pixel of the picture."""
        from PIL import ImageFont

        anchor = {"start": "lm", "middle": "mm", "end": "rm"}[self.align]
        shade = INK if self.shade == "currentColor" else self.shade
        font = ImageFont.load_default(self.size * scale)
        pen.text((self.left * scale, self.top * scale), self.text, shade, font, anchor)


Shape = Dots | Line | Box | Text


def _rgba(shade: str, opacity: float) -> tuple[int, ...]:
    return (*bytes.fromhex(shade[1:]), round(255 * opacity))


@dataclass
class Picture:
    """Shapes on a background, in pixels from the upper left. background: a colour; None: transparent in SVG."""

    width: float
    height: float
    background: str | None = "#ffffff"
    ink: str = INK
    shapes: list[Shape] = field(default_factory=list)

    def dots(self, points: np.ndarray, radius: float, shade: str, opacity: float) -> None:
        """Discs around the points (n, 2)."""
        self.shapes.append(Dots(np.asarray(points, float), radius, shade, opacity))

    def line(self, points: np.ndarray, shade: str, width: float = 1.6) -> None:
        """A line through the points (n, 2)."""
        self.shapes.append(Line(np.asarray(points, float), width, shade))

    def box(
        self, left: float, top: float, width: float, height: float, shade: str, opacity: float = 1
    ) -> None:
        """A filled rectangle."""
        self.shapes.append(Box(left, top, width, height, shade, opacity))

    def text(
        self,
        left: float,
        top: float,
        text: object,
        size: float = 12,
        align: Align = "start",
        shade: str | None = None,
    ) -> None:
        """Text whose middle is at height `top`."""
        self.shapes.append(Text(left, top, str(text), size, align, shade or self.ink))

    def beside(self, other: Picture, gap: float = 24) -> Picture:
        """A picture of this one with another one to its right."""
        offset = self.width + gap
        both = Picture(offset + other.width, max(self.height, other.height), self.background, self.ink)
        both.shapes = [*self.shapes, *(shape.moved(offset) for shape in other.shapes)]
        return both

    def svg(self) -> str:
        """The picture as the text of an SVG file; text in it is escaped."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:.0f} {self.height:.0f}" '
            f'width="{self.width:.0f}" height="{self.height:.0f}" font-family="system-ui, sans-serif">'
        ]
        if self.background:
            parts.append(f'<rect width="100%" height="100%" fill="{self.background}"/>')
        return "\n".join([*parts, *(shape.svg() for shape in self.shapes), "</svg>\n"])

    def png(self) -> bytes:
        """The picture as a PNG file, two pixels per pixel of the SVG."""
        from PIL import Image, ImageDraw

        scale = 2 * PNG_SCALE
        size = round(self.width * scale), round(self.height * scale)
        image = Image.new("RGB", size, self.background or "#ffffff")
        pen = ImageDraw.Draw(image, "RGBA")
        for shape in self.shapes:
            shape.paint(pen, scale)
        out = io.BytesIO()
        image.resize((size[0] // 2, size[1] // 2), Image.Resampling.LANCZOS).save(out, "png", optimize=True)
        return out.getvalue()
