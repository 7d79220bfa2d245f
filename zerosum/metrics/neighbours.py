"""Judging by the nearest real example: are all classes there, and how far from real are the samples?

Held-out examples are the reference, so that a generator that memorised the training set gains nothing. Distances are
Euclidean in pixels of [0, 1]. Meant for small images, where that distance still sees what we see.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zerosum.data import Data
from zerosum.metrics.metric import Metric


def neighbour_classes(n: int = 1000, split: str = "test", share: float = 0.02) -> Metric:
    """How many classes get their share of the samples, each sample labelled as its nearest real example.

    Arguments:
        n: Samples.
        split: Reference examples, with labels.
        share: Below this a class counts as missed.
    """

    def judge(samples: Tensor, reals: Data) -> tuple[float, None]:
        batch = _all_of(reals)
        _, nearest = _nearest(samples, batch["x"])
        counts = torch.bincount(batch["label"][nearest], minlength=reals.spec.classes or 0)
        return float((counts >= share * len(samples)).sum()), None

    return Metric(f"neighbour_classes[n={n}, split={split}, share={share}]", judge, n, split, "pixels")


def neighbour_distance(n: int = 1000, split: str = "test") -> Metric:
    """Mean distance from a sample to the nearest real example, over that from a real one to the nearest other.

    1 is as near as another real example; much below 1 means that the samples are averages or copies, not digits.

    Arguments:
        n: Samples.
        split: Reference examples.
    """

    def judge(samples: Tensor, reals: Data) -> tuple[float, tuple[float, float]]:
        x = _all_of(reals)["x"]
        real_to_real = _nearest(x, x, leave_out_self=True)[0].mean()
        ratios = _nearest(samples, x)[0] / real_to_real
        error = 1.96 * float(ratios.std()) / math.sqrt(len(ratios))
        mean = float(ratios.mean())
        return mean, (mean - error, mean + error)

    return Metric(f"neighbour_distance[n={n}, split={split}]", judge, n, split, "pixels")


def _all_of(reals: Data) -> dict[str, Tensor]:
    assert reals.count is not None, "neighbours are looked for in a finite split"
    return reals.batch(0, reals.count)


def _nearest(points: Tensor, reference: Tensor, leave_out_self: bool = False) -> tuple[Tensor, Tensor]:
    # By differences: the default's x^2 - 2xy + y^2 loses the small distances, which are the ones looked for.
    distances = torch.cdist(
        points.flatten(1).double(), reference.flatten(1).double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    if leave_out_self:
        distances.fill_diagonal_(torch.inf)
    found = distances.min(1)
    return found.values, found.indices
