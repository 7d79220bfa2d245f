r"""Adversarial losses: what the discriminator and the generator descend, on logits.

A logit is the discriminator's output before the sigmoid, :math:`D(x) = \sigma(a(x))`; :math:`\mathrm{sp}(t) =
\log(1 + e^t)` is the softplus, so :math:`-\log D = \mathrm{sp}(-a)` and :math:`-\log(1 - D) = \mathrm{sp}(a)` are
finite with finite gradients at any logit. P is the distribution of the data, Q the generator's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn.functional import relu, softplus


class GeneratorLoss(Protocol):
    """The loss of a generator."""

    def __call__(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The loss from the logits of generated examples, and of real ones where the pair is relativistic."""
        ...


@dataclass(frozen=True)
class AdversarialLoss:
    """A pair of losses on logits, both to be descended.

    Arguments:
        name: The field's name for the pair.
        discriminator: ``(real, fake) -> {term: scalar}`` from the logits of real and generated examples.
        generator: ``(fake, real) -> scalar``; ``real`` may be left out where the pair is separable.
        optimal: The optimal critic's logit as a formula.
        value: The discriminator's summed loss at the optimum, where P = Q.
        relativistic: Whether the generator's loss needs the logits of real examples.
    """

    name: str
    discriminator: Callable[[Tensor, Tensor], dict[str, Tensor]]
    generator: GeneratorLoss
    optimal: str
    value: float
    relativistic: bool = False


def _classify(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    return {"real": softplus(-real).mean(), "fake": softplus(fake).mean()}


def _minimax(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return -softplus(fake).mean()


def _nonsaturating(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return softplus(-fake).mean()


def _maximum_likelihood(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return -fake.exp().mean()


def _lower(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return -fake.mean()


def _least_squares(name: str, low: float, high: float, aim: float, optimal: str, value: float) -> AdversarialLoss:
    def discriminator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        return {"real": (real - high).square().mean() / 2, "fake": (fake - low).square().mean() / 2}

    def generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
        return (fake - aim).square().mean() / 2

    return AdversarialLoss(name, discriminator, generator, optimal, value)


def _margin(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    return {"real": relu(1 - real).mean(), "fake": relu(1 + fake).mean()}


def _difference(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    return {"real": -real.mean(), "fake": fake.mean()}


LOG_2 = 0.6931471805599453

minimax = AdversarialLoss("minimax", _classify, _minimax, "log P/Q", 2 * LOG_2)
r"""The zero-sum pair of Algorithm 1: :math:`L_D = E_P\,\mathrm{sp}(-a) + E_Q\,\mathrm{sp}(a) = -V`,
:math:`L_G = -E_Q\,\mathrm{sp}(a)`. Generative Adversarial Networks (Goodfellow et al., 2014), eq. 1,
https://arxiv.org/abs/1406.2661"""

nonsaturating = AdversarialLoss("nonsaturating", _classify, _nonsaturating, "log P/Q", 2 * LOG_2)
r"""The same discriminator; the generator descends :math:`L_G = E_Q\,\mathrm{sp}(-a) = -E_Q \log D`, whose gradient
does not vanish where the discriminator wins (ibid., section 3)."""

maximum_likelihood = AdversarialLoss("maximum_likelihood", _classify, _maximum_likelihood, "log P/Q", 2 * LOG_2)
r"""The same discriminator; :math:`L_G = -E_Q\, e^a = -E_Q\, D / (1 - D)`, whose gradient at the optimal D is that of
KL(P, Q): maximum likelihood. One example with a large logit makes most of the mean, so D has to be kept near its
optimum, and beyond a logit of 88 float32 overflows. On distinguishability criteria for estimating generative models
(Goodfellow, 2014), https://arxiv.org/abs/1412.6515"""

reverse_kl = AdversarialLoss("reverse_kl", _classify, _lower, "log P/Q", 2 * LOG_2)
r"""The same discriminator; :math:`L_G = -E_Q\, a`, whose gradient at the optimal D is that of KL(Q, P), which seeks
modes. It is the sum of what the minimax and the non-saturating generator descend. Amortised MAP inference for image
super-resolution (Sonderby et al., 2016), https://arxiv.org/abs/1610.04490"""

least_squares = _least_squares("least_squares", 0, 1, 1, "P / (P + Q)", 1 / 4)
r"""Regression on targets 0 and 1: :math:`L_D = \tfrac12 E_P (a - 1)^2 + \tfrac12 E_Q\, a^2`,
:math:`L_G = \tfrac12 E_Q (a - 1)^2`. No sigmoid. Least squares generative adversarial networks (Mao et
al., 2016), eq. 9, https://arxiv.org/abs/1611.04076"""

least_squares_pearson = _least_squares("least_squares_pearson", -1, 1, 0, "(P - Q) / (P + Q)", 1)
r"""The coding whose generator descends a divergence, Pearson's chi-squared of P + Q from 2Q (ibid., eq. 8):
:math:`L_D = \tfrac12 E_P (a - 1)^2 + \tfrac12 E_Q (a + 1)^2`, :math:`L_G = \tfrac12 E_Q\, a^2`. At the optimum
:math:`L_D = 1 - \tfrac12 \int (P - Q)^2 / (P + Q)`."""

hinge = AdversarialLoss("hinge", _margin, _lower, "sign(P - Q)", 2)
r"""Margins of 1: :math:`L_D = E_P [1 - a]_+ + E_Q [1 + a]_+`, :math:`L_G = -E_Q\, a`. At the optimum
:math:`L_D = 2 - 2\,\mathrm{TV}(P, Q)`. Geometric GAN (Lim and Ye, 2017), https://arxiv.org/abs/1705.02894"""

wasserstein = AdversarialLoss("wasserstein", _difference, _lower, "Kantorovich's potential", 0)
r"""A difference of means: :math:`L_D = E_Q\, a - E_P\, a`, :math:`L_G = -E_Q\, a`. Among critics of gradient norm at
most 1 the best has :math:`L_D = -W_1(P, Q)`; without a bound on the gradient (a penalty, clipping, spectral norms)
there is no best. Wasserstein GAN (Arjovsky et al., 2017), https://arxiv.org/abs/1701.07875"""


def energy(margin: float) -> AdversarialLoss:
    r"""Energies instead of logits, low at real examples: :math:`L_D = E_P\, e + E_Q [m - e]_+`, :math:`L_G = E_Q\, e`.

    The discriminator is any network that gives each example an energy of at least 0, an autoencoder's error in the
    paper.

    Arguments:
        margin: m, above which a generated example's energy is high enough.

    Raises:
        ValueError: The margin is not positive.

    References:
        | Energy-based Generative Adversarial Network (Zhao et al., 2016), eq. 1 and 2
        | https://arxiv.org/abs/1609.03126
    """
    if not margin > 0:
        raise ValueError(f"the margin of energies must be positive, got {margin}.")

    def discriminator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        return {"real": real.mean(), "fake": relu(margin - fake).mean()}

    def generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
        return fake.mean()

    return AdversarialLoss("energy", discriminator, generator, "0 where P > Q, m where Q > P", margin)
