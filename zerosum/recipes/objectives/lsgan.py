"""LSGAN: the discriminator regresses on targets by least squares.

The gradient of a logistic loss vanishes at a generated example that is classified as real, however far it lies from
the data; that of a squared error pulls it to the decision boundary. On MLPs here; the paper's networks are
convolutional.

References:
    | Least Squares Generative Adversarial Networks (Mao et al., 2016), https://arxiv.org/abs/1611.04076
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from zerosum.adversarial import experiment, players
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.networks import mlp_pair
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam

CODINGS = {"least_squares": (0, 1, 1), "least_squares_pearson": (-1, 1, 0)}
"""The paper's targets a of generated, b of real examples, and c, the generator's, of generated ones."""


@dataclass(frozen=True)
class Config:
    """The paper's coding and learning rate, on MLPs of this project."""

    k: Count = 1
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    coding: Literal["least_squares", "least_squares_pearson"] = "least_squares"
    """Targets of generated, real and wanted: 0, 1, 1 (eq. 9), or -1, 1, 0, whose generator descends Pearson's
    chi-squared (eq. 8)."""
    learning_rate: Positive = 1e-3
    """Learning rate of Adam, both players [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; the discriminator has no sigmoid."""
    a, b, c = CODINGS[config.coding]

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """Eq. 2: 1/2 E (D(x) - b)^2 + 1/2 E (D(G(z)) - a)^2."""
        with torch.no_grad():
            fake = net.generator(batch["z"])
        real_score, fake_score = net.discriminator(batch["x"]), net.discriminator(fake)
        return {"real": (real_score - b).square().mean() / 2, "fake": (fake_score - a).square().mean() / 2}

    def generator(net: Networks, batch: Batch) -> Terms:
        """Eq. 2: 1/2 E (D(G(z)) - c)^2."""
        fake_score = net.discriminator(net.generator(batch["z"]))
        return {"adversarial": (fake_score - c).square().mean() / 2}

    update = adam(config.learning_rate, (config.beta1, 0.999))
    game = Game(
        mlp_pair(spec.shape, config.latent, (config.hidden,) * 2, final=spec.kind.last_layer),
        players=players(update),
        schedule=alternating(Turn("discriminator", discriminator, repeat=config.k), Turn("generator", generator)),
    )
    return experiment(game, spec, {"z": Normal(config.latent)})
