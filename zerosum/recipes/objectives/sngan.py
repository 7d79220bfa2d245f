"""SNGAN: every weight of the discriminator is divided by its largest singular value, for a Lipschitz constant of 1.

The bound holds everywhere, where a penalty holds at its points alone, and costs one product with the weight per layer
and pass. The loss is the hinge loss, whose gradient vanishes for examples beyond a margin of 1. On MLPs by default; the
paper's networks are convolutional.

References:
    | Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), https://arxiv.org/abs/1802.05957
    | Geometric GAN (Lim and Ye, 2017), https://arxiv.org/abs/1705.02894
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch.nn.functional import relu

from zerosum.adversarial import ImageOptions, Views, check_options, players
from zerosum.config import Count, Decay, Layers, Positive
from zerosum.data import DataSpec
from zerosum.errors import ConfigError
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.networks import (
    ResNetDiscriminator,
    ResNetGenerator,
    dcgan_discriminator,
    dcgan_generator,
    mlp_pair,
    spectral_norm,
)
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam


@dataclass(frozen=True)
class Config(ImageOptions):
    """The paper's decays of Adam and updates per round; the other values are this project's, for MLPs."""

    k: Count = 5
    """Updates of the discriminator in each round [updates]."""
    batch_size: Count = 128
    """Real examples, and generated ones, in each update [examples]. The paper's is 64, and 128 for the generator."""
    learning_rate: Positive = 1e-3
    """Learning rate of Adam, both players [per update]. The paper's is 2e-4."""
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
    networks: Literal["mlp", "convolutions", "residual"] = "mlp"
    """Convolutions of stride 2 and residual networks, the paper's, take square images and ignore hidden and depth."""
    width: Count = 32
    """Channels of the convolutions at the highest resolution, doubled at each halving, or of the residual networks up
    to 32x32, where the paper has 256 in the generator and 128 in the discriminator [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on data of any shape; by convolutions on square images.

    Raises:
        ConfigError: Convolutions are asked for and the data are no images of such a side, or an option of theirs
            without them.
    """
    views = _views(config, spec)
    spectral_norm(views.networks["discriminator"])

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """Eq. 16: the hinge loss E [1 - a(x)]_+ + E [1 + a(G(z))]_+."""
        real, fake = views.pair(net, batch)
        return {
            "real": relu(1 - real.logits).mean(),
            "fake": relu(1 + fake.logits).mean(),
            **views.option_terms(net, real, fake),
        }

    def generator(net: Networks, batch: Batch) -> Terms:
        """Eq. 17: -E a(G(z))."""
        return {"adversarial": -views.fake(net, batch).logits.mean()}

    game = Game(
        views.networks,
        players=players(adam(config.learning_rate, (config.beta1, config.beta2))),
        schedule=alternating(Turn("discriminator", discriminator, repeat=config.k), Turn("generator", generator)),
        averages=views.averages,
    )
    return views.experiment(game, {"z": Normal(config.latent)})


def _views(config: Config, spec: DataSpec) -> Views:
    """The networks: MLPs on examples as they are, the others on images in [-1, 1]."""
    if config.networks == "mlp":
        check_options(config, "take networks convolutions or residual")
        hidden = (config.hidden,) * config.depth
        networks = mlp_pair(spec.shape, config.latent, hidden, final=spec.kind.last_layer)
        return Views(spec, networks["generator"], networks["discriminator"], symmetric=False)
    try:
        if config.networks == "residual":
            generator = ResNetGenerator(config.latent, spec.shape, config.width)
            return Views(spec, generator, ResNetDiscriminator(spec.shape, config.width), config)
        return Views(
            spec,
            dcgan_generator(config.latent, spec.shape, config.width, kernel=4),
            dcgan_discriminator(spec.shape, config.width, kernel=4, batch_norm=False),
            config,
        )
    except ValueError as error:
        raise ConfigError(f"{str(error)[:-1]} ({spec.name}); take networks mlp.") from error
