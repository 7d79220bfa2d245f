"""Projection discriminator: the label adds to the logit the inner product of the features with the label's embedding.

Where the distribution of labels given the image is log-linear in some features, the optimal logit has this form: one
term for the label given the image, one for the image. The networks are the residual ones of SNGAN with conditional
batch norm in the generator and spectral norms in the discriminator; the loss is the hinge loss.

References:
    | cGANs with Projection Discriminator (Miyato and Koyama, 2018), https://arxiv.org/abs/1802.05637
    | Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), https://arxiv.org/abs/1802.05957
"""

from __future__ import annotations

from dataclasses import dataclass

from torch.nn.functional import relu

from zerosum.adversarial import ImageOptions, Views, classes_of, players
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.networks import ResNetDiscriminator, ResNetGenerator, spectral_norm
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images with labels"


@dataclass(frozen=True)
class Config(ImageOptions):
    """The paper's settings, on networks that one machine affords; the average of the generator is this project's."""

    k: Count = 5
    """Updates of the discriminator in each round, the paper's [updates]."""
    batch_size: Count = 64
    """Real examples, and generated ones, in each update, the paper's [examples]."""
    learning_rate: Positive = 2e-4
    """Learning rate of Adam, both players, the paper's [per update]."""
    beta1: Decay = 0.0
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.9
    """Adam's decay of the second moment, the paper's [per update]."""
    latent: Count = 128
    """Dimension of the latent z, standard normal, the paper's [coordinates]."""
    width: Count = 32
    """Channels up to 32x32, half for each doubling beyond; 1024 at 4x4 in the paper, for 128x128
    [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on labelled square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images.
    """
    classes = classes_of(spec, "projection")
    views = Views(
        spec,
        ResNetGenerator(config.latent, spec.shape, config.width, classes),
        spectral_norm(ResNetDiscriminator(spec.shape, config.width, classes)),
        config,
        classes,
    )

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """The hinge loss E [1 - a(x, y)]_+ + E [1 + a(G(z, y), y)]_+; the networks' head is the projection, eq. 3."""
        real, fake = views.pair(net, batch)
        return {
            "real": relu(1 - real.logits).mean(),
            "fake": relu(1 + fake.logits).mean(),
            **views.option_terms(net, real, fake),
        }

    def generator(net: Networks, batch: Batch) -> Terms:
        """-E a(G(z, y), y), of random labels."""
        return {"adversarial": -views.fake(net, batch).logits.mean()}

    game = Game(
        views.networks,
        players=players(adam(config.learning_rate, (config.beta1, config.beta2))),
        schedule=alternating(Turn("discriminator", discriminator, repeat=config.k), Turn("generator", generator)),
        averages=views.averages,
    )
    return views.experiment(game, {"z": Normal(config.latent)})
