"""The plain objectives of a generator and a discriminator, for scenes that vary everything but the loss."""

from __future__ import annotations

import torch

from zerosum.game import Batch, Networks, Objective, Terms
from zerosum.losses import AdversarialLoss


def discriminator_loss(loss: AdversarialLoss) -> Objective:
    """The discriminator's terms at real examples and at generated ones, which get no gradient."""

    def discriminator(net: Networks, batch: Batch) -> Terms:
        with torch.no_grad():
            fake = net.generator(batch["z"])
        return loss.discriminator(net.discriminator(batch["x"]), net.discriminator(fake))

    return discriminator


def generator_loss(loss: AdversarialLoss) -> Objective:
    """The generator's term ``adversarial``, of a pair that is not relativistic."""

    def generator(net: Networks, batch: Batch) -> Terms:
        return {"adversarial": loss.generator(net.discriminator(net.generator(batch["z"])))}

    return generator
