"""Densities on a line with a discriminator over them and the generator's map below, as SVG."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from zerosum.report.svg import COLOURS

Points = Sequence[tuple[float, float]]
SIZE, MARGIN, TOP, GROUND, BELOW, ROW = 480, 34, 26, 250, 330, 18
"""The width; where x lies; the height of D = 1, of density 0, of z."""


def stage(
    span: tuple[float, float],
    real: Points,
    generated: Points,
    chance: Points,
    best: Points,
    arrows: Points,
    label: str,
) -> str:
    """One picture.

    Arguments:
        span: Of x.
        real: The data's density.
        generated: The generator's; both are drawn to the scale of the data's, and what is higher is cut off.
        chance: D(x) in [0, 1].
        best: P / (P + Q), dotted; may be none.
        arrows: Latents and the examples they become.
        label: Written in the corner.

    Returns:
        An ``svg`` element.
    """
    low, high = span
    peak = 1.35 * max(y for _, y in real)
    widest = max(abs(z) for z, _ in arrows)

    def across(x: float) -> float:
        return MARGIN + (min(max(x, low), high) - low) / (high - low) * (SIZE - 2 * MARGIN)

    def up(share: float) -> float:
        return GROUND - min(share, 1.02) * (GROUND - TOP)

    def path(points: Points, scale: float) -> str:
        return " ".join(f"{across(x):.1f},{up(y / scale):.1f}" for x, y in points if math.isfinite(y))

    legend = [("P, the data", 8, ' stroke-dasharray="6 4"'), ("Q, the generator", 2, ""), ("D(x)", 0, "")]
    if best:
        legend.append(("P / (P + Q)", 0, ' stroke-dasharray="1.5 3"'))
    left, right = MARGIN, SIZE - MARGIN
    halo = ' style="paint-order: stroke; stroke: Canvas; stroke-width: 4px"'  # over the arrows
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {BELOW + 40}" font-family="sans-serif" '
        f'font-size="12" fill="#777" style="max-width: {SIZE}px; min-width: 0">',
        f'<path d="M{left},{GROUND}H{right}M{left},{BELOW}H{right}" stroke="#999"/>',
        f'<path d="M{left},{up(0.5):.1f}H{right}" stroke="#999" stroke-opacity=".5" stroke-dasharray="2 4"/>',
    ]
    out += [f'<text x="{left - 5}" y="{up(y) + 4:.1f}" text-anchor="end">{y:g}</text>' for y in (0, 0.5, 1)]
    ground = f"{across(generated[0][0]):.1f},{GROUND} {path(generated, peak)} {across(generated[-1][0]):.1f},{GROUND}"
    out.append(f'<polygon points="{ground}" fill="{COLOURS[2]}" fill-opacity=".25" stroke="{COLOURS[2]}"/>')
    out.append(
        f'<polyline points="{path(real, peak)}" fill="none" stroke="{COLOURS[8]}" stroke-width="2"{legend[0][2]}/>'
    )
    if best:
        out.append(
            f'<polyline points="{path(best, 1)}" fill="none" stroke="{COLOURS[0]}" stroke-width="2"{legend[3][2]}/>'
        )
    out.append(f'<polyline points="{path(chance, 1)}" fill="none" stroke="{COLOURS[0]}" stroke-width="2"/>')
    for z, x in arrows:
        begin = SIZE / 2 + z / widest * (SIZE / 2 - MARGIN)
        inside = low <= x <= high
        out.append(
            f'<path d="M{begin:.1f},{BELOW}L{across(x):.1f},{GROUND}" stroke="{COLOURS[2]}" '
            f'stroke-opacity="{0.8 if inside else 0.2}"/>'
        )
    for x in (low, (low + high) / 2, high):
        at = f'x="{across(x):.1f}" y="{GROUND + 15}" text-anchor="middle"{halo}'
        out.append(f"<text {at}>{x:.3g}</text>")
    out.append(f'<text x="{right + 8}" y="{GROUND + 4}">x</text>')
    out.append(f'<text x="{right + 8}" y="{BELOW + 4}">z</text>')
    for place, (name, colour, dashes) in enumerate(legend):
        begin = 12 + place * SIZE / 4
        out.append(f'<path d="M{begin:.0f},{BELOW + 22}h16" stroke="{COLOURS[colour]}" stroke-width="3"{dashes}/>')
        out.append(f'<text x="{begin + 20:.0f}" y="{BELOW + 26}" >{html.escape(name)}</text>')
    out.append(f'<text x="{right}" y="{TOP - 12}" text-anchor="end">{html.escape(label)}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"
