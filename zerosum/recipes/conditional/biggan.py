"""BigGAN: the latent and the label reach every block of the generator, and variety is traded for likeness afterwards.

SAGAN's game with wider networks and larger batches; what made width pay is an embedding of labels that all blocks
share, a chunk of the latent for each block, and a generator whose rows of weights are kept apart. Samples from
latents cut off at a threshold are likelier and more alike.

References:
    | Large Scale GAN Training for High Fidelity Natural Image Synthesis (Brock, Donahue and Simonyan, 2018),
      https://arxiv.org/abs/1809.11096
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from zerosum.adversarial import ImageConfig, Images, classes_of
from zerosum.config import Count, Decay, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating
from zerosum.losses import hinge, orthogonal
from zerosum.metrics import default_metrics
from zerosum.networks import BigGANGenerator, attended, biggan_discriminator, spectral_norm
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images with labels"


@dataclass(frozen=True)
class Config(ImageConfig):
    """The paper's settings but for the sizes; where the authors' own for CIFAR-10 differ, a field says so."""

    k: Count = 2
    """Updates of the discriminator in each round, the paper's; 4 for CIFAR-10 [updates]."""
    batch_size: Count = 64
    """Real examples, and generated ones, in each update; 2048 in the paper, 50 for CIFAR-10 [examples]."""
    learning_rate: Positive = 2e-4
    """Step size of the generator's Adam, that for CIFAR-10; 5e-5 in the paper [per update]."""
    rate_ratio: Positive = 1.0
    """The discriminator's step size over the generator's, that for CIFAR-10; 4 in the paper."""
    beta1: Decay = 0.0
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.999
    """Adam's decay of the second moment, the paper's [per update]."""
    orthogonal: NonNegative = 1e-4
    """Weight beta of the term that keeps the generator's filters orthogonal, the paper's; 0 for CIFAR-10."""
    conditional: bool = True
    """Make images of the data's labels, and judge them so; without, the chunks alone lead the blocks."""
    attention: bool = False
    """Self-attention at half the side of the image, at 32x32 at most, in both networks; at 64x64 in the paper, none for
    CIFAR-10."""
    latent: Count = 120
    """Dimension of the latent z, standard normal, the paper's; a multiple of the number of chunks, one for each side of
    the planes [coordinates]."""
    embedded: Count = 128
    """Dimension of a label's embedding, the paper's [coordinates]."""
    width: Count = 32
    """Channels of planes up to 32x32, half for each doubling beyond; 256 for CIFAR-10 [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on square images whose side is 4, 5, 6 or 7 doubled once or more, labelled unless told otherwise.

    Raises:
        ValueError: The data are no such images, have no labels though they are asked for, or the latent does not fall
            into equal chunks.
    """
    classes = classes_of(spec, "biggan without --no-conditional") if config.conditional else None
    side = attended(spec.shape) if config.attention else None
    generator = BigGANGenerator(config.latent, spec.shape, config.width, classes, config.embedded, side)
    images = Images(
        config,
        spec,
        spectral_norm(generator),
        spectral_norm(biggan_discriminator(spec.shape, config.width, classes, side)),
        classes,
    )
    fool = images.fool(hinge)

    def fool_with_orthogonal_filters(net: Networks, batch: Batch) -> Terms:
        terms = dict(fool(net, batch))
        if config.orthogonal:
            terms["orthogonal"] = config.orthogonal * orthogonal(_filters(net.generator))
        return terms

    rate, betas = config.learning_rate, (config.beta1, config.beta2)
    game = Game(
        images.networks,
        players={
            "discriminator": Player(("discriminator",), adam(config.rate_ratio * rate, betas)),
            "generator": Player(("generator",), adam(rate, betas)),
        },
        schedule=alternating(
            Turn("discriminator", images.tell_apart(hinge), repeat=config.k),
            Turn("generator", fool_with_orthogonal_filters),
        ),
        averages=images.averages,
    )
    return Experiment(
        game,
        priors={"z": Normal(config.latent), **images.priors},
        outputs=images.outputs,
        metrics=default_metrics(spec),
    )


def _filters(generator: nn.Module) -> list[Tensor]:
    """All weights but the embedding of labels, as they were before their norms were taken off."""
    return [w for name, w in generator.named_parameters() if w.ndim > 1 and not name.startswith("embedding.")]
