"""Checks of ``dcgan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, Check, fall, played, seen, train


def three_epochs(data: str, rounds: int) -> Check:
    """What a classifier sees after three epochs at width 32, and how far the distance to real images fell."""

    def check(seed: int) -> dict[str, float]:
        experiment = played("dcgan", data, rounds, seed, width=32, kernel=4)
        untrained = played("dcgan", data, 0, seed, width=32, kernel=4)
        return {**seen(experiment, data, seed), **fall(untrained, experiment, data)}

    return check


CHECKS = {
    "dcgan-digits": train("dcgan", "digits", 1_500, width=32),
    "dcgan-digits-bfloat16": train("dcgan", "digits", 1_500, width=32, precision="bfloat16"),
    "dcgan-mnist": three_epochs("mnist", 1_407),
    "dcgan-fashion": three_epochs("fashion-mnist", 1_407),
}
ASKED = {
    "dcgan-digits": (Bound("neighbour_classes", least=10),),
    "dcgan-digits-bfloat16": (Bound("neighbour_classes", least=10),),
    **{
        f"dcgan-{data}": (Bound("classes with at least 2 %", least=10), Bound("fallen by", least=0.6))
        for data in ("mnist", "fashion")
    },
}
