"""Relativistic GAN: the critic learns how much higher real examples score than generated ones, by six losses.

With a separable loss every generated example moves to where the critic scores high, independently of the others. Here
each is compared with a real example or with the mean of them, so the generator also lowers the score of real examples.
On MLPs; the papers' networks are convolutional.

References:
    | The relativistic discriminator: a key element missing from standard GAN (Jolicoeur-Martineau, 2018),
      https://arxiv.org/abs/1807.00734
    | Pairing, and the basins it removes: Towards a Better Global Loss Landscape of GANs (Sun, Fang and Schwing, 2020),
      https://arxiv.org/abs/2011.04926
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from zerosum.adversarial import experiment, players
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.losses import ADVERSARIAL
from zerosum.networks import mlp_pair
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """The papers' update rule with a larger learning rate, on MLPs of this project."""

    loss: Literal[
        "relativistic_pairing",
        "relativistic_pairing_least_squares",
        "relativistic_pairing_hinge",
        "relativistic_average",
        "relativistic_average_least_squares",
        "relativistic_average_hinge",
    ] = "relativistic_pairing_hinge"
    """Compare an example with one of the other side (pairing) or with their mean (average), by the logistic, the
    squared or the hinge loss of the difference. The default is the best of them on the ring."""
    k: Count = 1
    """Updates of the discriminator in each round, the papers' [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: Positive = 1e-3
    """Learning rate of Adam, both players [per update]. The papers' is 2e-4."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape."""
    loss = ADVERSARIAL[config.loss]

    def critic(net: Networks, batch: Batch) -> Terms:
        """Pairing: E f(a(x) - a(G(z))); averaging: real and generated ones, each against the mean of the other side."""
        with torch.no_grad():
            fake = net.generator(batch["z"])
        return loss.discriminator(net.discriminator(batch["x"]), net.discriminator(fake))

    def generator(net: Networks, batch: Batch) -> Terms:
        """The critic's loss with the sides exchanged, so that it needs the logits of real examples too."""
        fake_logits = net.discriminator(net.generator(batch["z"]))
        return {"adversarial": loss.generator(fake_logits, net.discriminator(batch["x"]))}

    update = adam(config.learning_rate, (config.beta1, 0.999))
    game = Game(
        # The loss depends on differences of logits alone, so the last layer has no bias.
        mlp_pair(spec.shape, config.latent, (config.hidden,) * 2, final=spec.kind.last_layer, final_bias=False),
        players=players(update),
        schedule=alternating(
            Turn("discriminator", critic, repeat=config.k),
            Turn("generator", generator, offset=config.k),  # real examples of its own
        ),
    )
    return experiment(game, spec, {"z": Normal(config.latent)})
