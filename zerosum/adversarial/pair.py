"""A generator against a discriminator: what both descend by a separable pair of losses, and what can be asked of them.

For recipes whose networks are ``generator`` and ``discriminator``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zerosum.game import Batch, Networks, Objective, Terms
from zerosum.losses import AdversarialLoss, squared_gradient_norm


def tell_apart(loss: AdversarialLoss, gamma: float = 0.0) -> Objective:
    """The discriminator's objective: its terms on real and on generated examples, which get no gradient.

    Arguments:
        loss: Of the pair, the discriminator's half.
        gamma: Weight of R1, the term ``r1``: gamma / 2 times the mean squared slope at real examples. 0 leaves it out.
    """

    def discriminator(net: Networks, batch: Batch) -> Terms:
        with torch.no_grad():
            fake = net.generator(batch["z"])
        if not gamma:
            return loss.discriminator(net.discriminator(batch["x"]), net.discriminator(fake))
        x = batch["x"].detach().requires_grad_()
        real = net.discriminator(x)
        return {
            **loss.discriminator(real, net.discriminator(fake)),
            "r1": gamma / 2 * squared_gradient_norm(real, x).mean(),
        }

    return discriminator


def fool(loss: AdversarialLoss) -> Objective:
    """The generator's objective, the term ``fool``; not of a relativistic pair, which needs real examples too."""

    def generator(net: Networks, batch: Batch) -> Terms:
        return {"fool": loss.generator(net.discriminator(net.generator(batch["z"])))}

    return generator


def sample(net: Networks, batch: Batch) -> Tensor:
    """Generated examples G(z); also those at given latents."""
    examples: Tensor = net.generator(batch["z"])
    return examples


def score(net: Networks, batch: Batch) -> Tensor:
    """The discriminator's logit, (N,)."""
    logit: Tensor = net.discriminator(batch["x"]).squeeze(1)
    return logit


GENERATES = {"sample": sample, "decode": sample, "score": score}
"""The answers of such a recipe."""
