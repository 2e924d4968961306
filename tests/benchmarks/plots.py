"""Draw line plots with logarithmic axes as SVG; four plots are not worth a plotting library."""

from __future__ import annotations

import math
from html import escape as html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.benchmarks.figures import Line, Plot

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 170, 46, 52
# Readable on white and on black. The marks differ as well.
_COLORS = ("#2f81f7", "#d9730d", "#2da44e", "#bf4bd8", "#cf222e", "#8a7a00", "#1b9aaa", "#808080")
_MARKS = ("circle", "square", "diamond", "up", "down", "cross", "circle", "square")
_STYLE = (
    "text{font:12px sans-serif;fill:#333}.title{font-size:14px;font-weight:bold}.grid{stroke:#8884;stroke-width:1}"
    ".axis{stroke:#888;stroke-width:1}@media(prefers-color-scheme:dark){text{fill:#ddd}}"
)


class _Axis:
    """A logarithmic axis: values to coordinates."""

    def __init__(self, values: Iterable[float], start: float, end: float) -> None:
        known = [value for value in values if value > 0] or [1.0]
        self._low = math.floor(math.log10(min(known)))
        self._high = max(math.ceil(math.log10(max(known))), self._low + 1)
        self._start, self._end = start, end

    def place(self, value: float) -> float:
        """Return the coordinate of a value."""
        part = (math.log10(value) - self._low) / (self._high - self._low)
        return self._start + part * (self._end - self._start)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Yield the powers of ten with their labels."""
        for power in range(self._low, self._high + 1):
            yield 10.0**power, f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"


def draw(plot: Plot) -> str:
    """Draw a plot.

    Args:
        plot: The plot; points that are not positive are left out.

    Returns:
        The SVG.
    """
    x = _Axis((point[0] for line in plot.lines for point in line.points), _LEFT, _WIDTH - _RIGHT)
    y = _Axis((point[1] for line in plot.lines for point in line.points), _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{html(plot.title)}</title><style>{_STYLE}</style>",
        f'<text class="title" x="{_LEFT}" y="24">{html(plot.title)}</text>',
        *_grid(x, y),
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{_HEIGHT - 12}" text-anchor="middle">{html(plot.x)}</text>',
        f'<text transform="translate(16 {(_TOP + _HEIGHT - _BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle">{html(plot.y)}</text>',
    ]
    for number, line in enumerate(plot.lines):
        parts += _line(line, x, y, number)
    return "\n".join([*parts, "</svg>", ""])


def _grid(x: _Axis, y: _Axis) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for value, label in x.ticks():
        at = x.place(value)
        yield f'<line class="grid" x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{bottom}"/>'
        yield f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>'
    for value, label in y.ticks():
        at = y.place(value)
        yield f'<line class="grid" x1="{_LEFT}" y1="{at:.1f}" x2="{right}" y2="{at:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{label}</text>'
    yield f'<path class="axis" fill="none" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>'


def _line(line: Line, x: _Axis, y: _Axis, number: int) -> Iterator[str]:
    color = _COLORS[number % len(_COLORS)]
    mark = _MARKS[number % len(_MARKS)]
    places = [(x.place(a), y.place(b)) for a, b in line.points if a > 0 and b > 0]
    if len(places) > 1:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        yield f'<polyline fill="none" stroke="{color}" stroke-width="2" points="{path}"/>'
    for a, b in places:
        yield _mark(mark, a, b, color)
    top, left = _TOP + 8 + number * 20, _WIDTH - _RIGHT + 16
    yield _mark(mark, left, top, color)
    yield f'<text x="{left + 12}" y="{top + 4}">{html(line.name)}</text>'


def _mark(kind: str, a: float, b: float, color: str) -> str:
    shapes = {
        "square": "M-4 -4H4V4H-4Z",
        "diamond": "M0 -5L5 0L0 5L-5 0Z",
        "up": "M0 -5L5 4H-5Z",
        "down": "M0 5L5 -4H-5Z",
        "cross": "M-4 -4L4 4M-4 4L4 -4",
    }
    if kind == "circle":
        return f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{color}"/>'
    drawn = f'fill="none" stroke="{color}" stroke-width="2"' if kind == "cross" else f'fill="{color}"'
    return f'<path transform="translate({a:.1f} {b:.1f})" {drawn} d="{shapes[kind]}"/>'
