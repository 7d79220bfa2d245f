"""R3GAN: a relativistic pair, small slopes at real and generated images, and plain residual networks without norms.

Comparing each generated image with a real one leaves no collapse where gradients vanish, and the two penalties make
the game converge near its solution; with both, none of the tricks that image networks had collected is needed. Half
cosines lead from the first settings to the last, over a horizon of their own.

References:
    | The GAN is dead; long live the GAN! A Modern GAN Baseline (Huang et al., 2024), https://arxiv.org/abs/2501.05441
"""

from __future__ import annotations

from dataclasses import dataclass

from zerosum.adversarial import ImageConfig, Images, classes_of
from zerosum.config import Count, Decay, Layers, Positive
from zerosum.data import DataSpec
from zerosum.game import Game, Player, Turn, alternating, half_cosine
from zerosum.losses import relativistic_pairing
from zerosum.metrics import default_metrics
from zerosum.networks import R3GANDiscriminator, R3GANGenerator
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.training.planning import Choice, Facts, Machine, augmentation, fit_images, fits_convolutions, up_to
from zerosum.updates import adam

NEEDS = "images"


@dataclass(frozen=True)
class Config(ImageConfig):
    """The paper's settings for small images, on networks and over a horizon that one machine affords."""

    batch_size: Count = 64
    """Real examples, and generated ones, in each update; 512 in the paper [examples]."""
    learning_rate: Positive = 2e-3
    """Step size of Adam at first, both players; 2e-4 in the paper, whose networks are wider [per update]."""
    last_learning_rate: Positive = 5e-4
    """At the horizon and after it; the paper has a quarter of the first too [per update]."""
    beta2: Decay = 0.9
    """Adam's decay of the second moment at first, the paper's; of the first there is none [per update]."""
    last_beta2: Decay = 0.99
    """At the horizon and after it, the paper's [per update]."""
    gamma: Positive = 1.0
    """Weight of both penalties at first, gamma / 2 times the mean squared slope; for 32 pixels the paper has 0.05, for
    64 pixels 2, for 256 pixels 150."""
    last_gamma: Positive = 0.1
    """At the horizon and after it; the paper has a tenth of the first."""
    horizon: Positive = 2_000_000
    """Over which these change; 20 million in the paper [images]."""
    conditional: bool = False
    """Make images of the data's labels, and judge them so."""
    latent: Count = 64
    """Dimension of the latent z, standard normal, the paper's [coordinates]."""
    width: Count = 32
    """Channels of planes up to 32x32, half for each doubling beyond; 768 in the paper [channels]."""
    blocks: Layers = 1
    """Residual blocks of a stage; 2 in the paper [blocks]."""
    group: Count = 16
    """Channels that a filter of 3x3 sees, the paper's [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images, or have no labels though they are asked for.
    """
    classes = classes_of(spec, "r3gan with --conditional") if config.conditional else None
    sizes = (config.width, config.blocks, config.group, classes)
    images = Images(
        config,
        spec,
        R3GANGenerator(config.latent, spec.shape, *sizes),
        R3GANDiscriminator(spec.shape, *sizes),
        classes,
    )
    update = adam(
        half_cosine(config.learning_rate, config.last_learning_rate, config.horizon),
        (0.0, half_cosine(config.beta2, config.last_beta2, config.horizon)),
    )
    gamma = half_cosine(config.gamma, config.last_gamma, config.horizon)
    game = Game(
        images.networks,
        players={
            "discriminator": Player(("discriminator",), update),
            "generator": Player(("generator",), update),
        },
        schedule=alternating(
            Turn("discriminator", images.tell_apart(relativistic_pairing, r1=gamma, r2=gamma)),
            Turn("generator", images.fool(relativistic_pairing), offset=1),
        ),
        averages=images.averages,
    )
    return Experiment(
        game,
        priors={"z": Normal(config.latent), **images.priors},
        outputs=images.outputs,
        metrics=default_metrics(spec),
    )


CROWD = 50
"""Images of every label from which :func:`plan` makes the game conditional."""

PENALTY = {32: 0.5, 64: 2.0, 128: 15.0, 256: 150.0}
"""First weight of the penalties up to a side: the paper's, of ImageNet at 32 and of faces at 64 and 256; at 128 one
that lies between."""

AFFORDABLE = {256: 6 * 3600.0, 128: 3600.0}
"""Seconds of training from which a side is worthwhile on a GPU; not measured."""

HELD = {16: 0.08, 32: 0.24, 64: 0.9, 128: 2.2, 256: 4.2}
"""MiB that a round with blocks of two holds for an image, up to a side, by the channels of its width: the growth of the
peak of a process with the batch, rounded up, on a CPU, in float32, at widths of 64 and 128."""

FILLED = 0.6
"""Share of a GPU's memory that this may fill; the rest is for weights, the data and what kernels work in."""


def plan(facts: Facts, machine: Machine, seconds: float) -> Choice | None:
    """The strongest system for images on a GPU.

    Arguments:
        facts: About the data.
        machine: To train on.
        seconds: Of training.
    """
    if machine.device == "cpu" or not fits_convolutions(facts):
        return None
    images = fit_images(facts, lambda side: seconds >= AFFORDABLE.get(side, 1))
    gamma = up_to(images.side, PENALTY)
    augment, why_augmented = augmentation(facts, "adaptive")
    settings = {
        "width": 256,
        "batch_size": 256,
        "blocks": 2,
        "learning_rate": 5e-4,  # the paper's, at three times this width, is 2e-4
        "last_learning_rate": 1.25e-4,
        "gamma": gamma,
        "last_gamma": gamma / 10,
        "average_halflife": 500_000.0,
        **augment,
    }
    reasons = [("recipe", "r3gan, the strongest for images where there is a GPU")]
    if facts.classes is not None and facts.classes > 1:
        if facts.rarest >= CROWD:
            settings["conditional"] = True
            reasons.append(("labels", f"used: every one of {facts.classes} has {CROWD} images or more"))
        else:
            reasons.append(("labels", f"left aside: the rarest of {facts.classes} has {facts.rarest} images"))
    batch, parts = 256, 1
    image = up_to(images.side, HELD) * 2**20 * 256
    while machine.memory is not None and parts < batch and image * batch / parts > FILLED * machine.memory:
        parts *= 2
    if machine.memory is not None and parts > 1:
        held, there = image * batch / 2**30, machine.memory / 2**30
        reasons.append(
            (
                "memory",
                f"a batch of {batch} is played in {parts} parts: it would hold about {held:.0f} GiB at once, and the "
                f"GPU has {there:.0f}",
            )
        )
    reasons.append(why_augmented)
    return Choice("r3gan", settings, images.data, (*images.reasons, *reasons), rank=2, micro_batches=parts)
