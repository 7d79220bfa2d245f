"""Implicit models: a critic estimates the density ratio by any rule, the generator descends any loss of it.

The rule and the loss may be combined freely: the optimal critic of every rule is log P/Q, and the generator's loss is a
function of that. R1 keeps the critic from diverging where the two distributions hardly overlap. Moment matching needs
no critic: the generator descends the comparison itself.

References:
    | Learning in Implicit Generative Models (Mohamed and Lakshminarayanan, 2016), https://arxiv.org/abs/1610.03483
    | R1: Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), https://arxiv.org/abs/1801.04406
    | Moments: Generative Moment Matching Networks (Li et al., 2015), https://arxiv.org/abs/1502.02761
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from zerosum.adversarial import OUTPUTS, experiment, players, zero_centered_penalty
from zerosum.config import Count, Decay, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.losses import ADVERSARIAL, COMPARISONS, mmd
from zerosum.networks import mlp_pair
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
    """Weight of R1 on the critic, gamma / 2 times its mean squared gradient norm at real examples; 0 leaves it out.
    Not used by moment_matching, not in the paper."""
    bandwidth: Positive = 1.0
    """Of moment_matching's middle kernel, in units of the distance between examples; the others have a quarter, half,
    twice and four times as much."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: Positive = 1e-3
    """Learning rate of Adam, both players [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; with moment_matching it has one player."""
    comparison, loss = COMPARISONS.get(config.comparison), ADVERSARIAL[config.cost]
    bandwidths = [config.bandwidth * factor for factor in (1 / 4, 1 / 2, 1, 2, 4)]

    def critic(net: Networks, batch: Batch) -> Terms:
        """The paper's section 3: the loss of the ratio P/Q, by one of its rules."""
        assert comparison is not None
        x = batch["x"].detach().requires_grad_(config.gamma > 0)
        with torch.no_grad():
            fake = net.generator(batch["z"])
        logits = net.discriminator(x)
        terms = comparison(logits, net.discriminator(fake))
        if config.gamma > 0:
            terms["r1"] = config.gamma * zero_centered_penalty(logits, x)
        return terms

    def generator(net: Networks, batch: Batch) -> Terms:
        """A loss of the log ratio that the critic has found."""
        return {"adversarial": loss.generator(net.discriminator(net.generator(batch["z"])))}

    def match_moments(net: Networks, batch: Batch) -> Terms:
        """The maximum mean discrepancy of real and generated examples."""
        return {"mmd": mmd(batch["x"], net.generator(batch["z"]), bandwidths)}

    networks = mlp_pair(spec.shape, config.latent, (config.hidden,) * 2, final=spec.kind.last_layer)
    both, outputs = players(adam(config.learning_rate, (config.beta1, 0.999))), dict(OUTPUTS)
    schedule = alternating(Turn("discriminator", critic, repeat=config.k), Turn("generator", generator))
    if config.comparison == "moment_matching":
        del networks["discriminator"], both["discriminator"], outputs["score"]
        schedule = alternating(Turn("generator", match_moments))
    return experiment(Game(networks, both, schedule), spec, {"z": Normal(config.latent)}, outputs=outputs)
