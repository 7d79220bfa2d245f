"""LSGAN: the discriminator regresses on targets, so an example far on the right side still pulls the generator.

Logistic losses stop caring for a generated example that is taken for real, however far it lies from the data; squared
ones pull it back to the boundary. On perceptrons here; the paper's networks are convolutional.

References:
    | Least Squares Generative Adversarial Networks (Mao et al., 2016), https://arxiv.org/abs/1611.04076
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zerosum.adversarial import GENERATES, fool, tell_apart
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import ADVERSARIAL
from zerosum.metrics import default_metrics
from zerosum.networks import perceptrons
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """The paper's coding and step size, on networks of this project."""

    k: Count = 1
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    coding: Literal["least_squares", "least_squares_pearson"] = "least_squares"
    """Targets of generated, real and wanted: 0, 1, 1 (eq. 9), or -1, 1, 0, whose generator descends Pearson's
    chi-squared (eq. 8)."""
    learning_rate: Positive = 1e-3
    """Step size of Adam, both players [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; the discriminator has no sigmoid."""
    loss = ADVERSARIAL[config.coding]
    update = adam(config.learning_rate, (config.beta1, 0.999))
    game = Game(
        perceptrons(spec.shape, config.latent, (config.hidden,) * 2, final=spec.kind.last_layer),
        players={
            "discriminator": Player(("discriminator",), update),
            "generator": Player(("generator",), update),
        },
        schedule=alternating(
            Turn("discriminator", tell_apart(loss), repeat=config.k),
            Turn("generator", fool(loss)),
        ),
    )
    return Experiment(game, priors={"z": Normal(config.latent)}, outputs=GENERATES, metrics=default_metrics(spec))
