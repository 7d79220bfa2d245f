"""Curves as SVG: no script, no font, no network; light or dark as the page around them."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

Curve = Sequence[tuple[float, float]]
"""Points (x, y), x rising; a y that is not finite breaks the line."""

COLOURS = ("#4269d0", "#e08a00", "#e0433a", "#2f9a45", "#9a5ff0", "#3fa79a", "#9c6b4e", "#5f9ff5", "#85858d", "#f06fa8")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 300, 64, 40, 14, 16
ROW = 20
"""Of the legend, which stands below."""

MOST = 400
"""Points of a curve that are drawn; of more the means of neighbours are."""


def plot(
    curves: Mapping[str, Sequence[Curve]],
    x: str,
    y: str,
    low: float | None = None,
    high: float | None = None,
    line: float | None = None,
) -> str:
    """A plot with one colour per name, several lines of a name being its seeds.

    Arguments:
        curves: Lines by name.
        x: What the horizontal axis is.
        y: What the vertical axis is.
        low: The least y shown; by default what most points need.
        high: The largest.
        line: A dotted line at this height.

    Returns:
        An ``svg`` element.
    """
    drawn = {name: [_thinned(one) for one in lines] for name, lines in curves.items()}
    points = [point for lines in drawn.values() for one in lines for point in one if math.isfinite(point[1])]
    least, last = min((p[0] for p in points), default=0.0), max((p[0] for p in points), default=1.0)
    bottom, top = _span([p[1] for p in points])
    ticks = _ticks(bottom if low is None else low, top if high is None else high)
    bottom, top = (ticks[0] if low is None else low), (ticks[-1] if high is None else high)

    def place(px: float, py: float) -> str:
        across = LEFT + (px - least) / ((last - least) or 1) * (WIDTH - LEFT - RIGHT)
        return f"{across:.1f},{HEIGHT - BOTTOM - (py - bottom) / (top - bottom) * (HEIGHT - BOTTOM - TOP):.1f}"

    columns = 3
    height = HEIGHT + ROW * -(-len(drawn) // columns)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="12" fill="#777">'
    ]
    for value in (tick for tick in ticks if bottom <= tick <= top):
        at = place(least, value).split(",")[1]
        out.append(f'<path d="M{LEFT},{at}H{WIDTH - RIGHT}" stroke="#999" stroke-opacity=".35"/>')
        out.append(f'<text x="{LEFT - 6}" y="{float(at) + 4:.1f}" text-anchor="end">{value:.6g}</text>')
    for value in (tick for tick in _ticks(least, last) if least <= tick <= last):
        across = place(value, bottom).split(",")[0]
        out.append(f'<text x="{across}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{_short(value)}</text>')
    if line is not None:
        at = place(least, line).split(",")[1]
        out.append(f'<path d="M{LEFT},{at}H{WIDTH - RIGHT}" stroke="#777" stroke-dasharray="4 4"/>')
    for number, (name, lines) in enumerate(drawn.items()):
        colour = COLOURS[number % len(COLOURS)]
        for one in lines:
            for part in _parts(one, bottom, top):
                path = " ".join(place(*point) for point in part)
                out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        left = LEFT + number % columns * (WIDTH - LEFT - RIGHT) // columns
        down = HEIGHT + 6 + ROW * (number // columns)
        out.append(f'<path d="M{left},{down - 4}h16" stroke="{colour}" stroke-width="3"/>')
        out.append(f'<text x="{left + 22}" y="{down}">{html.escape(name)}</text>')
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{html.escape(x)}</text>')
    turned = f"translate(13 {(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)"
    out.append(f'<text transform="{turned}" text-anchor="middle">{html.escape(y)}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def _thinned(curve: Curve) -> list[tuple[float, float]]:
    if len(curve) <= MOST:
        return list(curve)
    size = -(-len(curve) // MOST)
    parts = (curve[i : i + size] for i in range(0, len(curve), size))
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]


def _parts(curve: Curve, low: float, high: float) -> list[list[tuple[float, float]]]:
    """The pieces of a curve that can be drawn: broken where it is not finite, held at the edges where it leaves."""
    parts: list[list[tuple[float, float]]] = [[]]
    for x, y in curve:
        if math.isfinite(y):
            parts[-1].append((x, min(max(y, low), high)))
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _span(values: Sequence[float]) -> tuple[float, float]:
    """The range of all values but the outermost hundredth at either side: one spike does not flatten the rest."""
    if not values:
        return 0.0, 1.0
    ordered = sorted(values)
    out = len(ordered) // 100
    low, high = ordered[out], ordered[len(ordered) - 1 - out]
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers, some five of them, that enclose a span.

    Examples:
        >>> _ticks(0.13, 0.86)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    raw = (high - low or 1.0) / 5
    scale = 10 ** math.floor(math.log10(raw))
    step = scale * next(size for size in (1, 2, 2.5, 5, 10) if size * scale >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _short(value: float) -> str:
    """A count as people write it.

    Examples:
        >>> _short(1_250_000), _short(500_000), _short(20)
        ('1.25M', '500k', '20')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"
