"""Curves as SVG, for the docs: ``python -m benchmarks.curves`` draws those of ``results/gan_mnist.jsonl``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gan_mnist import RESULTS
from zerosum.report.svg import Curve, plot

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"


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
        svg = plot({name: lines for name, lines in curves.items() if lines}, "epochs", held, -300, 200, 110)
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
        (PICTURES / "gan-mnist-long.svg").write_text(plot(long, "epochs", held, 0, 250, 225))


if __name__ == "__main__":
    main()
