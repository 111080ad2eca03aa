"""Small charts as SVG, the same to the byte for the same points: curves over time, and pairs beside their diagonal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]
WIDTH, HEIGHT, LEFT, BOTTOM, EDGE = 640, 360, 60, 40, 20
HALO = 'paint-order="stroke" stroke="white" stroke-width="4"'
"""Keeps words readable where a curve runs below them."""
COLOURS = ("#06c", "#c60", "#090", "#909", "#066", "#960")


@dataclass(frozen=True)
class Frame:
    """Axes from 0 to `right` and `top`."""

    right: float
    top: float

    def place(self, x: float, y: float) -> str:
        """Coordinates of a point, as SVG writes them."""
        across = LEFT + x / self.right * (WIDTH - LEFT - EDGE)
        return f"{across:.1f},{HEIGHT - BOTTOM - y / self.top * (HEIGHT - BOTTOM - EDGE):.1f}"

    def drawn(self, across: str, up: str, parts: Iterable[str]) -> str:
        """The whole document: axes with their names and ends, and what is drawn between them."""
        corner = f"{self.place(0, self.top)} {self.place(0, 0)} {self.place(self.right, 0)}"
        middle = HEIGHT / 2
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            f'<polyline points="{corner}" fill="none" stroke="#555"/>',
            f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>',
            f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(up)}</text>',
            f'<text x="{LEFT - 6}" y="{EDGE + 4}" text-anchor="end">{self.top:.3g}</text>',
            f'<text x="{WIDTH - EDGE}" y="{HEIGHT - BOTTOM + 16}" text-anchor="end">{self.right:.3g}</text>',
            *parts,
            "</svg>",
        ]
        return "\n".join(lines) + "\n"


def _ends(points: Iterable[Point]) -> tuple[float, float]:
    """Where the axes end."""
    known = list(points)
    return max((x for x, _ in known), default=1.0) or 1.0, max((y for _, y in known), default=1.0) or 1.0


def _dots(frame: Frame, points: Iterable[Point], colour: str) -> list[str]:
    places = [frame.place(x, y).split(",") for x, y in points]
    return [f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}" fill-opacity="0.6"/>' for x, y in places]


def pairs(points: Sequence[Point], across: str, up: str) -> str:
    """Dots beside the diagonal of equal values."""
    most = max(_ends(points))
    frame = Frame(most, most)
    line = f'<polyline points="{frame.place(0, 0)} {frame.place(most, most)}" stroke="#999" stroke-dasharray="4"/>'
    return frame.drawn(across, up, [line, *_dots(frame, points, COLOURS[0])])


def curves(named: Mapping[str, Sequence[Point]], across: str, up: str, marks: Mapping[float, str] | None = None) -> str:
    """A line for each name. `marks` are words that stand where something happened on the axis across."""
    frame = Frame(*_ends(point for points in named.values() for point in points))
    parts = []
    for place, (x, word) in enumerate(sorted((marks or {}).items())):
        foot, head = frame.place(x, 0), frame.place(x, frame.top)
        left, y = head.split(",")[0], EDGE + 12 + 14 * (place % 4)
        parts.append(f'<polyline points="{foot} {head}" stroke="#bbb" stroke-dasharray="3"/>')
        parts.append(f'<text x="{float(left) + 3:.1f}" y="{y}" fill="#666" font-size="11" {HALO}>{escape(word)}</text>')
    for index, (name, points) in enumerate(named.items()):
        colour = COLOURS[index % len(COLOURS)]
        joined = " ".join(frame.place(x, y) for x, y in points)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += _dots(frame, points, colour)
        if len(named) > 1:
            height = HEIGHT / 2 + 16 * index
            parts.append(
                f'<text x="{WIDTH - EDGE}" y="{height}" text-anchor="end" fill="{colour}" {HALO}>{escape(name)}</text>'
            )
    return frame.drawn(across, up, parts)
