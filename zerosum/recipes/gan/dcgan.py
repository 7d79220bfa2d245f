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
from zerosum.networks import dcgan_discriminator, dcgan_generator, planes
from zerosum.sources import Uniform
from zerosum.training import Experiment
from zerosum.training.planning import Choice, Facts, Machine, augmentation, fit_images, fits_convolutions
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
        work = (side / 64) ** 2 * len(planes((1, side, side))) / 5
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
