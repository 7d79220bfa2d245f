"""WGAN-GP on points: ``zerosum train examples/ring_wgan_gp.py --data ring``.

References:
    | Improved Training of Wasserstein GANs (Gulrajani et al., 2017), https://arxiv.org/abs/1704.00028
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import gradient_penalty, interpolate, wasserstein
from zerosum.metrics import default_metrics
from zerosum.networks import mlp
from zerosum.sources import Normal, Uniform
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """The paper's for toys, with a smaller critic and larger steps."""

    batch_size: int = 256
    """Real points, and generated ones, in each update [examples]."""
    k: int = 5
    """Updates of the critic in each round [updates]."""
    learning_rate: float = 5e-4
    """Learning rate of Adam, both players [per update]."""
    penalty: float = 0.1
    """Weight of the gradient penalty, the paper's for toys."""
    latent: int = 8
    """Dimension of the latent, standard normal [coordinates]."""
    hidden: int = 64
    """Width of the two hidden layers of either network [units]."""


def build(config, spec):
    """The game on data of any shape."""

    def critic(net, batch):
        with torch.no_grad():
            fake = net.generator(batch["z"])
        terms = wasserstein.discriminator(net.critic(batch["x"]), net.critic(fake))
        between = interpolate(batch["x"], fake, batch["epsilon"])
        return {**terms, "penalty": config.penalty * gradient_penalty(net.critic, between)}

    def generator(net, batch):
        return {"adversarial": wasserstein.generator(net.critic(net.generator(batch["z"])))}

    def sample(net, batch):
        return net.generator(batch["z"])

    size, hidden = math.prod(spec.shape), (config.hidden, config.hidden)
    update = adam(config.learning_rate, (0.5, 0.9))
    game = Game(
        networks={
            "generator": nn.Sequential(mlp((config.latent, *hidden, size)), nn.Unflatten(1, spec.shape)),
            "critic": nn.Sequential(nn.Flatten(), mlp((size, *hidden, 1))),
        },
        players={name: Player((name,), update) for name in ("critic", "generator")},
        schedule=alternating(Turn("critic", critic, repeat=config.k), Turn("generator", generator)),
        averages={"generator": 50_000},  # half-life in examples
    )
    priors = {"z": Normal(config.latent), "epsilon": Uniform(0, 1, 1)}
    return Experiment(game, priors, {"sample": sample}, default_metrics(spec), rounds=5000)
