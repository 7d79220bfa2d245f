"""Phase portraits as SVG: where a field points, and the ways players take through it."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence

from zerosum.report.svg import COLOURS

SIZE, MARGIN, ROW = 480, 44, 20
ARROWS = 15
"""In a row."""


def portrait(
    orbits: Mapping[str, Sequence[tuple[float, float]]],
    field: Callable[[float, float], tuple[float, float]] | None,
    span: float,
    x: str,
    y: str,
) -> str:
    """A square of the plane around the origin.

    Arguments:
        orbits: Ways by name, each from its start; a dot marks where it begins. What leaves the square is cut off.
        field: The direction of motion at a point; only directions are drawn.
        span: The square is [-span, span] in both coordinates.
        x: What the horizontal coordinate is.
        y: What the vertical one is.

    Returns:
        An ``svg`` element.
    """

    def at(px: float, py: float) -> tuple[float, float]:
        scale = (SIZE - 2 * MARGIN) / (2 * span)
        return SIZE / 2 + px * scale, SIZE / 2 - py * scale

    height = SIZE + ROW * len(orbits)
    low, high = MARGIN, SIZE - MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#777" style="max-width: {SIZE}px; min-width: 0">',
        f'<rect x="{low}" y="{low}" width="{high - low}" height="{high - low}" fill="none" stroke="#999" '
        'stroke-opacity=".5"/>',
        f'<path d="M{low},{SIZE / 2}H{high}M{SIZE / 2},{low}V{high}" stroke="#999" stroke-opacity=".5"/>',
    ]
    for value in (-span, 0.0, span):
        across, down = at(value, value)
        out.append(f'<text x="{across:.1f}" y="{high + 16}" text-anchor="middle">{value:g}</text>')
        out.append(f'<text x="{low - 6}" y="{down + 4:.1f}" text-anchor="end">{value:g}</text>')
    if field is not None:
        length = 0.7 * 2 * span / ARROWS
        for i in range(ARROWS):
            for j in range(ARROWS):
                px, py = (span * (2 * (k + 0.5) / ARROWS - 1) for k in (i, j))
                dx, dy = field(px, py)
                norm = math.hypot(dx, dy)
                if norm < 1e-9:
                    continue
                dx, dy = dx / norm * length / 2, dy / norm * length / 2
                (x1, y1), (x2, y2) = at(px - dx, py - dy), at(px + dx, py + dy)
                back = ((x1 - x2) * 0.35, (y1 - y2) * 0.35)
                barbs = [(x2 + back[0] - s * back[1] * 0.6, y2 + back[1] + s * back[0] * 0.6) for s in (1, -1)]
                head = f"M{barbs[0][0]:.1f},{barbs[0][1]:.1f}L{x2:.1f},{y2:.1f}L{barbs[1][0]:.1f},{barbs[1][1]:.1f}"
                out.append(
                    f'<path d="M{x1:.1f},{y1:.1f}L{x2:.1f},{y2:.1f}{head}" fill="none" stroke="#999" '
                    'stroke-opacity=".7"/>'
                )
    for number, (name, orbit) in enumerate(orbits.items()):
        colour = COLOURS[number % len(COLOURS)]
        dashes = ' stroke-dasharray="7 5"' if number % 2 else ""  # one of two ways that coincide shows through
        inside = []
        for point in orbit:
            if max(abs(point[0]), abs(point[1])) > span:
                break
            inside.append(at(*point))
        if inside:
            path = " ".join(f"{px:.1f},{py:.1f}" for px, py in inside)
            out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dashes}/>')
            out.append(f'<circle cx="{inside[0][0]:.1f}" cy="{inside[0][1]:.1f}" r="4" fill="{colour}"/>')
        down = SIZE + ROW * number + 6
        out.append(f'<path d="M{MARGIN},{down - 4}h18" stroke="{colour}" stroke-width="3"{dashes}/>')
        out.append(f'<text x="{MARGIN + 22}" y="{down}">{html.escape(name)}</text>')
    out.append(f'<text x="{SIZE / 2}" y="{high + 32}" text-anchor="middle">{html.escape(x)}</text>')
    out.append(f'<text transform="translate(14 {SIZE / 2}) rotate(-90)" text-anchor="middle">{html.escape(y)}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"
