r"""f-GAN: the generator descends any f-divergence, by the variational bound of a critic.

:math:`D_f(P, Q) \ge E_P\, T(x) - E_Q\, f^*(T(x))`: the critic raises the bound, the generator lowers it. The
divergence decides whether a generator that cannot fit the data loses modes or precision.

References:
    | f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization (Nowozin et al., 2016)
    | https://arxiv.org/abs/1606.00709
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from zerosum.adversarial import experiment, players, zero_centered_penalty
from zerosum.config import Count, Decay, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, simultaneous
from zerosum.losses import DIVERGENCES
from zerosum.networks import mlp_pair
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of this project, on MLPs; both players move at once, as in the paper's algorithm 1."""

    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    divergence: Literal[
        "kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon", "gan", "total_variation"
    ] = "gan"
    """The divergence of the generator's distribution from the data's that is descended."""
    trick: bool = True
    """The generator raises T of its examples instead of lowering the bound (section 3.2)."""
    gamma: NonNegative = 0.0
    """Weight of R1 on the critic, gamma / 2 times its mean squared gradient norm at real examples; not in the paper.
    total_variation, whose T saturates, does not learn without it; 0.1 is enough for the ring."""
    learning_rate: Positive = 1e-3
    """Learning rate of Adam, both players [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape."""
    loss = DIVERGENCES[config.divergence].pair(config.trick)

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """Eq. 4: raise the bound, with terms -E_P T(x) and E_Q f*(T(x))."""
        x = batch["x"].detach().requires_grad_(config.gamma > 0)
        with torch.no_grad():
            fake = net.generator(batch["z"])
        logits = net.discriminator(x)
        terms = loss.discriminator(logits, net.discriminator(fake))
        if config.gamma > 0:
            terms["r1"] = config.gamma * zero_centered_penalty(logits, x)
        return terms

    def generator(net: Networks, batch: Batch) -> Terms:
        """Eq. 4: lower the bound; by the trick of section 3.2, -E_Q T(x)."""
        return {"adversarial": loss.generator(net.discriminator(net.generator(batch["z"])))}

    update = adam(config.learning_rate, (config.beta1, 0.999))
    game = Game(
        mlp_pair(spec.shape, config.latent, (config.hidden,) * 2, final=spec.kind.last_layer),
        players=players(update),
        schedule=simultaneous(Turn("discriminator", discriminator), Turn("generator", generator)),
    )
    return experiment(game, spec, {"z": Normal(config.latent)})
