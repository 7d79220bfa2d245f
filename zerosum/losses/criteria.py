r"""Estimation by telling apart: the logit is made of the model's own density, so the parameters are the model's.

Both criteria are cross entropies of a classifier whose logit is :math:`a(x) = \log p(x) - \log q(x)` for a model p and
a noise q. In a GAN the noise is what learns, the generator, and the classifier has parameters of its own.

References:
    | On Distinguishability Criteria for Estimating Generative Models (Goodfellow, 2014), https://arxiv.org/abs/1412.6515
    | Noise-Contrastive Estimation (Gutmann and Hyvarinen, 2010),
      https://proceedings.mlr.press/v9/gutmann10a.html
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from zerosum.losses.adversarial import nonsaturating

LogDensity = Callable[[Tensor], Tensor]
"""Maps (N, ...) to (N,), in nats; it need not be normalised where a constant is among its parameters."""


def noise_contrastive(model: LogDensity, noise: LogDensity, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    r"""The model learns to be told from a fixed noise, :math:`E_P\,\mathrm{sp}(-a) + E_q\,\mathrm{sp}(a)`.

    Least where p = P, on all that the noise reaches, normalised or not: a constant in ``model`` is estimated with it.

    Arguments:
        model: :math:`\log p`, whose parameters are to be moved.
        noise: :math:`\log q`, normalised.
        real: Examples of P, (N, ...).
        fake: Examples of the noise, (M, ...).

    Returns:
        The terms ``real`` and ``fake``, scalars.
    """
    return nonsaturating.discriminator(model(real) - noise(real), model(fake) - noise(fake))


def self_contrastive(model: LogDensity, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    r"""The noise is the model as it stands, so :math:`a = 0` and the mean gradient is half that of :math:`-E_P \log p`.

    The loss is 2 log 2 whatever the model: its value says nothing, its gradient is maximum likelihood's.

    Arguments:
        model: :math:`\log p`, whose parameters are to be moved; normalised, or its examples have another distribution.
        real: Examples of P, (N, ...).
        fake: Examples of the model, (M, ...); they get no gradient.

    Returns:
        The terms ``real`` and ``fake``, scalars.
    """
    on_real, on_fake = model(real), model(fake.detach())
    return nonsaturating.discriminator(on_real - on_real.detach(), on_fake - on_fake.detach())
