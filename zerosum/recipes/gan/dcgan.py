"""DCGAN: the plain game on convolutions of stride 2 with batch norm and no hidden dense layer.

The generator maps the latent to channels at 4x4 and doubles the resolution with every layer; the discriminator mirrors
it. With these settings the plain game of two deep convolutional networks first worked. They are small, fast and need
no labels.

References:
    | Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks (Radford, Metz and
      Chintala, 2015), https://arxiv.org/abs/1511.06434
"""

from __future__ import annotations

from dataclasses import dataclass

from torch.nn.functional import softplus

from zerosum.adversarial import ImageOptions, Views, players
from zerosum.config import Count, Decay, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.networks import dcgan_discriminator, dcgan_generator, resolutions
from zerosum.sources import Uniform
from zerosum.training import Experiment
from zerosum.training.planning import Choice, Facts, Machine, augmentation, fit_images, fits_convolutions
from zerosum.updates import adam

NEEDS = "images"


@dataclass(frozen=True)
class Config(ImageOptions):
    """The paper's settings, on networks of half its width; the average of the generator is this project's."""

    batch_size: Count = 128
    """Real examples, and generated ones, in each update, the paper's [examples]."""
    learning_rate: Positive = 2e-4
    """Learning rate of Adam, both players, the paper's [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment, the paper's [per update]."""
    beta2: Decay = 0.999
    """Adam's decay of the second moment, the paper's [per update]."""
    latent: Count = 100
    """Dimension of the latent z, uniform in [-1, 1], the paper's [coordinates]."""
    width: Count = 64
    """Channels at the highest hidden resolution, doubled at each halving; 128 in the paper [channels]."""
    kernel: Count = 5
    """Side of the filters: the paper's 5, or 4, for which it is a third less work [pixels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images.
    """
    views = Views(
        spec,
        dcgan_generator(config.latent, spec.shape, config.width, config.kernel),
        dcgan_discriminator(spec.shape, config.width, config.kernel),
        config,
    )

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """-E log D(x) - E log(1 - D(G(z))), with D = sigmoid(logit)."""
        real, fake = views.pair(net, batch)
        return {
            "real": softplus(-real.logits).mean(),
            "fake": softplus(fake.logits).mean(),
            **views.option_terms(net, real, fake),
        }

    def generator(net: Networks, batch: Batch) -> Terms:
        """The non-saturating loss -E log D(G(z))."""
        return {"adversarial": softplus(-views.fake(net, batch).logits).mean()}

    game = Game(
        views.networks,
        players=players(adam(config.learning_rate, (config.beta1, config.beta2))),
        schedule=alternating(Turn("discriminator", discriminator), Turn("generator", generator)),
        averages=views.averages,
    )
    return views.experiment(game, {"z": Uniform(-1, 1, config.latent)})


ENOUGH = 100_000
"""Images that a training of :func:`plan` sees at least: after 88,000 of them, faces were faces."""

RATE = 100.0
"""Images a second that width 32 sees on one core at 64x64: 94 and 109 in two trials, 151 on another core."""

GAIN = 2.0
"""Factor on that rate with products in bfloat16 on a processor made for them: 2.2 in a trial."""


def plan(facts: Facts, machine: Machine, seconds: float) -> Choice | None:
    """A narrow network for images on a CPU.

    Arguments:
        facts: About the data.
        machine: To train on.
        seconds: Of training.
    """
    if machine.device != "cpu" or not fits_convolutions(facts):
        return None

    def seen(side: int) -> float:
        """Images in the time, roughly: work is by pixels and, for each doubling, a stage more."""
        work = (side / 64) ** 2 * len(resolutions((1, side, side))) / 5
        return RATE * (GAIN if machine.bfloat16 else 1) * min(machine.cores, 8) * seconds / work

    images = fit_images(facts, lambda side: seen(side) >= ENOUGH)
    augment, why_augmented = augmentation(facts, "diffaugment")
    settings = {"width": 32, "kernel": 4, "batch_size": 64, **augment}
    settings["average_halflife"] = float(min(max(round(seen(images.side) / 50, -3), 2_000), 20_000))
    reasons = [("recipe", "dcgan, narrow: on a CPU it sees more than twice as many images as r3gan in the same time")]
    if facts.classes is not None and facts.classes > 1:
        reasons.append(("labels", f"{facts.classes} are left aside, as dcgan has no use for them"))
    reasons.append(why_augmented)
    if machine.bfloat16:
        reasons.append(("precision", "bfloat16 in products: this processor is made for them, and images are as good"))
    return Choice(
        "dcgan",
        settings,
        images.data,
        (*images.reasons, *reasons),
        rank=1,
        precision="bfloat16" if machine.bfloat16 else "float32",
    )
