"""The hand-coded GAN of the tutorials: two small MLPs and Adam at its defaults.

The system most people meet first: a generator 100-128-784 and a discriminator 784-128-1, non-saturating losses on
logits, one update each per round. Nothing holds the two together, so late in training it oscillates; it is here as the
baseline that everything else is measured against.

References:
    | Generative Adversarial Networks (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661
    | The network sizes, the initialisation and the settings are those of a widely copied TensorFlow listing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import softplus

from zerosum.adversarial import experiment, players
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.networks import mlp_pair
from zerosum.sources import Uniform
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of the listing."""

    k: Count = 1
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: Positive = 1e-3
    """Learning rate of Adam, both players [per update]."""
    beta1: Decay = 0.9
    """Adam's decay of the first moment [per update]. 0.9 is why it oscillates late."""
    beta2: Decay = 0.999
    """Adam's decay of the second moment [per update]."""
    latent: Count = 100
    """Dimension of the latent z, uniform on (-1, 1) [coordinates]."""
    hidden: Count = 128
    """Width of the hidden layer of either network [units]."""


def discriminator(net: Networks, batch: Batch) -> Terms:
    """Eq. 1: -E log D(x) - E log(1 - D(G(z))), with D = sigmoid(logit)."""
    with torch.no_grad():
        fake = net.generator(batch["z"])
    return {"real": softplus(-net.discriminator(batch["x"])).mean(), "fake": softplus(net.discriminator(fake)).mean()}


def generator(net: Networks, batch: Batch) -> Terms:
    """Section 3: the non-saturating loss -E log D(G(z))."""
    return {"adversarial": softplus(-net.discriminator(net.generator(batch["z"]))).mean()}


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; points that are no images get a linear output instead of the sigmoid."""
    networks = mlp_pair(spec.shape, config.latent, (config.hidden,), final=spec.kind.last_layer)
    for network in networks.values():
        network.apply(_initialise)
    game = Game(
        networks,
        players=players(adam(config.learning_rate, (config.beta1, config.beta2))),
        schedule=alternating(Turn("discriminator", discriminator, repeat=config.k), Turn("generator", generator)),
    )
    return experiment(game, spec, {"z": Uniform(-1, 1, config.latent)})


def _initialise(module: nn.Module) -> None:
    # The listing's "xavier": N(0, 2 / fan_in); Xavier's own variance for it would be 1 / fan_in.
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=math.sqrt(2 / module.in_features))
        nn.init.zeros_(module.bias)
