r"""Conditional GAN: both networks are told the label, so that the generator can be asked for one.

The value is that of the plain game for every label, :math:`V = E_{x,y} \log D(x, y) + E_{z,y} \log(1 - D(G(z, y),
y))`. A generated example of the wrong label is as easily told apart as one that is no example at all. Dense networks,
so data of any shape, with maxout and dropout, trained by momentum.

The paper's row on MNIST is a Parzen log-likelihood of 132, which is not measured here. On digits, 5,000 rounds, a
minute and a half on one core, a classifier sees the label that was asked for in 96 of 100 generated images.

References:
    | Conditional Generative Adversarial Nets (Mirza and Osindero, 2014), https://arxiv.org/abs/1411.1784
    | Settings it leaves open: the released configurations of 2014, https://github.com/goodfeli/adversarial
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from zerosum.adversarial import ImageConfig, Images, classes_of
from zerosum.config import Count, Decay, Positive, Share
from zerosum.data import Data, DataSpec, to_symmetric
from zerosum.errors import ConfigError
from zerosum.game import Game, Player, Turn, alternating, exponential, linear
from zerosum.losses import nonsaturating
from zerosum.metrics import default_metrics
from zerosum.networks import ConditionalDiscriminator, ConditionalGenerator
from zerosum.sources import Uniform
from zerosum.training import Experiment
from zerosum.updates import momentum

NEEDS = "images with labels"


@dataclass(frozen=True)
class Config(ImageConfig):
    """The paper's settings, on networks of half its width; the average of the generator is this project's."""

    batch_size: Count = 100
    """Real examples, and generated ones, in each update, the paper's [examples]."""
    learning_rate: Positive = 0.1
    """First step size, the paper's; the discriminator's objective counts half, as in the code of 2014 [per update]."""
    learning_rate_decay: Positive = 1.00004
    """What the step size is divided by in every round, the paper's."""
    learning_rate_floor: Positive = 1e-6
    """Where that ends, the paper's [per update]."""
    momentum: Decay = 0.5
    """First momentum, the paper's."""
    final_momentum: Decay = 0.7
    """Last momentum, reached in a straight line, the paper's."""
    horizon: Count = 250
    """When the last momentum is reached [epochs]."""
    dropout: Share = 0.5
    """Probability that a hidden unit of the discriminator is dropped in training, the paper's."""
    generator_dropout: Share = 0.0
    """The same of the generator; 0.5 in the paper, with which labels are learned later."""
    latent: Count = 100
    """Dimension of the latent z, uniform with variance 1; in the paper uniform in [0, 1] [coordinates]."""
    hidden: Count = 600
    """Width of the generator's two hidden layers, in the first a sixth for the latent; 1200 in the paper [units]."""
    units: Count = 120
    """Width of the discriminator's maxout layers; 240 in the paper [units of 5 and 4 pieces]."""
    label_units: Count = 50
    """Width of the one that sees the label, the paper's [units of 5 pieces]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on images of any shape.

    Raises:
        ConfigError: The data are no images, or have no labels.
    """
    if not spec.kind.spatial:
        raise ConfigError(f"conditional makes images, and {spec.name} are other numbers; take digits or mnist.")
    classes = classes_of(spec, "conditional")
    generator = ConditionalGenerator(config.latent, spec.shape, classes, config.hidden, config.generator_dropout)
    images = Images(
        config,
        spec,
        generator,
        ConditionalDiscriminator(spec.shape, classes, config.units, config.label_units, config.dropout),
        classes,
    )

    def initialise(data: Data) -> None:
        """The output's bias gives the pixels their means, as in the code of 2014."""
        x = data.batch(0, min(data.count or EPOCH, EPOCH))["x"].double()
        with torch.no_grad():
            generator.out.bias.copy_(to_symmetric(x.flatten(1).mean(0)).clamp(-1 + 1e-6, 1 - 1e-6).atanh())

    count = spec.count or EPOCH
    rate = exponential(
        config.learning_rate, 1 / config.learning_rate_decay, config.batch_size, config.learning_rate_floor
    )
    update = momentum(rate, linear(config.momentum, config.final_momentum, config.horizon * count))
    game = Game(
        images.networks,
        players={
            "discriminator": Player(("discriminator",), update),
            "generator": Player(("generator",), update),
        },
        schedule=alternating(
            Turn("discriminator", images.tell_apart(nonsaturating), gain=0.5),
            Turn("generator", images.fool(nonsaturating)),
        ),
        averages=images.averages,
    )
    return Experiment(
        game,
        priors={"z": Uniform(-(3**0.5), 3**0.5, config.latent), **images.priors},
        outputs=images.outputs,
        metrics=default_metrics(spec),
        rounds=math.ceil(EPOCHS * count / config.batch_size),
        initialise=initialise,
    )


EPOCH = 50_000
"""Examples that count as an epoch where the data are endless: those of MNIST."""

EPOCHS = 50
"""The goal when none is given [epochs]."""
