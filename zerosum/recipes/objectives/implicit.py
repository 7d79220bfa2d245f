"""Implicit models: compare the two laws by any rule, then move the generator by any loss on the log ratio it found.

The critic's rule and the generator's loss need not belong together: every rule's best critic is log P/Q, and the
generator's loss takes that. R1 keeps the critic from running off where the two laws hardly overlap. Matching moments
compares without a critic, and the generator descends the comparison.

References:
    | Learning in Implicit Generative Models (Mohamed and Lakshminarayanan, 2016), https://arxiv.org/abs/1610.03483
    | R1: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), https://arxiv.org/abs/1801.04406
    | Moments: Generative Moment Matching Networks (Li et al., 2015), https://arxiv.org/abs/1502.02761
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from zerosum.adversarial import GENERATES, fool, tell_apart
from zerosum.config import Count, Decay, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating
from zerosum.losses import ADVERSARIAL, COMPARISONS, mmd
from zerosum.metrics import default_metrics
from zerosum.networks import perceptrons
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of this project: the paper compares rules and trains nothing."""

    comparison: Literal[
        "bernoulli", "brier", "spherical", "exponential", "kliep", "reverse_kl", "lsif", "moment_matching"
    ] = "bernoulli"
    """The critic's rule; moment_matching has no critic."""
    cost: Literal["minimax", "nonsaturating", "maximum_likelihood", "reverse_kl"] = "nonsaturating"
    """The generator's loss on the log ratio; not used by moment_matching."""
    k: Count = 1
    """Updates of the critic in each round; not used by moment_matching [updates]."""
    gamma: NonNegative = 1.0
    """Weight of R1 on the critic, gamma / 2 times its mean squared slope at real examples; 0 leaves it out. Not used by
    moment_matching, not in the paper."""
    bandwidth: Positive = 1.0
    """Of moment_matching's middle kernel, in units of the distance between examples; the others have a quarter, half,
    twice and four times as much."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: Positive = 1e-3
    """Step size of Adam, both players [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; with moment_matching it has one player."""
    update = adam(config.learning_rate, (config.beta1, 0.999))
    networks = perceptrons(spec.shape, config.latent, (config.hidden,) * 2, final=spec.kind.last_layer)
    players = {"discriminator": Player(("discriminator",), update), "generator": Player(("generator",), update)}
    answers = dict(GENERATES)
    if config.comparison == "moment_matching":
        bandwidths = [config.bandwidth * factor for factor in (1 / 4, 1 / 2, 1, 2, 4)]

        def match(net: Networks, batch: Batch) -> Terms:
            """Have the moments of the data."""
            return {"mmd": mmd(batch["x"], net.generator(batch["z"]), bandwidths)}

        del networks["discriminator"], players["discriminator"], answers["score"]
        schedule = alternating(Turn("generator", match))
    else:
        pair = replace(ADVERSARIAL[config.cost], discriminator=COMPARISONS[config.comparison])
        schedule = alternating(
            Turn("discriminator", tell_apart(pair, config.gamma), repeat=config.k), Turn("generator", fool(pair))
        )
    return Experiment(
        Game(networks, players, schedule),
        priors={"z": Normal(config.latent)},
        outputs=answers,
        metrics=default_metrics(spec),
    )
