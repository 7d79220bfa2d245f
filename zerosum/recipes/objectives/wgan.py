"""WGAN: a critic with clipped weights estimates the Wasserstein distance, and the generator descends it.

Weights in [-c, c] keep the critic's Lipschitz constant below some K, so that the difference of its means is at most K
times the Wasserstein distance, whose gradient does not vanish where real and generated examples lie apart. The critic
makes many updates before the generator's. On MLPs here; the paper's networks are convolutional, but for one figure.

References:
    | Wasserstein GAN (Arjovsky et al., 2017), https://arxiv.org/abs/1701.07875
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from zerosum.adversarial import experiment, players
from zerosum.config import Count, Decay, Layers, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.networks import clip, mlp_pair
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import rmsprop


@dataclass(frozen=True)
class Config:
    """The paper's schedule, batch and clipping; the learning rate is this project's, for MLPs."""

    k: Count = 5
    """Updates of the critic in a round, the paper's [updates]."""
    warm_k: Count = 100
    """The same in each of the first 25 rounds and in every 500th, as in the authors' program [updates]."""
    batch_size: Count = 64
    """Real examples, and generated ones, in each update, the paper's [examples]."""
    clip: Positive = 0.01
    """Bound c on every parameter of the critic, the paper's."""
    learning_rate: Positive = 5e-4
    """Learning rate of RMSProp, both players; the paper's is 5e-5 [per update]."""
    decay: Decay = 0.99
    """RMSProp's decay of the mean square [per update]."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the hidden layers; 512 in the paper's MLPs [units]."""
    depth: Layers = 2
    """Hidden layers of either network; 3 in the paper's MLPs [layers]."""


def critic(net: Networks, batch: Batch) -> Terms:
    """Algorithm 1, line 5: E f(G(z)) - E f(x)."""
    with torch.no_grad():
        fake = net.generator(batch["z"])
    return {"real": -net.discriminator(batch["x"]).mean(), "fake": net.discriminator(fake).mean()}


def generator(net: Networks, batch: Batch) -> Terms:
    """Algorithm 1, line 10: -E f(G(z))."""
    return {"adversarial": -net.discriminator(net.generator(batch["z"])).mean()}


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; the critic has no sigmoid."""

    def updates(round: int) -> int:
        return config.warm_k if round < 25 or round % 500 == 0 else config.k

    game = Game(
        # The loss depends on differences of the critic's values alone, so its last layer has no bias.
        mlp_pair(
            spec.shape, config.latent, (config.hidden,) * config.depth, final=spec.kind.last_layer, final_bias=False
        ),
        # No momentum, as in the paper: the critic's loss is not stationary.
        players=players(rmsprop(config.learning_rate, config.decay), project=clip(config.clip)),
        schedule=alternating(Turn("discriminator", critic, repeat=updates), Turn("generator", generator)),
    )
    return experiment(game, spec, {"z": Normal(config.latent)})
