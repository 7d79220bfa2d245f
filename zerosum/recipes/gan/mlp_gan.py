"""A small GAN that converges: relativistic pairing with R1 and R2 on MLPs, the default for digits and toys.

The loss compares every generated example with a real one, so that a collapsed generator is no local minimum. The two
penalties on the critic's gradient norm make the game converge locally. This is the game of R3GAN on MLPs instead of
residual networks.

References:
    | The GAN is dead; long live the GAN! A Modern GAN Baseline (Huang et al., 2024), https://arxiv.org/abs/2501.05441
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from zerosum.adversarial import players, zero_centered_penalty
from zerosum.config import Count, Decay, Layers, NonNegative, Positive
from zerosum.data import DataSpec, from_symmetric, to_symmetric
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.metrics import default_metrics
from zerosum.networks import mlp_pair
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.training.planning import Choice, Facts, Machine, fits_convolutions
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """Settings of this project, calibrated on the 8x8 digits and the 25-mode grid."""

    k: Count = 1
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: Positive = 1e-3
    """Learning rate of Adam, both players [per update]."""
    gamma: NonNegative = 1.0
    """Weight of R1 and of R2, each gamma / 2 times the mean squared gradient norm of the logit."""
    beta2: Decay = 0.99
    """Adam's decay of the second moment [per update]; that of the first is 0."""
    average_halflife: Positive = 50_000
    """Half-life of a weight in the generator's average, which samples are drawn from [examples]."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the hidden layers [units]."""
    depth: Layers = 3
    """Hidden layers of either network [layers]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; images are played in [-1, 1] and shown in [0, 1], points as they are."""
    images, hidden = spec.kind.spatial, (config.hidden,) * config.depth

    def inward(x: Tensor) -> Tensor:
        return to_symmetric(x) if images else x

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """Relativistic pairing E sp(a(G(z)) - a(x)), with R1 and R2."""
        with torch.no_grad():
            fake = net.generator(batch["z"])
        real, fake = (points.detach().requires_grad_() for points in (inward(batch["x"]), fake))
        # Two passes and not one over both: the bias of a unit that is on for every example gets the real half's sum
        # minus the very same sum, which is 0 only if the halves are summed alike. Anything else is rounding noise, and
        # Adam turns noise into full steps.
        real_logits, fake_logits = net.discriminator(real), net.discriminator(fake)
        return {
            "pairing": softplus(fake_logits - real_logits).mean(),
            "r1": config.gamma * zero_centered_penalty(real_logits, real),
            "r2": config.gamma * zero_centered_penalty(fake_logits, fake),
        }

    def generator(net: Networks, batch: Batch) -> Terms:
        """The same with the sides exchanged, E sp(a(x) - a(G(z)))."""
        fake_logits = net.discriminator(net.generator(batch["z"]))
        real_logits = net.discriminator(inward(batch["x"]))
        return {"adversarial": softplus(real_logits - fake_logits).mean()}

    def sample(net: Networks, batch: Batch) -> Tensor:
        """Generated examples; also G(z) at given latents."""
        x: Tensor = net.generator(batch["z"])
        return from_symmetric(x).clamp(0, 1) if images else x

    def score(net: Networks, batch: Batch) -> Tensor:
        """The critic's logit, (N,): only differences mean anything."""
        logit: Tensor = net.discriminator(inward(batch["x"]))
        return logit.squeeze(1)

    update = adam(config.learning_rate, (0.0, config.beta2))
    game = Game(
        # The loss depends on differences of logits alone, so the last layer has no bias.
        networks=mlp_pair(spec.shape, config.latent, hidden, _leaky, final_bias=False),
        players=players(update),
        schedule=alternating(
            Turn("discriminator", discriminator, repeat=config.k),
            Turn("generator", generator, offset=config.k),  # its own real examples, as the pairing needs them too
        ),
        averages={"generator": config.average_halflife},
    )
    return Experiment(
        game,
        priors={"z": Normal(config.latent)},
        outputs={"sample": sample, "decode": sample, "score": score},
        metrics=default_metrics(spec),
    )


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


def plan(facts: Facts, machine: Machine, seconds: float) -> Choice | None:
    """The system for images that convolutions cannot take.

    Arguments:
        facts: About the data.
        machine: To train on.
        seconds: Of training.
    """
    if facts.kind != "images" or fits_convolutions(facts):
        return None
    reason = "mlp_gan, as convolutions need squares whose side is 4, 5, 6 or 7 doubled"
    return Choice("mlp_gan", {}, {}, (("recipe", reason),))
