"""SNGAN: every weight of the discriminator is divided by its largest singular value, so that its slope is at most 1.

The bound holds everywhere and not just where a penalty looks, and costs one product with the weight per layer and pass.
With it goes the hinge loss, whose discriminator stops caring for examples beyond a margin of 1. On perceptrons
unless told otherwise; the paper's networks are convolutional.

References:
    | Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), https://arxiv.org/abs/1802.05957
    | Geometric GAN (Lim and Ye, 2017), https://arxiv.org/abs/1705.02894
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from zerosum.adversarial import GENERATES, ImageConfig, Images, fool, refuse_switches, tell_apart
from zerosum.config import Count, Decay, Layers, Positive
from zerosum.data import DataSpec
from zerosum.errors import ConfigError
from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import hinge
from zerosum.metrics import default_metrics
from zerosum.networks import (
    ResNetDiscriminator,
    ResNetGenerator,
    dcgan_discriminator,
    dcgan_generator,
    perceptrons,
    spectral_norm,
)
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config(ImageConfig):
    """The paper's decays of Adam and updates per round; the other numbers are this project's, for perceptrons."""

    k: Count = 5
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]. The paper's is 64, and 128 for the generator."""
    learning_rate: Positive = 1e-3
    """Step size of Adam, both players [per update]. The paper's is 2e-4."""
    beta1: Decay = 0.0
    """Adam's decay of the first moment [per update]."""
    beta2: Decay = 0.9
    """Adam's decay of the second moment [per update]."""
    latent: Count = 16
    """Dimension of the latent z, standard normal [coordinates]. The paper's is 128."""
    hidden: Count = 128
    """Width of the hidden layers [units]."""
    depth: Layers = 3
    """Hidden layers of either network [layers]."""
    networks: Literal["perceptrons", "convolutions", "residual"] = "perceptrons"
    """Convolutions of stride 2 and residual networks, the paper's, are for square images; hidden and depth are not
    theirs."""
    width: Count = 32
    """Channels of the convolutions' largest planes, each half as large has twice as many; of residual networks' planes
    up to 32x32. There the paper has 256 in the generator and 128 in the discriminator [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; by convolutions on square images.

    Raises:
        ConfigError: Convolutions are asked for and the data are no images of such a side, or a switch of theirs without
            them.
    """
    update = adam(config.learning_rate, (config.beta1, config.beta2))
    players = {name: Player((name,), update) for name in ("discriminator", "generator")}
    priors = {"z": Normal(config.latent)}
    if config.networks == "perceptrons":
        refuse_switches(config, "take networks convolutions or residual")
        final = spec.kind.last_layer
        networks = perceptrons(spec.shape, config.latent, (config.hidden,) * config.depth, final=final)
        spectral_norm(networks["discriminator"])
        turns = Turn("discriminator", tell_apart(hinge), repeat=config.k), Turn("generator", fool(hinge))
        game = Game(networks, players=players, schedule=alternating(*turns))
        return Experiment(game, priors=priors, outputs=GENERATES, metrics=default_metrics(spec))
    try:
        images = Images(config, spec, *_convolutional(config, spec))
    except ValueError as error:
        raise ConfigError(f"{str(error)[:-1]} ({spec.name}); take networks perceptrons.") from error
    spectral_norm(images.networks["discriminator"])
    game = Game(
        images.networks,
        players=players,
        schedule=alternating(
            Turn("discriminator", images.tell_apart(hinge), repeat=config.k),
            Turn("generator", images.fool(hinge)),
        ),
        averages=images.averages,
    )
    return Experiment(game, priors=priors | images.priors, outputs=images.outputs, metrics=default_metrics(spec))


def _convolutional(config: Config, spec: DataSpec) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator, with images in [-1, 1]."""
    if config.networks == "residual":
        generator = ResNetGenerator(config.latent, spec.shape, config.width)
        return generator, ResNetDiscriminator(spec.shape, config.width)
    return (
        dcgan_generator(config.latent, spec.shape, config.width, kernel=4),
        dcgan_discriminator(spec.shape, config.width, kernel=4, batch_norm=False),
    )
