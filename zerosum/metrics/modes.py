"""Mode coverage on toys whose modes are known."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zerosum.data import Toy
from zerosum.metrics.metric import Measure, Metric, Splits, of_samples


def modes(n: int = 2500) -> Metric:
    """Number of modes that have a sample within three standard deviations.

    References:
        | PacGAN: The power of two samples in generative adversarial networks (Lin et al., 2017)
        | https://arxiv.org/abs/1712.04086
    """

    def evaluate(samples: Tensor, splits: Splits) -> Measure:
        near, mode = _near(samples, splits)
        return Measure(float(torch.unique(mode[near]).numel()))

    return Metric(f"modes[n={n}]", of_samples(evaluate, n), n, "test", needs="a toy with modes")


def high_quality(n: int = 2500) -> Metric:
    """Share of samples within three standard deviations of a mode; 0.989 for the data themselves in two dimensions."""

    def evaluate(samples: Tensor, splits: Splits) -> Measure:
        near, _ = _near(samples, splits)
        share = float(near.double().mean())
        error = 1.96 * math.sqrt(share * (1 - share) / len(near))
        return Measure(share, (share - error, share + error))

    return Metric(f"high_quality[n={n}]", of_samples(evaluate, n), n, "test", needs="a toy with modes")


def _near(samples: Tensor, splits: Splits) -> tuple[Tensor, Tensor]:
    reals = splits("test")
    assert isinstance(reals, Toy), "modes are known of toys only"
    mixture = reals.mixture
    distance, mode = torch.cdist(samples.double(), mixture.means.to(samples.device)).min(1)
    return distance <= 3 * mixture.std, mode
