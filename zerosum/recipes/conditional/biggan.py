"""BigGAN: wide conditional networks, a latent that reaches every block, orthogonal regularization, truncation trick.

SAGAN's game with wider networks and larger batches. The blocks of the generator share an embedding of the labels, each
has a chunk of the latent of its own, and the rows of its weights are kept orthogonal. The truncation trick, latents cut
off at a threshold, trades diversity for fidelity after training.

References:
    | Large Scale GAN Training for High Fidelity Natural Image Synthesis (Brock, Donahue and Simonyan, 2018),
      https://arxiv.org/abs/1809.11096
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import relu

from zerosum.adversarial import ImageOptions, Views, classes_of, players
from zerosum.config import Count, Decay, NonNegative, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.losses import orthogonal
from zerosum.networks import BigGANGenerator, attended, biggan_discriminator, spectral_norm
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images with labels"


@dataclass(frozen=True)
class Config(ImageOptions):
    """The paper's settings but for the sizes; where the authors' own for CIFAR-10 differ, a field says so."""

    k: Count = 2
    """Updates of the discriminator in each round, the paper's; 4 for CIFAR-10 [updates]."""
    batch_size: Count = 64
    """Real examples, and generated ones, in each update; 2048 in the paper, 50 for CIFAR-10 [examples]."""
    learning_rate: Positive = 2e-4
    """Learning rate of the generator's Adam, that for CIFAR-10; 5e-5 in the paper [per update]."""
    ttur_ratio: Positive = 1.0
    """The discriminator's learning rate over the generator's (TTUR), that for CIFAR-10; 4 in the paper."""
    beta1: Decay = 0.0
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.999
    """Adam's decay of the second moment, the paper's [per update]."""
    orthogonal: NonNegative = 1e-4
    """Weight beta of the term that keeps the generator's filters orthogonal, the paper's; 0 for CIFAR-10."""
    conditional: bool = True
    """Condition both networks on the data's labels; without, the blocks are conditioned on the chunks alone."""
    attention: bool = False
    """Self-attention at half the side of the image, at 32x32 at most, in both networks; at 64x64 in the paper, none for
    CIFAR-10."""
    latent: Count = 120
    """Dimension of the latent z, standard normal, the paper's; a multiple of the number of chunks, one for each
    resolution [coordinates]."""
    embedded: Count = 128
    """Dimension of a label's embedding, the paper's [coordinates]."""
    width: Count = 32
    """Channels up to 32x32, half for each doubling beyond; 256 for CIFAR-10 [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on square images whose side is 4, 5, 6 or 7 doubled once or more, with labels by default.

    Raises:
        ValueError: The data are no such images, have no labels though they are asked for, or the latent does not fall
            into equal chunks.
    """
    classes = classes_of(spec, "biggan without --no-conditional") if config.conditional else None
    side = attended(spec.shape) if config.attention else None
    views = Views(
        spec,
        spectral_norm(BigGANGenerator(config.latent, spec.shape, config.width, classes, config.embedded, side)),
        spectral_norm(biggan_discriminator(spec.shape, config.width, classes, side)),
        config,
        classes,
    )

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """The hinge loss E [1 - a(x, y)]_+ + E [1 + a(G(z, y), y)]_+."""
        real, fake = views.pair(net, batch)
        return {
            "real": relu(1 - real.logits).mean(),
            "fake": relu(1 + fake.logits).mean(),
            **views.option_terms(net, real, fake),
        }

    def generator(net: Networks, batch: Batch) -> Terms:
        """-E a(G(z, y), y), and the orthogonal regularization of eq. 3."""
        terms = {"adversarial": -views.fake(net, batch).logits.mean()}
        if config.orthogonal > 0:
            terms["orthogonal"] = config.orthogonal * orthogonal(_filters(net.generator))
        return terms

    rate, betas = config.learning_rate, (config.beta1, config.beta2)
    game = Game(
        views.networks,
        players=players(adam(rate, betas), adam(config.ttur_ratio * rate, betas)),
        schedule=alternating(Turn("discriminator", discriminator, repeat=config.k), Turn("generator", generator)),
        averages=views.averages,
    )
    return views.experiment(game, {"z": Normal(config.latent)})


def _filters(generator: nn.Module) -> list[Tensor]:
    """All weights but the embedding of labels, before spectral normalization."""
    return [w for name, w in generator.named_parameters() if w.ndim > 1 and not name.startswith("embedding.")]
