"""Maximum-likelihood GAN: the generator weights its examples by the density ratio of a near-optimal discriminator.

At the optimal logit a = log P/Q, the loss -E exp(a) of generated examples has the gradient of KL(P, Q): maximum
likelihood without a density; -E a has that of KL(Q, P). Both hold near the optimum alone, so the discriminator makes
several updates in each round, and R1 keeps its logit from diverging where the two distributions hardly overlap.

References:
    | On Distinguishability Criteria for Estimating Generative Models (Goodfellow, 2014), https://arxiv.org/abs/1412.6515
    | R1: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), https://arxiv.org/abs/1801.04406
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch

from zerosum.adversarial import experiment, players, zero_centered_penalty
from zerosum.config import Count, Decay, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.losses import ADVERSARIAL, nonsaturating
from zerosum.networks import mlp_pair
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of this project: the paper is theory and trains nothing."""

    cost: Literal["maximum_likelihood", "reverse_kl", "nonsaturating", "minimax"] = "maximum_likelihood"
    """The generator's loss; with the optimal discriminator it has the gradient of KL(P, Q), of KL(Q, P), of
    KL(Q, P) - 2 JS and of 2 JS."""
    k: Count = 5
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    gamma: NonNegative = 1.0
    """Weight of R1, gamma / 2 times the mean squared gradient norm of the logit at real examples; 0 leaves it out."""
    ratio_limit: Positive | None = None
    """Greatest ratio P/Q = exp(a) that the generator sees, which biases its loss; None for no limit."""
    learning_rate: Positive = 1e-3
    """Learning rate of Adam, both players [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]."""
    beta2: Decay = 0.99
    """Adam's decay of the second moment [per update]."""
    average_halflife: Positive = 50_000
    """Half-life of a weight in the generator's average, which samples are drawn from [examples]."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape."""
    loss = ADVERSARIAL[config.cost]

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """-E log D(x) - E log(1 - D(G(z))), with R1."""
        x = batch["x"].detach().requires_grad_(config.gamma > 0)
        with torch.no_grad():
            fake = net.generator(batch["z"])
        logits = net.discriminator(x)
        terms = nonsaturating.discriminator(logits, net.discriminator(fake))
        if config.gamma > 0:
            terms["r1"] = config.gamma * zero_centered_penalty(logits, x)
        return terms

    def generator(net: Networks, batch: Batch) -> Terms:
        """For maximum likelihood -E exp(a), the ratio P/Q of generated examples."""
        logits = net.discriminator(net.generator(batch["z"]))
        if config.ratio_limit is not None:
            logits = logits.clamp(max=math.log(config.ratio_limit))
        return {"adversarial": loss.generator(logits)}

    update = adam(config.learning_rate, (config.beta1, config.beta2))
    game = Game(
        mlp_pair(spec.shape, config.latent, (config.hidden,) * 2, final=spec.kind.last_layer),
        players=players(update),
        schedule=alternating(Turn("discriminator", discriminator, repeat=config.k), Turn("generator", generator)),
        averages={"generator": config.average_halflife},
    )
    return experiment(game, spec, {"z": Normal(config.latent)})
