"""Points in the plane as SVG, one panel beside another."""

from __future__ import annotations

import html
from collections.abc import Mapping

from torch import Tensor

from zerosum.report.svg import COLOURS

SIZE, GAP, HEAD = 480, 8, 38
MOST = 500
"""Points of a panel that are drawn."""


def scatter(panels: Mapping[str, tuple[Tensor, str]], real: Tensor, span: float) -> str:
    """Generated points over real ones.

    Arguments:
        panels: By title: points (n, 2), and what is said of them.
        real: Points (m, 2) behind them.
        span: Each panel is [-span, span] in both coordinates; what lies outside is not drawn.

    Returns:
        An ``svg`` element.
    """
    panel = (SIZE - (len(panels) - 1) * GAP) / len(panels)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {panel + HEAD:.0f}" font-family="sans-serif" '
        f'font-size="11" fill="#777" style="max-width: {SIZE}px; min-width: 0">'
    ]
    for place, (title, (points, said)) in enumerate(panels.items()):
        left = round(place * (panel + GAP), 1)
        out.append(f'<text x="{left}" y="12">{html.escape(title)}</text>')
        out.append(f'<text x="{left}" y="28">{html.escape(said)}</text>')
        out.append(
            f'<rect x="{left}" y="{HEAD}" width="{panel:.1f}" height="{panel:.1f}" fill="none" stroke="#999" '
            'stroke-opacity=".5"/>'
        )
        for dots, colour, radius in ((real, COLOURS[8], 3 if len(real) > 50 else 7), (points, COLOURS[2], 2)):
            inside = dots[:MOST][(dots[:MOST].abs() < span).all(1)]
            path = "".join(
                f"M{left + (x / span + 1) * panel / 2:.1f},{HEAD + (1 - y / span) * panel / 2:.1f}h0"
                for x, y in inside.tolist()
            )
            if path:
                out.append(
                    f'<path d="{path}" stroke="{colour}" stroke-width="{radius}" stroke-linecap="round" '
                    'stroke-opacity=".8"/>'
                )
    return "\n".join([*out, "</svg>"]) + "\n"
