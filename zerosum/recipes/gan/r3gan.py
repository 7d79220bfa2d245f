"""R3GAN: relativistic pairing with R1 and R2 on plain residual networks without normalization layers.

With the pairing a collapsed generator is no local minimum, and the two penalties make the game converge locally; with
both, none of the tricks of earlier image networks is needed. Learning rate, decay and gamma follow half cosines over a
horizon of their own.

References:
    | The GAN is dead; long live the GAN! A Modern GAN Baseline (Huang et al., 2024), https://arxiv.org/abs/2501.05441
"""

from __future__ import annotations

from dataclasses import dataclass

from torch.nn.functional import softplus

from zerosum.adversarial import ImageOptions, Views, classes_of, players, zero_centered_penalty
from zerosum.config import Count, Decay, Layers, Positive
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating, half_cosine
from zerosum.networks import R3GANDiscriminator, R3GANGenerator
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.training.planning import Choice, Facts, Machine, augmentation, fit_images, fits_convolutions, up_to
from zerosum.updates import adam

NEEDS = "images"


@dataclass(frozen=True)
class Config(ImageOptions):
    """The paper's settings for small images, on networks and over a horizon that one machine affords."""

    batch_size: Count = 64
    """Real examples, and generated ones, in each update; 512 in the paper [examples]."""
    learning_rate: Positive = 2e-3
    """Initial learning rate of Adam, both players; 2e-4 in the paper, whose networks are wider [per update]."""
    final_learning_rate: Positive = 5e-4
    """Final learning rate, from the horizon on; the paper's is a quarter of the initial one too [per update]."""
    beta2: Decay = 0.9
    """Adam's initial decay of the second moment, the paper's; that of the first is 0 [per update]."""
    final_beta2: Decay = 0.99
    """Final decay of the second moment, the paper's [per update]."""
    gamma: Positive = 1.0
    """Initial weight of both penalties, gamma / 2 times the mean squared gradient norm; the paper's is 0.05 for 32
    pixels, 2 for 64 and 150 for 256."""
    final_gamma: Positive = 0.1
    """Final weight of both penalties; the paper's is a tenth of the initial one too."""
    horizon: Positive = 2_000_000
    """Length of the ramps of these; 20 million in the paper [examples]."""
    conditional: bool = False
    """Condition both networks on the data's labels."""
    latent: Count = 64
    """Dimension of the latent z, standard normal, the paper's [coordinates]."""
    width: Count = 32
    """Channels up to 32x32, half for each doubling beyond; 768 in the paper [channels]."""
    blocks: Layers = 1
    """Residual blocks at each resolution; 2 in the paper [blocks]."""
    group: Count = 16
    """Channels in a group of the grouped convolutions, the paper's [channels]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images, or have no labels though they are asked for.
    """
    classes = classes_of(spec, "r3gan with --conditional") if config.conditional else None
    sizes = (config.width, config.blocks, config.group, classes)
    views = Views(
        spec,
        R3GANGenerator(config.latent, spec.shape, *sizes),
        R3GANDiscriminator(spec.shape, *sizes),
        config,
        classes,
    )
    ramp = half_cosine(config.gamma, config.final_gamma, config.horizon)

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """Relativistic pairing E sp(a(G(z)) - a(x)), with R1 and R2."""
        real, fake = views.pair(net, batch, gradients=True)
        gamma = ramp(batch["examples"])
        return {
            "pairing": softplus(fake.logits - real.logits).mean(),
            "r1": gamma * zero_centered_penalty(real.logits, real.x),
            "r2": gamma * zero_centered_penalty(fake.logits, fake.x),
            **views.option_terms(net, real, fake),
        }

    def generator(net: Networks, batch: Batch) -> Terms:
        """The same with the sides exchanged, E sp(a(x) - a(G(z))); each pair has one label."""
        fake, real = views.fake(net, batch, same_labels=True), views.real(net, batch)
        return {"adversarial": softplus(real.logits - fake.logits).mean()}

    update = adam(
        half_cosine(config.learning_rate, config.final_learning_rate, config.horizon),
        (0.0, half_cosine(config.beta2, config.final_beta2, config.horizon)),
    )
    game = Game(
        views.networks,
        players=players(update),
        schedule=alternating(Turn("discriminator", discriminator), Turn("generator", generator, offset=1)),
        averages=views.averages,
    )
    return views.experiment(game, {"z": Normal(config.latent)})


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
        "final_learning_rate": 1.25e-4,
        "gamma": gamma,
        "final_gamma": gamma / 10,
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
