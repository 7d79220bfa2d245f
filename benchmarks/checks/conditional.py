"""Checks of ``conditional``."""

from __future__ import annotations

from benchmarks.checks.checking import Bound, Check, played, seen
from zerosum.data import open_data


def labels(data: str, rounds: int) -> Check:
    """What a classifier sees, and what the discriminator makes of real test images with their label and with others.

    Arguments:
        data: Name of the data, of ten classes.
        rounds: How many.
    """

    def check(seed: int) -> dict[str, float]:
        experiment, test = played("conditional", data, rounds, seed), open_data(data, "test")
        real = test.batch(0, test.count or 0)
        scores = [
            float(experiment.call("score", {"x": real["x"], "label": (real["label"] + shift) % 10}).mean())
            for shift in range(10)
        ]
        apart = round(scores[0] - sum(scores[1:]) / 9, 4)
        return {**seen(experiment, data, seed), "logit of the right label less that of a wrong one": apart}

    return check


CHECKS = {"conditional-digits": labels("digits", 5_000), "conditional-mnist": labels("mnist", 8_000)}
ASKED = {
    name: (
        Bound("labels as asked", least=0.9),
        Bound("variance within a label"),
        Bound("test images rightly classified", least=0.95),
        Bound("logit of the right label less that of a wrong one", least=0),
    )
    for name in CHECKS
}
