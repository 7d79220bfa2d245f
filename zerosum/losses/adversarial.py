r"""Adversarial losses: what the discriminator and the generator descend, on logits.

A logit is the discriminator's output before the sigmoid, :math:`D(x) = \sigma(a(x))`; :math:`\mathrm{sp}(t) =
\log(1 + e^t)` is the softplus, so :math:`-\log D = \mathrm{sp}(-a)` and :math:`-\log(1 - D) = \mathrm{sp}(a)` are
finite with finite gradients at any logit. P is the law of the data, Q the generator's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn.functional import softplus


class GeneratorLoss(Protocol):
    """What a generator descends."""

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


def _pair(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    return {"pairing": softplus(fake - real).mean()}


def _outscore(fake: Tensor, real: Tensor | None = None) -> Tensor:
    if real is None:
        raise ValueError(
            "the relativistic generator is scored against real examples, got none; "
            'pass the logits of batch["x"] as real.'
        )
    return softplus(real - fake).mean()


LOG_2 = 0.6931471805599453

minimax = AdversarialLoss("minimax", _classify, _minimax, "log P/Q", 2 * LOG_2)
r"""The zero-sum pair of Algorithm 1: :math:`L_D = E_P\,\mathrm{sp}(-a) + E_Q\,\mathrm{sp}(a) = -V`,
:math:`L_G = -E_Q\,\mathrm{sp}(a)`. Generative Adversarial Networks (Goodfellow et al., 2014), eq. 1,
https://arxiv.org/abs/1406.2661"""

nonsaturating = AdversarialLoss("nonsaturating", _classify, _nonsaturating, "log P/Q", 2 * LOG_2)
r"""The same discriminator; the generator descends :math:`L_G = E_Q\,\mathrm{sp}(-a) = -E_Q \log D`, whose gradient
does not vanish where the discriminator wins (ibid., section 3)."""

relativistic_pairing = AdversarialLoss(
    "relativistic_pairing", _pair, _outscore, "log P/Q + c", LOG_2, relativistic=True
)
r"""Each generated example against one real: :math:`L_D = E\,\mathrm{sp}(a(\hat x) - a(x))`,
:math:`L_G = E\,\mathrm{sp}(a(x) - a(\hat x))`. The critic is defined up to a constant c, so give it no last bias: its
gradient would be rounding noise, which Adam turns into full steps. The relativistic discriminator
(Jolicoeur-Martineau, 2018), https://arxiv.org/abs/1807.00734; pairing: Towards a Better Global Loss Landscape of GANs
(Sun, Fang and Schwing, 2020), https://arxiv.org/abs/2011.04926"""

ADVERSARIAL = {loss.name: loss for loss in (minimax, nonsaturating, relativistic_pairing)}
"""The pairs by name, for recipes that offer a choice."""
