"""LSGAN: least squares to the codes 0, 1 and 1 in place of the sigmoid cross entropy, on MLPs.

Reference: Least Squares Generative Adversarial Networks (Mao et al., 2016), https://arxiv.org/abs/1611.04076
"""

from dataclasses import dataclass
from math import prod

import torch
from torch import nn

from zerosum.data import from_symmetric, to_symmetric
from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import least_squares
from zerosum.metrics import high_quality, modes
from zerosum.networks import mlp
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    batch_size: int = 128
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: float = 0.0005
    """Learning rate of Adam, both players [per update]."""
    beta1: float = 0.0
    """Adam's decay of the first moment [per update]."""
    average_halflife: float = 20000
    """Half-life of a weight in the generator's average, which samples are drawn from [examples]."""
    latent: int = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: int = 128
    """Width of the two hidden layers of either network [units]."""


def build(config, spec):
    unbounded, size, h = spec.kind.range is None, prod(spec.shape), config.hidden
    enter, last, leave = (nn.Identity(),) * 3 if unbounded else (to_symmetric, nn.Tanh(), from_symmetric)

    def discriminator(net, batch):
        with torch.no_grad():
            fake = net.generator(batch["z"])
        return least_squares.discriminator(net.discriminator(enter(batch["x"])), net.discriminator(fake))

    def generator(net, batch):
        return {"adversarial": least_squares.generator(net.discriminator(net.generator(batch["z"])))}

    def sample(net, drawn):
        return leave(net.generator(drawn["z"]))

    g = nn.Sequential(mlp((config.latent, h, h, size)), last, nn.Unflatten(1, spec.shape))
    d = nn.Sequential(nn.Flatten(), mlp((size, h, h, 1)))
    update = adam(config.learning_rate, betas=(config.beta1, 0.99))
    players = {name: Player(moves=(name,), update=update) for name in ("discriminator", "generator")}
    schedule = alternating(Turn("discriminator", discriminator), Turn("generator", generator))
    game = Game({"generator": g, "discriminator": d}, players, schedule, {"generator": config.average_halflife})
    metrics = (modes(), high_quality()) if spec.count is None else ()  # endless data are toys
    return Experiment(game, {"z": Normal(config.latent)}, {"sample": sample, "decode": sample}, metrics, rounds=5000)
