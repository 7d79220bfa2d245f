"""Relativistic GAN: a critic learns by how much real examples score above generated ones, six losses of it.

A separable loss lets the generator's examples gather wherever the critic is fooled, each for itself. Here every one is
compared with real examples, one of them or their mean, so the generator also lowers what real examples score. On
perceptrons; the papers' networks are convolutional.

References:
    | The relativistic discriminator: a key element missing from standard GAN (Jolicoeur-Martineau, 2018),
      https://arxiv.org/abs/1807.00734
    | Pairing, and the basins it removes: Towards a Better Global Loss Landscape of GANs (Sun, Fang and Schwing, 2020),
      https://arxiv.org/abs/2011.04926
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zerosum.adversarial import GENERATES, tell_apart
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating
from zerosum.losses import ADVERSARIAL
from zerosum.metrics import default_metrics
from zerosum.networks import perceptrons
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """The papers' rule with larger steps, on networks of this project."""

    loss: Literal[
        "relativistic_pairing",
        "relativistic_pairing_least_squares",
        "relativistic_pairing_hinge",
        "relativistic_average",
        "relativistic_average_least_squares",
        "relativistic_average_hinge",
    ] = "relativistic_pairing_hinge"
    """Whether an example is compared with one of the other side or with their mean, and how a difference is scored:
    logistic, as a squared distance to 1, or as what it lacks of 1. The default is the best of them on the ring."""
    k: Count = 1
    """Updates of the discriminator in each round, the papers' [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: Positive = 1e-3
    """Step size of Adam, both players [per update]. The papers' is 2e-4."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape."""
    loss = ADVERSARIAL[config.loss]

    def generator(net: Networks, batch: Batch) -> Terms:
        """Be scored above the real examples, which are scored too."""
        fake = net.discriminator(net.generator(batch["z"]))
        return {"fool": loss.generator(fake, net.discriminator(batch["x"]))}

    update = adam(config.learning_rate, (config.beta1, 0.999))
    final = spec.kind.last_layer
    game = Game(
        # The loss sees differences of logits only, so the last layer has no bias.
        perceptrons(spec.shape, config.latent, (config.hidden,) * 2, final=final, final_bias=False),
        players={
            "discriminator": Player(("discriminator",), update),
            "generator": Player(("generator",), update),
        },
        schedule=alternating(
            Turn("discriminator", tell_apart(loss), repeat=config.k),
            Turn("generator", generator, offset=config.k),  # real examples of its own
        ),
    )
    return Experiment(game, priors={"z": Normal(config.latent)}, outputs=GENERATES, metrics=default_metrics(spec))
