"""Every judge by name, and those that suit a data set."""

from __future__ import annotations

import math
from collections.abc import Callable

from zerosum.data import DataSpec
from zerosum.metrics.frechet import frechet
from zerosum.metrics.metric import Metric
from zerosum.metrics.modes import high_quality, modes
from zerosum.metrics.neighbours import neighbour_classes, neighbour_distance
from zerosum.metrics.parzen import parzen
from zerosum.metrics.ratio import js, kl, reverse_kl

METRICS: dict[str, Callable[..., Metric]] = {
    "frechet": frechet,
    "neighbour_classes": neighbour_classes,
    "neighbour_distance": neighbour_distance,
    "parzen": parzen,
    "js": js,
    "kl": kl,
    "reverse_kl": reverse_kl,
    "modes": modes,
    "high_quality": high_quality,
}
"""Makers of judges by name; called without arguments they have their default protocol."""

SMALL = 1024
"""Pixels up to which distances between images are trusted."""


def default_metrics(spec: DataSpec) -> tuple[Metric, ...]:
    """Metrics evaluated at the end of training on data like this: those of its kind that are compatible."""
    if spec.kind.spatial and math.prod(spec.shape) > SMALL:
        return ()
    found = (METRICS[name]() for name in spec.kind.metrics)
    return tuple(metric for metric in found if metric.incompatible(spec) is None)
