"""SAGAN: residual networks in which one layer lets every position of the planes see all others.

Convolutions of 3x3 carry what far positions have to agree on, such as how many legs there are, through many layers;
self-attention does so at once. Spectral norms in both networks, the generator's too, and two step sizes instead of
several updates of the discriminator.

References:
    | Self-Attention Generative Adversarial Networks (Zhang et al., 2018), https://arxiv.org/abs/1805.08318
    | Two step sizes: GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017), https://arxiv.org/abs/1706.08500
"""

from __future__ import annotations

from dataclasses import dataclass

from zerosum.adversarial import ImageConfig, Images, classes_of
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import hinge
from zerosum.metrics import default_metrics
from zerosum.networks import ResNetDiscriminator, ResNetGenerator, attended, spectral_norm
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images"


@dataclass(frozen=True)
class Config(ImageConfig):
    """The paper's settings, on networks that one machine affords; the average of the generator is this project's."""

    batch_size: Count = 64
    """Real examples, and generated ones, in each update; 256 in the paper [examples]."""
    learning_rate: Positive = 1e-4
    """Step size of the generator's Adam, the paper's [per update]."""
    rate_ratio: Positive = 4.0
    """The discriminator's step size over the generator's, the paper's."""
    beta1: Decay = 0.0
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.9
    """Adam's decay of the second moment, the paper's [per update]."""
    conditional: bool = False
    """Make images of the data's labels, and judge them so; as in the paper."""
    attention: bool = True
    """Self-attention at half the side of the image, at 32x32 at most, in both networks; 32x32 in the paper."""
    latent: Count = 128
    """Dimension of the latent z, standard normal, the paper's [coordinates]."""
    width: Count = 32
    """Channels of planes up to 32x32, half for each doubling beyond; 1024 at 4x4 in the paper, for 128x128
    [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images, or have no labels though they are asked for.
    """
    classes = classes_of(spec, "sagan with --conditional") if config.conditional else None
    side = attended(spec.shape) if config.attention else None
    images = Images(
        config,
        spec,
        spectral_norm(ResNetGenerator(config.latent, spec.shape, config.width, classes, side)),
        spectral_norm(ResNetDiscriminator(spec.shape, config.width, classes, attention=side)),
        classes,
    )
    rate, betas = config.learning_rate, (config.beta1, config.beta2)
    game = Game(
        images.networks,
        players={
            "discriminator": Player(("discriminator",), adam(config.rate_ratio * rate, betas)),
            "generator": Player(("generator",), adam(rate, betas)),
        },
        schedule=alternating(
            Turn("discriminator", images.tell_apart(hinge)),
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
