"""Curves as SVG, for the docs: ``python -m benchmarks.curves`` draws those of ``results/gan_mnist.jsonl``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.gan_mnist import RESULTS

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
COLOURS = ("#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2", "#6cc5b0", "#9c6b4e", "#97bbf5", "#9498a0", "#ff8ab7")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 400, 52, 44, 14, 190

Curve = Sequence[tuple[float, float]]


def draw(
    curves: Mapping[str, Sequence[Curve]], x: str, y: str, low: float, high: float, line: float | None = None
) -> str:
    """A plot of curves with one colour per name, several lines of a name being its seeds.

    Args:
        curves: Lines of (x, y) by name.
        x: What the horizontal axis is.
        y: What the vertical axis is.
        low: The least y shown; what is below is left out.
        high: The largest.
        line: A dotted line at this height.
    """
    last = max(point[0] for lines in curves.values() for one in lines for point in one)

    def place(px: float, py: float) -> str:
        across = LEFT + px / last * (WIDTH - LEFT - RIGHT)
        return f"{across:.1f},{HEIGHT - BOTTOM - (py - low) / (high - low) * (HEIGHT - BOTTOM - TOP):.1f}"

    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" {box}>', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for step in range(6):
        value = low + (high - low) * step / 5
        ax, ay = place(0, value).split(",")
        bx, _ = place(last, value).split(",")
        out.append(f'<path d="M{ax},{ay}H{bx}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{float(ay) + 4}" text-anchor="end" fill="#444">{value:g}</text>')
        tx, ty = place(last * step / 5, low).split(",")
        out.append(f'<text x="{tx}" y="{float(ty) + 18}" text-anchor="middle" fill="#444">{last * step / 5:g}</text>')
    if line is not None:
        ax, ay = place(0, line).split(",")
        bx, _ = place(last, line).split(",")
        out.append(f'<path d="M{ax},{ay}H{bx}" stroke="#444" stroke-dasharray="4 4"/>')
    for number, (name, lines) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        for one in lines:
            points = [place(*point) for point in one if low <= point[1] <= high]
            out.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        top = TOP + 16 + 20 * number
        out.append(f'<path d="M{WIDTH - RIGHT + 14},{top - 4}h18" stroke="{colour}" stroke-width="3"/>')
        out.append(f'<text x="{WIDTH - RIGHT + 38}" y="{top}" fill="#222">{name}</text>')
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle" fill="#222">{x}</text>')
    out.append(f'<text transform="translate(12 {HEIGHT / 2}) rotate(-90)" text-anchor="middle" fill="#222">{y}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def rows() -> list[dict[str, float | str]]:
    """What has been measured."""
    return [json.loads(line) for line in RESULTS.read_text().splitlines()]


def curves_of(settings: Sequence[str], until: int, key: str = "average fine test") -> dict[str, list[Curve]]:
    """The curves of some settings up to an epoch, a line for each seed."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for row in rows():
        if row["setting"] in settings and float(row["epoch"]) <= until:
            found[str(row["setting"]), int(row["seed"])].append((float(row["epoch"]), float(row[key])))
    return {s: [sorted(points) for (name, _), points in found.items() if name == s] for s in settings}


def main() -> None:
    """Draw the plots of the docs."""
    short = ("released", "released-minimax", "printed", "printed-nonsaturating")
    held = "nats on MNIST test images"
    for which in ("average", "raw"):
        curves = curves_of(short, 25, f"{which} fine test")
        svg = draw({name: lines for name, lines in curves.items() if lines}, "epochs", held, -300, 200, 110)
        (PICTURES / f"gan-mnist-schedules-{which}.svg").write_text(svg)
    protocols = {
        "average, fine": "average fine test",
        "average, 2014": "average 2014 test",
        "generator, fine": "raw fine test",
        "generator, 2014": "raw 2014 test",
    }
    long = {name: curves_of(["released"], 250, key)["released"] for name, key in protocols.items()}
    long = {name: [line for line in lines if line[-1][0] > 25] for name, lines in long.items()}
    if any(long.values()):
        (PICTURES / "gan-mnist-long.svg").write_text(draw(long, "epochs", held, 0, 250, 225))


if __name__ == "__main__":
    main()
