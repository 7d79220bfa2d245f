r"""f-GAN: a generator that descends any f-divergence, by the bound a critic makes on it.

:math:`D_f(P, Q) \ge E_P\, T(x) - E_Q\, f^*(T(x))`: the critic raises the bound, the generator lowers it. Which
divergence it is decides what a generator that cannot fit the data gives up: modes, or precision.

References:
    | f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization (Nowozin et al., 2016)
    | https://arxiv.org/abs/1606.00709
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zerosum.adversarial import GENERATES, fool, tell_apart
from zerosum.config import Count, Decay, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.game import Game, Player, Turn, simultaneous
from zerosum.losses import DIVERGENCES
from zerosum.metrics import default_metrics
from zerosum.networks import perceptrons
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of this project on perceptrons; both players step at once, as in the paper's algorithm 1."""

    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    divergence: Literal[
        "kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon", "gan", "total_variation"
    ] = "gan"
    """What is descended, of the data's law from the generator's."""
    trick: bool = True
    """The generator raises its examples' T instead of lowering the bound (section 3.2)."""
    gamma: NonNegative = 0.0
    """Weight of R1 on the critic, gamma / 2 times its mean squared slope at real examples; not in the paper.
    total_variation, whose T saturates, stands still for good without it; 0.1 does for the ring."""
    learning_rate: Positive = 1e-3
    """Step size of Adam, both players [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape."""
    loss = DIVERGENCES[config.divergence].pair(config.trick)
    update = adam(config.learning_rate, (config.beta1, 0.999))
    game = Game(
        perceptrons(spec.shape, config.latent, (config.hidden,) * 2, final=spec.kind.last_layer),
        players={
            "discriminator": Player(("discriminator",), update),
            "generator": Player(("generator",), update),
        },
        schedule=simultaneous(Turn("discriminator", tell_apart(loss, config.gamma)), Turn("generator", fool(loss))),
    )
    return Experiment(game, priors={"z": Normal(config.latent)}, outputs=GENERATES, metrics=default_metrics(spec))
