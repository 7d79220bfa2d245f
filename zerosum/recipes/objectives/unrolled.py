"""Unrolled GAN: the generator plays against the discriminator that would have answered its move.

A generator that meets the discriminator as it stands crowds where that one is fooled now and moves on when it learns;
one that looks a few updates ahead sees the answer and gains nothing by crowding. Only the generator looks ahead: the
updates it imagines are forgotten, and the discriminator makes its ordinary one.

References:
    | Unrolled Generative Adversarial Networks (Metz et al., 2016), https://arxiv.org/abs/1611.02163
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from zerosum.adversarial import GENERATES, tell_apart
from zerosum.config import Count, Decay, NonNegativeCount, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating, unroll
from zerosum.losses import nonsaturating
from zerosum.metrics import default_metrics
from zerosum.networks import perceptrons
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """The paper's ring of eight Gaussians, but for the look-ahead, the batch, the step sizes and the average."""

    unroll_steps: NonNegativeCount = 5
    """Updates of the discriminator that the generator looks ahead, 0 is the plain GAN [updates]. The paper
    compares 0 and 10 on the ring."""
    second_order: bool = True
    """Whether the generator's gradient flows through those updates too; without, where they lead is a constant."""
    cost: Literal["minimax", "nonsaturating"] = "minimax"
    """What the generator descends against the discriminator ahead: minus that one's loss, or -log D of its fakes."""
    batch_size: Count = 256
    """Real examples, and generated ones, in each update [examples]. The paper's ring has 512."""
    discriminator_rate: Positive = 5e-4
    """Step size of the discriminator's Adam, played and looked ahead [per update]. The paper's is 1e-4, for 25,000
    rounds."""
    generator_rate: Positive = 1e-3
    """Step size of the generator's Adam [per update]; that of the authors' notebook."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    average_halflife: Positive = 50_000
    """Half-life of a weight in the generator's average, which samples are drawn from; of this project [images]."""
    latent: Count = 256
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""
    gain: Positive = 0.8
    """Factor on the orthogonal matrices that weights begin as."""
    input_scale: Positive = 0.25
    """Factor on what the discriminator sees."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape."""

    def told_apart(net: Networks, batch: Batch) -> Terms:
        """Tell real from generated, with the way back to the generator."""
        return nonsaturating.discriminator(net.discriminator(batch["x"]), net.discriminator(net.generator(batch["z"])))

    def generator(net: Networks, batch: Batch) -> Terms:
        """Do well against the discriminator K updates from here."""
        ahead = unroll(net, "discriminator", told_apart, batch, config.unroll_steps, config.second_order)
        if config.cost == "nonsaturating":
            return {"fool": nonsaturating.generator(ahead.discriminator(net.generator(batch["z"])))}
        # With its real half, whose value depends on the generator by the updates looked ahead.
        loss = told_apart(ahead, batch)
        return {"value": -(loss["real"] + loss["fake"])}

    final = spec.kind.last_layer
    networks = perceptrons(spec.shape, config.latent, (config.hidden,) * 2, final=final)
    for network in networks.values():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                nn.init.orthogonal_(parameter, config.gain)
            else:
                nn.init.zeros_(parameter)
    networks["discriminator"] = nn.Sequential(_Scaled(config.input_scale), networks["discriminator"])
    betas = (config.beta1, 0.999)
    game = Game(
        networks,
        players={
            "discriminator": Player(("discriminator",), adam(config.discriminator_rate, betas)),
            "generator": Player(("generator",), adam(config.generator_rate, betas)),
        },
        schedule=alternating(
            Turn("discriminator", tell_apart(nonsaturating)),
            Turn("generator", generator),
        ),
        averages={"generator": config.average_halflife},
    )
    return Experiment(game, priors={"z": Normal(config.latent)}, outputs=GENERATES, metrics=default_metrics(spec))


class _Scaled(nn.Module):
    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x
