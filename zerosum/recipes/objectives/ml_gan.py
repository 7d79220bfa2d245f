"""Maximum-likelihood GAN: the generator weighs its examples by the ratio a near-optimal discriminator gives them.

At the best logit a = log P/Q, the loss -E exp(a) of generated examples has the gradient of KL(P, Q): maximum
likelihood without a density; -E a has that of KL(Q, P). Both hold for a discriminator near its optimum alone, so it
makes several updates in each round, and R1 keeps its logit from running off where the two sides hardly overlap.

References:
    | On Distinguishability Criteria for Estimating Generative Models (Goodfellow, 2014), https://arxiv.org/abs/1412.6515
    | R1: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), https://arxiv.org/abs/1801.04406
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from zerosum.adversarial import GENERATES, tell_apart
from zerosum.config import Count, Decay, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating
from zerosum.losses import ADVERSARIAL
from zerosum.metrics import default_metrics
from zerosum.networks import perceptrons
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of this project: the paper is theory and trains nothing."""

    cost: Literal["maximum_likelihood", "reverse_kl", "nonsaturating", "minimax"] = "maximum_likelihood"
    """What the generator descends; with the best discriminator, the gradient of KL(P, Q), of KL(Q, P), of
    KL(Q, P) - 2 JS and of 2 JS."""
    k: Count = 5
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    gamma: NonNegative = 1.0
    """Weight of R1, gamma / 2 times the mean squared slope of the logit at real examples; 0 leaves it out."""
    ratio_limit: Positive | None = None
    """Greatest ratio P/Q = exp(a) that the generator sees, which biases its loss; None for no limit."""
    learning_rate: Positive = 1e-3
    """Step size of Adam, both players [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]."""
    beta2: Decay = 0.99
    """Adam's decay of the second moment [per update]."""
    average_halflife: Positive = 50_000
    """Half-life of a weight in the generator's average, which samples are drawn from [images]."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape."""
    loss = ADVERSARIAL[config.cost]

    def generator(net: Networks, batch: Batch) -> Terms:
        """Have what the discriminator's ratio asks for."""
        logits = net.discriminator(net.generator(batch["z"]))
        if config.ratio_limit is not None:
            logits = logits.clamp(max=math.log(config.ratio_limit))
        return {"fool": loss.generator(logits)}

    update = adam(config.learning_rate, (config.beta1, config.beta2))
    final = spec.kind.last_layer
    game = Game(
        perceptrons(spec.shape, config.latent, (config.hidden,) * 2, final=final),
        players={
            "discriminator": Player(("discriminator",), update),
            "generator": Player(("generator",), update),
        },
        schedule=alternating(
            Turn("discriminator", tell_apart(loss, config.gamma), repeat=config.k),
            Turn("generator", generator),
        ),
        averages={"generator": config.average_halflife},
    )
    return Experiment(game, priors={"z": Normal(config.latent)}, outputs=GENERATES, metrics=default_metrics(spec))
