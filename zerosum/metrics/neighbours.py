"""Metrics by the nearest real example: are all classes there, and how far from real are the samples?

Held-out examples are the reference, so that a generator that memorised the training set gains nothing. Distances are
Euclidean in pixels of [0, 1]. Meant for small images, where that distance still sees what we see.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zerosum.data import Data
from zerosum.metrics.metric import Measure, Metric, Splits, of_samples

CHUNK = 500
"""Points compared with every reference example at once."""


def neighbour_classes(n: int = 1000, split: str = "test", share: float = 0.02) -> Metric:
    """Number of classes that get their share of the samples, each sample labelled as its nearest real example.

    Arguments:
        n: Samples.
        split: Reference examples, with labels.
        share: Below this a class counts as missed.
    """

    def evaluate(samples: Tensor, splits: Splits) -> Measure:
        batch = _all_of(splits(split))
        _, nearest = _nearest(samples, batch["x"])
        counts = torch.bincount(batch["label"][nearest], minlength=splits(split).spec.classes or 0)
        return Measure(float((counts >= share * len(samples)).sum()))

    name = f"neighbour_classes[n={n}, split={split}, share={share}]"
    return Metric(name, of_samples(evaluate, n), n, split, needs="images with labels", features="pixels")


def neighbour_distance(n: int = 1000, split: str = "test") -> Metric:
    """Mean distance from a sample to the nearest real example, over that from a real one to the nearest other.

    1 is as near as another real example; much below 1 means that the samples are averages or copies, not digits.

    Arguments:
        n: Samples.
        split: Reference examples.
    """

    def evaluate(samples: Tensor, splits: Splits) -> Measure:
        x = _all_of(splits(split))["x"]
        real_to_real = _nearest(x, x, leave_out_self=True)[0].mean()
        ratios = _nearest(samples, x)[0] / real_to_real
        error = 1.96 * float(ratios.std()) / math.sqrt(len(ratios))
        mean = float(ratios.mean())
        return Measure(mean, (mean - error, mean + error))

    return Metric(
        f"neighbour_distance[n={n}, split={split}]",
        of_samples(evaluate, n),
        n,
        split,
        needs="images",
        features="pixels",
    )


def _all_of(reals: Data) -> dict[str, Tensor]:
    assert reals.count is not None, "neighbours are looked for in a finite split"
    return reals.batch(0, reals.count)


def _nearest(points: Tensor, reference: Tensor, leave_out_self: bool = False) -> tuple[Tensor, Tensor]:
    """Distance to the nearest reference example and its index; ``leave_out_self`` where both are the same examples."""
    points, reference = points.flatten(1).double(), reference.flatten(1).double()
    found = []
    for start in range(0, len(points), CHUNK):
        part = points[start : start + CHUNK]
        # In float64 the product form is off by 1e-7 at the very most, and many times faster than differences.
        distances = torch.cdist(part, reference, compute_mode="use_mm_for_euclid_dist")
        if leave_out_self:
            distances[range(len(part)), range(start, start + len(part))] = torch.inf
        found.append(distances.min(1))
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])
