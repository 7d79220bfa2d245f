"""WGAN: a critic with clipped weights estimates how far mass has to be moved, and the generator shortens the way.

Weights in [-c, c] keep the critic's slope below some constant K, so that the difference of its means is at most K times
the Wasserstein distance, whose gradient does not fade where real and generated lie apart. The critic is trained far
before the generator moves. On perceptrons here; the paper's networks are convolutional, but for one of its figures.

References:
    | Wasserstein GAN (Arjovsky et al., 2017), https://arxiv.org/abs/1701.07875
"""

from __future__ import annotations

from dataclasses import dataclass

from zerosum.adversarial import GENERATES, fool, tell_apart
from zerosum.config import Count, Decay, Layers, Positive
from zerosum.data import DataSpec
from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import wasserstein
from zerosum.metrics import default_metrics
from zerosum.networks import clip, perceptrons
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import rmsprop


@dataclass(frozen=True)
class Config:
    """The paper's schedule, batch and clipping; step sizes are this project's, for perceptrons."""

    k: Count = 5
    """Updates of the critic in a round, the paper's [updates]."""
    warm_k: Count = 100
    """The same in each of the first 25 rounds and in every 500th, as in the authors' program [updates]."""
    batch_size: Count = 64
    """Real examples, and generated ones, in each update, the paper's [examples]."""
    clip: Positive = 0.01
    """Bound c on every parameter of the critic, the paper's."""
    learning_rate: Positive = 5e-4
    """Step size of RMSProp, both players; the paper's is 5e-5 [per update]."""
    decay: Decay = 0.99
    """RMSProp's decay of the mean square [per update]."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the hidden layers; 512 in the paper's perceptrons [units]."""
    depth: Layers = 2
    """Hidden layers of either network; 3 in the paper's perceptrons [layers]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; the critic has no sigmoid."""

    def updates(round: int) -> int:
        return config.warm_k if round < 25 or round % 500 == 0 else config.k

    # No momentum, as in the paper: the critic's loss is not stationary.
    update = rmsprop(config.learning_rate, config.decay)
    hidden, final = (config.hidden,) * config.depth, spec.kind.last_layer
    game = Game(
        # The loss sees differences of the critic's values only, so its last layer has no bias.
        perceptrons(spec.shape, config.latent, hidden, final=final, final_bias=False),
        players={
            "discriminator": Player(("discriminator",), update, clip(config.clip)),
            "generator": Player(("generator",), update),
        },
        schedule=alternating(
            Turn("discriminator", tell_apart(wasserstein), repeat=updates),
            Turn("generator", fool(wasserstein)),
        ),
    )
    return Experiment(game, priors={"z": Normal(config.latent)}, outputs=GENERATES, metrics=default_metrics(spec))
