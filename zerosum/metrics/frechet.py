r"""Fréchet distance between Gaussians fitted to features of samples and of real images.

.. math::
    d^2 = \lVert \mu_a - \mu_b \rVert^2 + \mathrm{tr}\big(\Sigma_a + \Sigma_b - 2 (\Sigma_a \Sigma_b)^{1/2}\big)

It falls with n even where the distribution stays the same, by about the score of real images in the model's place:
read it beside them. It is never called FID: that is the number of one trained network and 50,000 samples.

References:
    | GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium (Heusel et al., 2017)
    | https://arxiv.org/abs/1706.08500
    | On Aliased Resizing and Surprising Subtleties in GAN Evaluation (Parmar, Zhang and Zhu, 2022)
    | https://arxiv.org/abs/2104.11222
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from zerosum.errors import DataError
from zerosum.metrics.examples import CHUNK, spread
from zerosum.metrics.features import Features, features_named
from zerosum.metrics.metric import Measure, Metric, Splits, of_samples


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of a set of features, float64 on the CPU.

    Attributes:
        count: Of the examples.
        mean: (d,).
        covariance: (d, d), over count - 1.
    """

    count: int
    mean: Tensor
    covariance: Tensor


def frechet(n: int = 10_000, features: str = "random-conv", side: int = 64) -> Metric:
    """Fréchet distance of samples from test images in features of a network; 0 for equal means and covariances.

    Samples and images are rounded to eight bits first, as files have them. The facts are the number of real images,
    the dimension of the features, and the rank of the smaller sample's covariance where it is not full: such numbers
    compare only with others of as many samples and images.

    Arguments:
        n: Samples, and the most real images, which are taken from all over the split.
        features: Name of a network (:data:`~zerosum.metrics.features.FEATURES`).
        side: Of the square that images are brought to [pixels]; what is finer is not seen.

    Raises:
        ValueError: Unknown features, or n or side out of range.
    """
    if n < 2:
        raise ValueError(f"n must be at least 2, as one sample has no covariance, got {n}.")
    network = features_named(features, side)

    def evaluate(samples: Tensor, splits: Splits) -> Measure:
        if wrong := int((~samples.flatten(1).isfinite().all(1)).sum()):
            raise DataError(
                f"{wrong} of {len(samples)} samples are not finite; evaluate an earlier round of this model."
            )
        made = moments(_features(network, torch.split(samples, CHUNK)))
        real = _real(network, splits, n)
        rank = min(made.count, real.count) - 1
        facts = {"reals": float(real.count), "dimension": float(len(real.mean))}
        return Measure(
            frechet_distance(made.mean, made.covariance, real.mean, real.covariance),
            facts=facts | ({"rank": float(rank)} if rank < len(real.mean) else {}),
        )

    return Metric(
        f"frechet[n={n}, features={network.name}, resizer={network.resizer}, side={side}, split=test]",
        of_samples(evaluate, n),
        n,
        "test",
        needs="images",
        features=network.name,
        controls={"real training images": lambda splits, most: torch.cat(list(spread(splits("train"), most)))},
    )


def frechet_distance(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    r"""Squared Fréchet distance between two Gaussians, in float64.

    The trace of :math:`(\Sigma_a \Sigma_b)^{1/2}` is the sum of the singular values of
    :math:`\Sigma_a^{1/2} \Sigma_b^{1/2}`, which are the roots of the eigenvalues of
    :math:`\Sigma_a^{1/2} \Sigma_b \Sigma_a^{1/2}`: nothing in it can become complex, and covariances without full rank
    lose no digits.

    Arguments:
        mean_a: (d,).
        cov_a: (d, d), symmetric.
        mean_b: (d,).
        cov_b: (d, d), symmetric.

    Returns:
        At least 0.

    Raises:
        ValueError: The shapes are not those.

    Examples:
        >>> frechet_distance(torch.zeros(2), torch.eye(2), torch.tensor([3.0, 0.0]), 4 * torch.eye(2))
        11.0
    """
    dim = mean_a.numel()
    for name, given, wanted in (
        ("mean_a", mean_a, (dim,)),
        ("cov_a", cov_a, (dim, dim)),
        ("mean_b", mean_b, (dim,)),
        ("cov_b", cov_b, (dim, dim)),
    ):
        if tuple(given.shape) != wanted:
            raise ValueError(f"{name} must be of shape {wanted}, as mean_a has {dim} values, got {tuple(given.shape)}.")
    apart = (mean_a.double() - mean_b.double()).square().sum()
    root_a, root_b = _root(cov_a.double()), _root(cov_b.double())
    shared = torch.linalg.svdvals(root_a @ root_b).sum()
    # traces of the roots' squares, so that of equal covariances nothing is left over
    return max(0.0, float(apart + root_a.square().sum() + root_b.square().sum() - 2 * shared))


def moments(chunks: Iterable[Tensor]) -> Moments:
    """Mean and covariance of features that come in chunks, as if they had come at once.

    The chunks' own moments are pooled by the formula of Chan, Golub and LeVeque (1979), which subtracts no large
    numbers from each other.

    Arguments:
        chunks: (m, d) each, of any floating dtype.

    Raises:
        ValueError: Fewer than 2 examples in all.
    """
    count, mean, scatter = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for chunk in chunks:
        x = chunk.cpu().double()
        own = x.mean(0)
        centred = x - own
        apart = own - mean
        total = count + len(x)
        scatter = scatter + centred.T @ centred + torch.outer(apart, apart) * (count * len(x) / total)
        mean = mean + apart * (len(x) / total)
        count = total
    if count < 2:
        raise ValueError(f"a covariance needs at least 2 examples, got {count}.")
    return Moments(count, mean, scatter / (count - 1))


_known: dict[tuple[object, ...], Moments] = {}
"""Of real images, by what they are of: many checkpoints are compared with the same ones. 150 KiB each."""


def _real(network: Features, splits: Splits, most: int) -> Moments:
    data = splits("test")
    key = (data.fingerprint, data.count, network.name, network.resizer, network.side, most)
    if key not in _known:
        if data.count == 1:
            raise DataError(f"{data.spec.name} has one test image, which has no covariance; give --data with more.")
        _known[key] = moments(_features(network, spread(data, most)))
    return _known[key]


def _features(network: Features, chunks: Iterable[Tensor]) -> Iterable[Tensor]:
    for images in chunks:
        yield network((images * 255).round_().clamp_(0, 255) / 255)


def _root(covariance: Tensor) -> Tensor:
    """The symmetric root; directions of no variance stay so, where rounding would give them its own."""
    values, vectors = torch.linalg.eigh(covariance)
    least = values.abs().max() * len(values) * torch.finfo(values.dtype).eps
    roots = torch.where(values > least, values, 0).sqrt()
    root: Tensor = (vectors * roots) @ vectors.T
    return root
