"""Unrolled GAN: the generator descends its loss against the discriminator a few updates ahead.

Against the present discriminator the generator gathers its examples where that one scores high, and moves on when it
learns (mode collapse); against the one a few updates ahead it gains nothing by that. The generator alone looks ahead:
the unrolled updates are discarded, and the discriminator makes its ordinary one.

References:
    | Unrolled Generative Adversarial Networks (Metz et al., 2016), https://arxiv.org/abs/1611.02163
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from zerosum.adversarial import experiment, players
from zerosum.config import Count, Decay, NonNegativeCount, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating, unroll
from zerosum.networks import mlp_pair
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config:
    """The paper's ring of eight Gaussians, but for the look-ahead, the batch, the learning rates and the average."""

    unroll_steps: NonNegativeCount = 5
    """Updates of the discriminator that the generator looks ahead, 0 is the plain GAN [updates]. The paper
    compares 0 and 10 on the ring."""
    second_order: bool = True
    """The generator's gradient flows through the unrolled updates; without, the discriminator ahead is a constant."""
    cost: Literal["minimax", "nonsaturating"] = "minimax"
    """The generator's loss against the discriminator ahead: minus that one's loss, or -log D of generated examples."""
    batch_size: Count = 256
    """Real examples, and generated ones, in each update [examples]. The paper's ring has 512."""
    discriminator_rate: Positive = 5e-4
    """Learning rate of the discriminator's Adam, played and looked ahead [per update]. The paper's is 1e-4, for 25,000
    rounds."""
    generator_rate: Positive = 1e-3
    """Learning rate of the generator's Adam [per update]; that of the authors' notebook."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]; that of the second is 0.999."""
    average_halflife: Positive = 50_000
    """Half-life of a weight in the generator's average, which samples are drawn from; of this project [examples]."""
    latent: Count = 256
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the two hidden layers of either network [units]."""
    gain: Positive = 0.8
    """Factor on the orthogonal matrices that weights are initialised with."""
    input_scale: Positive = 0.25
    """Factor on the discriminator's input."""


def _losses(net: Networks, x: Tensor, fake: Tensor) -> Terms:
    """-E log D(x) - E log(1 - D(G(z)))."""
    return {"real": softplus(-net.discriminator(x)).mean(), "fake": softplus(net.discriminator(fake)).mean()}


def discriminator(net: Networks, batch: Batch) -> Terms:
    """The ordinary update, against the generator as it is."""
    with torch.no_grad():
        fake = net.generator(batch["z"])
    return _losses(net, batch["x"], fake)


def differentiable(net: Networks, batch: Batch) -> Terms:
    """The same, differentiable with respect to the generator: the discriminator's loss in updates looked ahead."""
    return _losses(net, batch["x"], net.generator(batch["z"]))


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape."""

    def generator(net: Networks, batch: Batch) -> Terms:
        """The surrogate loss f_K, against the discriminator K updates ahead."""
        ahead = unroll(net, "discriminator", differentiable, batch, config.unroll_steps, config.second_order)
        if config.cost == "nonsaturating":
            return {"adversarial": softplus(-ahead.discriminator(net.generator(batch["z"]))).mean()}
        # With its real half, whose value depends on the generator through the updates looked ahead.
        loss = differentiable(ahead, batch)
        return {"value": -(loss["real"] + loss["fake"])}

    networks = mlp_pair(spec.shape, config.latent, (config.hidden,) * 2, final=spec.kind.last_layer)
    for parameter in (p for network in networks.values() for p in network.parameters()):
        if parameter.ndim > 1:
            nn.init.orthogonal_(parameter, config.gain)
        else:
            nn.init.zeros_(parameter)
    networks["discriminator"] = nn.Sequential(_Scaled(config.input_scale), networks["discriminator"])
    betas = (config.beta1, 0.999)
    game = Game(
        networks,
        players=players(adam(config.generator_rate, betas), adam(config.discriminator_rate, betas)),
        schedule=alternating(Turn("discriminator", discriminator), Turn("generator", generator)),
        averages={"generator": config.average_halflife},
    )
    return experiment(game, spec, {"z": Normal(config.latent)})


class _Scaled(nn.Module):
    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x
