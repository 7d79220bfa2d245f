"""WGAN-GP: the critic of a Wasserstein loss is kept to slope 1 by a penalty between real and generated examples.

The best critic of the Wasserstein loss has slope 1 on the lines along which mass is to be moved, so a penalty asks for
that at random points of lines between the two sides. The critic may then be trained far without its gradient
vanishing. On perceptrons, as in the paper's own experiments on toys, or on
residual networks, as in those on images.

References:
    | Improved Training of Wasserstein GANs (Gulrajani et al., 2017), https://arxiv.org/abs/1704.00028
    | Two step sizes: GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017), https://arxiv.org/abs/1706.08500
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from zerosum.adversarial import GENERATES, ImageConfig, Images, fool, refuse_switches
from zerosum.config import Count, Decay, Layers, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.errors import ConfigError
from zerosum.game import Batch, Game, Networks, Objective, Player, Terms, Turn, alternating
from zerosum.losses import gradient_penalty, interpolate, wasserstein
from zerosum.metrics import default_metrics
from zerosum.networks import ResNetDiscriminator, ResNetGenerator, perceptrons
from zerosum.sources import Normal, Prior, Uniform
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config(ImageConfig):
    """The paper's schedule and decays, on smaller networks with larger steps."""

    k: Count = 5
    """Updates of the critic in each round, the paper's [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update; the paper has 256 on toys [examples]."""
    penalty: NonNegative = 1.0
    """Weight lambda of the penalty; the paper's is 10 for images and 0.1 for toys."""
    learning_rate: Positive = 1e-3
    """Step size of the generator's Adam; the paper's is 1e-4 [per update]."""
    rate_ratio: Positive = 1.0
    """The critic's step size over the generator's; above 1 it may do with fewer updates (two time scales)."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.9
    """Adam's decay of the second moment, the paper's [per update]."""
    average_halflife: Positive = 50_000
    """Half-life of a weight in the generator's average, which samples are drawn from; of this project [images]."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]."""
    hidden: Count = 128
    """Width of the hidden layers; 512 in the paper [units]."""
    depth: Layers = 3
    """Hidden layers of either network, the paper's [layers]."""
    networks: Literal["perceptrons", "residual"] = "perceptrons"
    """Residual networks, the paper's for images, are for square ones; hidden and depth are not theirs."""
    width: Count = 32
    """Channels of the residual networks' planes up to 32x32; 128 in the paper [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; the critic has no sigmoid and no batch norm, as its slope is an example's own.

    Raises:
        ConfigError: Residual networks are asked for and the data are no square images of such a side, or a switch of
            theirs without them.
    """
    rate, betas = config.learning_rate, (config.beta1, config.beta2)
    players = {
        "discriminator": Player(("discriminator",), adam(config.rate_ratio * rate, betas)),
        "generator": Player(("generator",), adam(rate, betas)),
    }
    priors: dict[str, Prior] = {"z": Normal(config.latent), "epsilon": Uniform(0, 1, 1)}
    if config.networks == "perceptrons":
        refuse_switches(config, "take networks residual", ("average_halflife",))
        hidden, final = (config.hidden,) * config.depth, spec.kind.last_layer
        # The loss sees differences of the critic's values only, so its last layer has no bias.
        networks = perceptrons(spec.shape, config.latent, hidden, final=final, final_bias=False)
        turns = Turn("discriminator", _critic(config.penalty), repeat=config.k), Turn("generator", fool(wasserstein))
        averages = {"generator": config.average_halflife}
        game = Game(networks, players=players, schedule=alternating(*turns), averages=averages)
        return Experiment(game, priors=priors, outputs=GENERATES, metrics=default_metrics(spec))
    try:
        generator = ResNetGenerator(config.latent, spec.shape, config.width)
        images = Images(config, spec, generator, ResNetDiscriminator(spec.shape, config.width))
    except ValueError as error:
        raise ConfigError(f"{str(error)[:-1]} ({spec.name}); take networks perceptrons.") from error
    game = Game(
        images.networks,
        players=players,
        schedule=alternating(
            Turn("discriminator", images.tell_apart(wasserstein, penalty=config.penalty), repeat=config.k),
            Turn("generator", images.fool(wasserstein)),
        ),
        averages=images.averages,
    )
    return Experiment(game, priors=priors | images.priors, outputs=images.outputs, metrics=default_metrics(spec))


def _critic(penalty: float) -> Objective:
    def critic(net: Networks, batch: Batch) -> Terms:
        """Score real above generated, with slope 1 between the two: eq. 3."""
        with torch.no_grad():
            fake = net.generator(batch["z"])
        between = interpolate(batch["x"], fake, batch["epsilon"])
        return {
            **wasserstein.discriminator(net.discriminator(batch["x"]), net.discriminator(fake)),
            "penalty": penalty * gradient_penalty(net.discriminator, between),
        }

    return critic
