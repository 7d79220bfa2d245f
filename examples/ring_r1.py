"""A non-saturating GAN with R1 on points: ``zerosum train examples/ring_r1.py --data ring``.

References:
    | Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), https://arxiv.org/abs/1801.04406
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import nonsaturating, r1
from zerosum.metrics import default_metrics
from zerosum.networks import mlp
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings for rings and grids of points."""

    batch_size: int = 256
    """Real points, and generated ones, in each update [examples]."""
    learning_rate: float = 1e-3
    """Learning rate of Adam, both players [per update]."""
    gamma: float = 1.0
    """Weight of R1."""
    latent: int = 8
    """Dimension of the latent, standard normal [coordinates]."""
    hidden: int = 64
    """Width of the two hidden layers of either network [units]."""


def build(config, spec):
    """The game on data of any shape."""

    def discriminator(net, batch):
        with torch.no_grad():
            fake = net.generator(batch["z"])
        terms = nonsaturating.discriminator(net.discriminator(batch["x"]), net.discriminator(fake))
        return {**terms, "r1": config.gamma * r1(net.discriminator, batch["x"])}

    def generator(net, batch):
        return {"adversarial": nonsaturating.generator(net.discriminator(net.generator(batch["z"])))}

    def sample(net, batch):
        return net.generator(batch["z"])

    size, hidden = math.prod(spec.shape), (config.hidden, config.hidden)
    update = adam(config.learning_rate, (0.0, 0.99))
    game = Game(
        networks={
            "generator": nn.Sequential(mlp((config.latent, *hidden, size)), nn.Unflatten(1, spec.shape)),
            "discriminator": nn.Sequential(nn.Flatten(), mlp((size, *hidden, 1))),
        },
        players={name: Player((name,), update) for name in ("discriminator", "generator")},
        schedule=alternating(Turn("discriminator", discriminator), Turn("generator", generator)),
        averages={"generator": 50_000},  # half-life in examples
    )
    return Experiment(game, {"z": Normal(config.latent)}, {"sample": sample}, default_metrics(spec), rounds=5000)
