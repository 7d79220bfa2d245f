"""Checks of ``dcgan``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, Check, fall, played, seen, train
from zerosum.data import open_data
from zerosum.metrics import frechet


def three_epochs(data: str, rounds: int) -> Check:
    """What a classifier sees after three epochs at width 32, and how far the distance to real images fell."""

    def check(seed: int) -> dict[str, float]:
        experiment = played("dcgan", data, rounds, seed, width=32, kernel=4)
        untrained = played("dcgan", data, 0, seed, width=32, kernel=4)
        judge = frechet(n=2_000)
        way = fall(judge, untrained.sample, experiment.sample, lambda split: open_data(data, split))
        return {
            **seen(experiment, data, seed),
            f"{judge.name} before": round(way["untrained"], 3),
            "after": round(way["model"], 3),
            "of real training images": round(way["floor"], 3),
            "fallen by, of the way to real images": round(way["share"], 4),
        }

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
