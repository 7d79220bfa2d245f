"""SAGAN: residual networks with a self-attention layer, through which every position sees all others.

Convolutions of 3x3 carry long-range dependencies, such as the number of legs, through many layers; self-attention does
so in one. Spectral norms in both networks, and two learning rates (TTUR) instead of several updates of the
discriminator.

References:
    | Self-Attention Generative Adversarial Networks (Zhang et al., 2018), https://arxiv.org/abs/1805.08318
    | Two learning rates: GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017), https://arxiv.org/abs/1706.08500
"""

from __future__ import annotations

from dataclasses import dataclass

from torch.nn.functional import relu

from zerosum.adversarial import ImageOptions, Views, classes_of, players
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.networks import ResNetDiscriminator, ResNetGenerator, attended, spectral_norm
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images"


@dataclass(frozen=True)
class Config(ImageOptions):
    """The paper's settings, on networks that one machine affords; the average of the generator is this project's."""

    batch_size: Count = 64
    """Real examples, and generated ones, in each update; 256 in the paper [examples]."""
    learning_rate: Positive = 1e-4
    """Learning rate of the generator's Adam, the paper's [per update]."""
    ttur_ratio: Positive = 4.0
    """The discriminator's learning rate over the generator's (TTUR), the paper's."""
    beta1: Decay = 0.0
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.9
    """Adam's decay of the second moment, the paper's [per update]."""
    conditional: bool = False
    """Condition both networks on the data's labels, as in the paper."""
    attention: bool = True
    """Self-attention at half the side of the image, at 32x32 at most, in both networks; 32x32 in the paper."""
    latent: Count = 128
    """Dimension of the latent z, standard normal, the paper's [coordinates]."""
    width: Count = 32
    """Channels up to 32x32, half for each doubling beyond; 1024 at 4x4 in the paper, for 128x128
    [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images, or have no labels though they are asked for.
    """
    classes = classes_of(spec, "sagan with --conditional") if config.conditional else None
    side = attended(spec.shape) if config.attention else None
    views = Views(
        spec,
        spectral_norm(ResNetGenerator(config.latent, spec.shape, config.width, classes, side)),
        spectral_norm(ResNetDiscriminator(spec.shape, config.width, classes, attention=side)),
        config,
        classes,
    )

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """Eq. 4: the hinge loss E [1 - a(x, y)]_+ + E [1 + a(G(z, y), y)]_+."""
        real, fake = views.pair(net, batch)
        return {
            "real": relu(1 - real.logits).mean(),
            "fake": relu(1 + fake.logits).mean(),
            **views.option_terms(net, real, fake),
        }

    def generator(net: Networks, batch: Batch) -> Terms:
        """Eq. 4: -E a(G(z, y), y)."""
        return {"adversarial": -views.fake(net, batch).logits.mean()}

    rate, betas = config.learning_rate, (config.beta1, config.beta2)
    game = Game(
        views.networks,
        players=players(adam(rate, betas), adam(config.ttur_ratio * rate, betas)),
        schedule=alternating(Turn("discriminator", discriminator), Turn("generator", generator)),
        averages=views.averages,
    )
    return views.experiment(game, {"z": Normal(config.latent)})
