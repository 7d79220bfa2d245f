"""DCGAN: convolutions of stride 2 in both networks, batch norm, and no hidden dense layer; the plain game.

The generator draws planes of 4x4 from the latent and doubles them, the discriminator is its mirror. Its settings made
the plain game of two deep convolutional networks work, and are still where one begins: small, quick, without labels.

References:
    | Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks (Radford, Metz and
      Chintala, 2015), https://arxiv.org/abs/1511.06434
"""

from __future__ import annotations

from dataclasses import dataclass

from zerosum.adversarial import ImageConfig, Images
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import nonsaturating
from zerosum.metrics import default_metrics
from zerosum.networks import dcgan_discriminator, dcgan_generator
from zerosum.sources import Uniform
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images"


@dataclass(frozen=True)
class Config(ImageConfig):
    """The paper's settings, on networks of half its width; the average of the generator is this project's."""

    batch_size: Count = 128
    """Real examples, and generated ones, in each update, the paper's [examples]."""
    learning_rate: Positive = 2e-4
    """Step size of Adam, both players, the paper's [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.999
    """Adam's decay of the second moment, the paper's [per update]."""
    latent: Count = 100
    """Dimension of the latent z, uniform in [-1, 1], the paper's [coordinates]."""
    width: Count = 64
    """Channels of the largest hidden planes; each half as large has twice as many. 128 in the paper [channels]."""
    kernel: Count = 5
    """Side of the filters: the paper's 5, or 4, for which it is a third less work [pixels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images.
    """
    images = Images(
        config,
        spec,
        dcgan_generator(config.latent, spec.shape, config.width, config.kernel),
        dcgan_discriminator(spec.shape, config.width, config.kernel),
    )
    update = adam(config.learning_rate, (config.beta1, config.beta2))
    game = Game(
        images.networks,
        players={
            "discriminator": Player(("discriminator",), update),
            "generator": Player(("generator",), update),
        },
        schedule=alternating(
            Turn("discriminator", images.tell_apart(nonsaturating)),
            Turn("generator", images.fool(nonsaturating)),
        ),
        averages=images.averages,
    )
    return Experiment(
        game,
        priors={"z": Uniform(-1, 1, config.latent), **images.priors},
        outputs=images.outputs,
        metrics=default_metrics(spec),
    )
