r"""Fidelity of images to their targets: peak signal-to-noise ratio and structural similarity.

Both are of images in [0, 1], one number for each pair; the metric is the mean over the pairs. They equal
``skimage.metrics.peak_signal_noise_ratio`` and ``structural_similarity`` with ``data_range=1``.

References:
    | Image Quality Assessment: From Error Visibility to Structural Similarity (Wang et al., 2004)
    | https://doi.org/10.1109/TIP.2003.819861
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from zerosum.errors import DataError
from zerosum.metrics.metric import Metric, of_pairs

Window = Literal["gaussian", "uniform"]

SIGMA, RADIUS, SIDE = 1.5, 5, 7
"""Standard deviation and radius of the gaussian window, and side of the uniform one [pixels]."""

K1, K2 = 0.01, 0.03
"""The constants of the paper, for values in [0, 1]."""


def signal_to_noise(images: Tensor, targets: Tensor) -> Tensor:
    r"""Peak signal-to-noise ratio of each pair, :math:`-10 \log_{10} E[(x - y)^2]` [dB]; infinite for equal images.

    Arguments:
        images: (N, ...) in [0, 1].
        targets: Of the same shape.

    Returns:
        (N,) float64.

    Raises:
        DataError: The shapes differ.

    Examples:
        >>> signal_to_noise(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.1))
        tensor([20.0000], dtype=torch.float64)
    """
    _check_pairs(images, targets)
    errors = (images.double() - targets.double()).square().flatten(1).mean(1)
    return -10 * torch.log10(errors)


def structural_similarity(images: Tensor, targets: Tensor, window: Window = "gaussian") -> Tensor:
    r"""Structural similarity of each pair: 1 for equal images.

    .. math::
        \mathrm{SSIM} = \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}
                             {(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}

    is averaged over channels and over the places where the window lies within the image.

    Arguments:
        images: (N, C, H, W) in [0, 1].
        targets: Of the same shape.
        window: ``gaussian`` is the paper's, 11x11 of standard deviation 1.5, with population covariances; ``uniform``
            is 7x7 with sample covariances, the default of scikit-image.

    Returns:
        (N,) float64.

    Raises:
        DataError: The shapes differ, they are no images, or the images are smaller than the window.
    """
    _check_pairs(images, targets)
    kernel = _kernel(window).to(images.device)
    side = len(kernel)
    if images.ndim != 4 or min(images.shape[2:]) < side:
        raise DataError(
            f"structural similarity in a {window} window is of images (N, C, H, W) of side {side} or more, "
            f"got {tuple(images.shape)}."
        )
    x, y = (each.double().flatten(0, 1).unsqueeze(1) for each in (images, targets))

    def mean(values: Tensor) -> Tensor:
        return conv2d(conv2d(values, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))

    samples = side**2
    unbiased = samples / (samples - 1) if window == "uniform" else 1.0
    mean_x, mean_y = mean(x), mean(y)
    variance_x, variance_y = (unbiased * (mean(each * each) - m * m) for each, m in ((x, mean_x), (y, mean_y)))
    covariance = unbiased * (mean(x * y) - mean_x * mean_y)
    c1, c2 = K1**2, K2**2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x.square() + mean_y.square() + c1) * (variance_x + variance_y + c2)
    return (above / below).flatten(1).mean(1).view(len(images), -1).mean(1)


def psnr(n: int = 10_000, output: str = "reconstruct") -> Metric:
    """Peak signal-to-noise ratio of an output from its target [dB], the mean over test examples.

    Arguments:
        n: The most pairs, from all over the split.
        output: Of the model, with a target.
    """
    name = f"psnr[n={n}, output={output}, split=test]"
    measure = of_pairs(signal_to_noise, n, output)
    return Metric(name, measure, n, "test", needs="images", features="pixels", output=output, paired=True)


def ssim(n: int = 10_000, output: str = "reconstruct", window: str = "gaussian") -> Metric:
    """Structural similarity of an output and its target, the mean over test examples; 1 where they are equal.

    Arguments:
        n: The most pairs, from all over the split.
        output: Of the model, with a target.
        window: ``gaussian``, 11x11, or ``uniform``, 7x7.

    Raises:
        ValueError: An unknown window.
    """
    if window not in ("gaussian", "uniform"):
        raise ValueError(f"window must be gaussian or uniform, got {window!r}.")

    def similarity(images: Tensor, targets: Tensor) -> Tensor:
        return structural_similarity(images, targets, "gaussian" if window == "gaussian" else "uniform")

    name = f"ssim[n={n}, output={output}, window={window}, split=test]"
    measure = of_pairs(similarity, n, output)
    return Metric(name, measure, n, "test", needs="images", features="pixels", output=output, paired=True)


def _kernel(window: Window) -> Tensor:
    """Weights of a window along one axis, float64 of sum 1."""
    if window == "uniform":
        return torch.full((SIDE,), 1 / SIDE, dtype=torch.float64)
    places = torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float64)
    weights = torch.exp(-places.square() / (2 * SIGMA**2))
    return weights / weights.sum()


def _check_pairs(images: Tensor, targets: Tensor) -> None:
    if images.shape != targets.shape:
        raise DataError(
            f"an output is compared with a target of its own shape, got {tuple(images.shape)} and "
            f"{tuple(targets.shape)}."
        )
