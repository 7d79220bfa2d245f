"""Projection discriminator: the label is one term of the logit, an inner product of features with the label's vector.

Where the law of labels given the image is log-linear in some features, that is the form the best logit has: one term
for how well the label fits, one for how real the image is. Beside it, the residual networks of SNGAN with batch norm of
the label in the generator, spectral norms in the discriminator, and the hinge loss.

References:
    | cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637
    | Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), https://arxiv.org/abs/1802.05957
"""

from __future__ import annotations

from dataclasses import dataclass

from zerosum.adversarial import ImageConfig, Images, classes_of
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import hinge
from zerosum.metrics import default_metrics
from zerosum.networks import ResNetDiscriminator, ResNetGenerator, spectral_norm
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images with labels"


@dataclass(frozen=True)
class Config(ImageConfig):
    """The paper's settings, on networks that one machine affords; the average of the generator is this project's."""

    k: Count = 5
    """Updates of the discriminator in each round, the paper's [updates]."""
    batch_size: Count = 64
    """Real examples, and generated ones, in each update, the paper's [examples]."""
    learning_rate: Positive = 2e-4
    """Step size of Adam, both players, the paper's [per update]."""
    beta1: Decay = 0.0
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.9
    """Adam's decay of the second moment, the paper's [per update]."""
    latent: Count = 128
    """Dimension of the latent z, standard normal, the paper's [coordinates]."""
    width: Count = 32
    """Channels of planes up to 32x32, half for each doubling beyond; 1024 at 4x4 in the paper, for 128x128
    [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on labelled square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images.
    """
    classes = classes_of(spec, "projection")
    images = Images(
        config,
        spec,
        ResNetGenerator(config.latent, spec.shape, config.width, classes),
        spectral_norm(ResNetDiscriminator(spec.shape, config.width, classes)),
        classes,
    )
    update = adam(config.learning_rate, (config.beta1, config.beta2))
    game = Game(
        images.networks,
        players={
            "discriminator": Player(("discriminator",), update),
            "generator": Player(("generator",), update),
        },
        schedule=alternating(
            Turn("discriminator", images.tell_apart(hinge), repeat=config.k),
            Turn("generator", images.fool(hinge)),
        ),
        averages=images.averages,
    )
    return Experiment(
        game,
        priors={"z": Normal(config.latent), **images.priors},
        outputs=images.outputs,
        metrics=default_metrics(spec),
    )
