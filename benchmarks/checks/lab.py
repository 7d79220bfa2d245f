"""Checks of the laboratory's scenes: the numbers of their pages at their default size."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, Check
from zerosum import lab


def scene(name: str) -> Check:
    """A scene's tables as figures, each called by the row's words and the column."""

    def check(seed: int) -> dict[str, float]:
        module = lab.scene(name)
        figures = {}
        for row in module.play(module.Config(seed=seed)).numbers:
            said = ", ".join(value for key, value in row.items() if isinstance(value, str) and key != "table")
            for key, value in row.items():
                if isinstance(value, int | float) and not key.startswith("asked"):
                    figures[f"{said}: {key}" if said else key] = round(value, 4)
        return figures

    return check


CHECKS = {f"lab-{name}": scene(name) for name in ("learning-process", "order", "ratio", "blur")}
ASKED = {
    "lab-learning-process": (
        Bound("the generator's density to the data's, at the end", most=0.15),
        Bound("D to 1/2 on the central 95 % of the data, at the end", most=0.1),
        Bound("D to P / (P + Q) at its best", most=0.05),
    ),
    "lab-order": (
        Bound("one update each: fewest", least=4),
        Bound("50 of the generator for each of the discriminator: most", most=2),
        Bound("to be gained against the averages", most=0.03),
        Bound("against the last moves", least=0.3),
        Bound("largest distance of a share from 1/3", most=0.02),
    ),
    "lab-ratio": tuple(
        Bound(f"N(0, 1) against {q}, {divergence}: off by", -most, most)
        for q in ("N(1, 1)", "N(2, 1)", "N(0, 2)", "N(1, 2)")
        for divergence, most in (("JS(P, Q)", 0.01), ("KL(P, Q)", 0.05))
    ),
    "lab-blur": (
        Bound("distance of the regressor from the middle", most=0.1),
        Bound("answers near a right one", least=0.95),
        Bound("right answers used", least=8),
        Bound("rarest answer's share", least=1 / 3),
        Bound("commonest answer's share", most=3),
    ),
}
