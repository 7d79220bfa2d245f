"""Every metric by name, and the default ones of a data set and the outputs of a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from zerosum.data import DataSpec
from zerosum.metrics.classification import classes_covered, label_agreement, label_diversity
from zerosum.metrics.frechet import frechet
from zerosum.metrics.metric import Metric, OutputLike
from zerosum.metrics.modes import high_quality, modes
from zerosum.metrics.neighbours import neighbour_classes, neighbour_distance
from zerosum.metrics.paired import psnr, ssim
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
    "classes_covered": classes_covered,
    "label_agreement": label_agreement,
    "label_diversity": label_diversity,
    "psnr": psnr,
    "ssim": ssim,
}
"""Makers of metrics by name; called without arguments they have their default protocol."""

SMALL = 1024
"""Pixels up to which distances between images are trusted."""


WINDOWS = ((11, "gaussian"), (7, "uniform"))
"""Least side of an image for a window of structural similarity, the preferred one first."""


def default_metrics(spec: DataSpec, outputs: Mapping[str, OutputLike] | None = None) -> tuple[Metric, ...]:
    """Metrics evaluated at the end of training: those of the kind of data that are compatible, and of pairs.

    Arguments:
        spec: Of the data.
        outputs: Of the model: each with a target is compared with it, in pixels, and samples are evaluated where
            there is a ``sample``. By default the model samples and does nothing else.
    """
    paired: list[Metric] = []
    for name, output in (outputs or {}).items():
        if output.target is not None and spec.kind.spatial:
            paired.append(psnr(output=name))
            side = min(spec.shape[-2:])
            paired += [ssim(output=name, window=window) for least, window in WINDOWS if side >= least][:1]
    if (outputs is not None and "sample" not in outputs) or (spec.kind.spatial and math.prod(spec.shape) > SMALL):
        return tuple(paired)
    found = (METRICS[name]() for name in spec.kind.metrics)
    return (*(metric for metric in found if metric.incompatible(spec) is None), *paired)
