"""GAN with R1: the discriminator pays for its slope at real examples, which makes the game converge near its solution.

Where generated and real examples lie on the same thin set, the plain game circles around its solution for good, as the
discriminator's slope there has no reason to vanish. A penalty on that slope, at real examples or at generated ones,
damps the circling: enough near the solution for any gamma above 0.

References:
    | Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), https://arxiv.org/abs/1801.04406
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from zerosum.adversarial import GENERATES, fool
from zerosum.config import Count, Decay, Layers, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating
from zerosum.losses import nonsaturating, squared_gradient_norm
from zerosum.metrics import default_metrics
from zerosum.networks import perceptrons
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.training.planning import Choice, Facts, Machine
from zerosum.updates import rmsprop


@dataclass(frozen=True)
class Config:
    """The paper's rule of updates and its decay; the other numbers are this project's, for perceptrons."""

    k: Count = 1
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]. The paper's is 64."""
    gamma: NonNegative = 1.0
    """Weight of R1, gamma / 2 times the mean squared slope of the logit at real examples; 0 leaves it out."""
    gamma_fake: NonNegative = 0.0
    """Weight of R2, the same at generated examples; 0 leaves it out."""
    learning_rate: Positive = 1e-3
    """Step size of RMSProp, both players [per update]. The paper's is 1e-4."""
    decay: Decay = 0.99
    """RMSProp's decay of the mean square [per update]."""
    average_halflife: Positive = 50_000
    """Half-life of a weight in the generator's average, which samples are drawn from [images]."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]. The paper's is 256."""
    hidden: Count = 128
    """Width of the hidden layers [units]."""
    depth: Layers = 3
    """Hidden layers of either network [layers]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape."""

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """Tell real from generated, with little slope where it is asked for."""
        with torch.no_grad():
            fake = net.generator(batch["z"])
        real = batch["x"].detach().requires_grad_(config.gamma > 0)
        fake = fake.detach().requires_grad_(config.gamma_fake > 0)
        real_logits, fake_logits = net.discriminator(real), net.discriminator(fake)
        terms = nonsaturating.discriminator(real_logits, fake_logits)
        if config.gamma > 0:
            terms["r1"] = config.gamma / 2 * squared_gradient_norm(real_logits, real).mean()
        if config.gamma_fake > 0:
            terms["r2"] = config.gamma_fake / 2 * squared_gradient_norm(fake_logits, fake).mean()
        return terms

    update = rmsprop(config.learning_rate, config.decay)
    final = None if spec.kind == "real" else nn.Sigmoid
    game = Game(
        perceptrons(spec.shape, config.latent, (config.hidden,) * config.depth, _leaky, final),
        players={
            "discriminator": Player(("discriminator",), update),
            "generator": Player(("generator",), update),
        },
        schedule=alternating(
            Turn("discriminator", discriminator, repeat=config.k),
            Turn("generator", fool(nonsaturating)),
        ),
        averages={"generator": config.average_halflife},
    )
    return Experiment(game, priors={"z": Normal(config.latent)}, outputs=GENERATES, metrics=default_metrics(spec))


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


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
