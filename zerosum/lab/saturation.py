r"""Saturation: the gradient of every generator loss over D(G(z)).

Where the discriminator is sure of a generated example, D(G(z)) near 0, the minimax loss hardly pulls at all: its
derivative in the logit is -D, that of the non-saturating loss -(1 - D), that of maximum likelihood -D / (1 - D).

References:
    | NIPS 2016 Tutorial: Generative Adversarial Networks (Goodfellow, 2016), figure 16
    | https://arxiv.org/abs/1701.00160
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from zerosum.config import Count
from zerosum.lab.cost import Cost
from zerosum.lab.exhibit import Exhibit
from zerosum.losses import ADVERSARIAL, AdversarialLoss
from zerosum.report.svg import plot


@dataclass(frozen=True)
class Config:
    """Resolution of the scene."""

    points: Count = 400
    """Values of D(G(z)) in each curve."""


def cost(config: Config) -> Cost:
    """Seconds it takes, about."""
    return Cost("points", each=3e-4, fixed=0.2)


def play(config: Config) -> Exhibit:
    """Differentiate every separable generator loss at every value of D(G(z))."""
    losses = {name: loss for name, loss in ADVERSARIAL.items() if not loss.relativistic}
    logits = torch.linspace(-math.log(9999), math.log(9999), config.points, dtype=torch.float64)
    chances = logits.sigmoid().tolist()
    curves: dict[str, Tensor] = {}
    pulls: dict[str, Tensor] = {}
    rows = []
    for name, loss in losses.items():
        points = logits.clone().requires_grad_()
        worth = torch.stack([loss.generator(a.view(1)) for a in points])
        (gradient,) = torch.autograd.grad(worth.sum(), points)
        alike = next((other for other, curve in curves.items() if torch.equal(curve, worth)), None)
        if alike is not None:  # some pairs differ in the discriminator alone
            curves[f"{alike}, {name}"] = curves.pop(alike)
            pulls[f"{alike}, {name}"] = pulls.pop(alike)
        else:
            curves[name] = worth.detach()
            pulls[name] = gradient.abs().clamp(min=1e-6).log10()
        rows.append({"generator loss": name} | {f"D = {d:g}": _pull(loss, d) for d in (1e-4, 0.01, 0.5, 0.99, 0.9999)})

    def drawn(lines: dict[str, Tensor]) -> dict[str, list[list[tuple[float, float]]]]:
        return {name: [list(zip(chances, line.tolist(), strict=True))] for name, line in lines.items()}

    shown = Exhibit(
        "What pulls the generator",
        "Where the discriminator is sure that an example is generated (D = 0.0001), the minimax loss pulls with "
        f"{abs(_pull(losses['minimax'], 1e-4)):.2g} and the non-saturating one with "
        f"{abs(_pull(losses['nonsaturating'], 1e-4)):.4g}: 9,999 times as hard.",
    )
    shown.heading("The losses")
    shown.plot(
        "losses",
        plot(drawn(curves), "D(G(z))", "generator's loss", -6, 6),
        "What the generator descends, over the discriminator's probability that its example is real.",
    )
    shown.heading("Their gradients")
    shown.plot(
        "gradients",
        plot(drawn(pulls), "D(G(z))", "log10 of the gradient's size", -4, 4),
        "The size of the derivative in the discriminator's logit. Minimax starves on the left, where generators begin.",
    )
    shown.table("Derivative in the logit", rows)
    shown.text(
        "Every loss is taken with the logit a, D = 1 / (1 + exp(-a)). Losses whose discriminator gives no probability "
        "(least squares, hinge, Wasserstein) are shown at the same logits."
    )
    return shown


def _pull(loss: AdversarialLoss, chance: float) -> float:
    a = torch.tensor([math.log(chance / (1 - chance))], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss.generator(a), a)
    return float(gradient)
