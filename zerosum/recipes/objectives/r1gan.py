"""GAN with R1: a penalty on the discriminator's gradient at real examples makes the game converge locally.

Where real and generated examples lie on the same low-dimensional set, the plain game cycles around its equilibrium, as
the discriminator's gradient need not vanish there. A penalty on the norm of that gradient, at real examples (R1) or at
generated ones (R2), damps the cycles; near the equilibrium any gamma above 0 is enough.

References:
    | Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), https://arxiv.org/abs/1801.04406
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import softplus

from zerosum.adversarial import experiment, players, zero_centered_penalty
from zerosum.config import Count, Decay, Layers, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.networks import mlp_pair
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.training.planning import Choice, Facts, Machine
from zerosum.updates import rmsprop


@dataclass(frozen=True)
class Config:
    """The paper's update rule and decay; the other values are this project's, for MLPs."""

    k: Count = 1
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]. The paper's is 64."""
    gamma: NonNegative = 1.0
    """Weight of R1, gamma / 2 times the mean squared gradient norm of the logit at real examples; 0 leaves it out."""
    gamma_fake: NonNegative = 0.0
    """Weight of R2, the same at generated examples; 0 leaves it out."""
    learning_rate: Positive = 1e-3
    """Learning rate of RMSProp, both players [per update]. The paper's is 1e-4."""
    decay: Decay = 0.99
    """RMSProp's decay of the mean square [per update]."""
    average_halflife: Positive = 50_000
    """Half-life of a weight in the generator's average, which samples are drawn from [examples]."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]. The paper's is 256."""
    hidden: Count = 128
    """Width of the hidden layers [units]."""
    depth: Layers = 3
    """Hidden layers of either network [layers]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape."""

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """Eq. 1 with f(t) = -sp(-t), and the penalties R1 (eq. 9) and R2 (eq. 10)."""
        with torch.no_grad():
            fake = net.generator(batch["z"])
        real = batch["x"].detach().requires_grad_(config.gamma > 0)
        fake = fake.detach().requires_grad_(config.gamma_fake > 0)
        real_logits, fake_logits = net.discriminator(real), net.discriminator(fake)
        terms = {"real": softplus(-real_logits).mean(), "fake": softplus(fake_logits).mean()}
        if config.gamma > 0:
            terms["r1"] = config.gamma * zero_centered_penalty(real_logits, real)
        if config.gamma_fake > 0:
            terms["r2"] = config.gamma_fake * zero_centered_penalty(fake_logits, fake)
        return terms

    def generator(net: Networks, batch: Batch) -> Terms:
        """The non-saturating loss -E log D(G(z))."""
        return {"adversarial": softplus(-net.discriminator(net.generator(batch["z"]))).mean()}

    hidden, leaky = (config.hidden,) * config.depth, functools.partial(nn.LeakyReLU, 0.2)
    game = Game(
        mlp_pair(spec.shape, config.latent, hidden, leaky, spec.kind.last_layer),
        players=players(rmsprop(config.learning_rate, config.decay)),
        schedule=alternating(Turn("discriminator", discriminator, repeat=config.k), Turn("generator", generator)),
        averages={"generator": config.average_halflife},
    )
    return experiment(game, spec, {"z": Normal(config.latent)})


def plan(facts: Facts, machine: Machine, seconds: float) -> Choice | None:
    """The system for points, on any machine.

    Arguments:
        facts: About the data.
        machine: To train on.
        seconds: Of training.
    """
    if facts.kind != "points":
        return None
    reason = "r1gan, whose penalty makes the game of two multilayer perceptrons converge"
    return Choice("r1gan", {}, {}, (("recipe", reason),), rank=1)
