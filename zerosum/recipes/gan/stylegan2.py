r"""StyleGAN2: styles modulate every convolution; lazy R1 and path length regularization.

A mapping network turns the latent into styles, which scale the channels of every convolution. The discriminator has
the R1 penalty. Path length regularization of the generator, :math:`E (\|J_w^T y\| - a)^2`, keeps the change of the
image per step of the styles the same everywhere. Both cost more than the loss and change slowly, so they are lazy:
turns of their own, R1 in every 16th round and path lengths in every 4th, with as much more weight. A player with such
turns makes (r + 1) updates in r rounds: its learning rate is r / (r + 1) of the one given, and its decay to that power,
so that r rounds change and forget as much as without.

References:
    | Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2019), https://arxiv.org/abs/1912.04958
    | Settings for small images, labels, and augmentation with an adaptive probability: Training Generative Adversarial
      Networks with Limited Data (Karras et al., 2020), https://arxiv.org/abs/2006.06676
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from zerosum.adversarial import ImageOptions, Views, classes_of, players, zero_centered_penalty
from zerosum.config import Count, Decay, Layers, NonNegative, Positive, Share
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Terms, Turn, alternating
from zerosum.losses import path_lengths
from zerosum.networks import RunningMean, StyleDiscriminator, StyleGenerator
from zerosum.sources import Normal
from zerosum.training import Experiment
from zerosum.updates import Update, adam

NEEDS = "images"


@dataclass(frozen=True)
class Config(ImageOptions):
    """The papers' settings, on networks that one machine affords."""

    batch_size: Count = 64
    """Real examples, and generated ones, in each update; for 32 pixels the papers' [examples]."""
    learning_rate: Positive = 0.0025
    """Learning rate of Adam, both players, the papers' for 32 pixels; 0.002 for larger images [per update]."""
    beta2: Decay = 0.99
    """Adam's decay of the second moment, the papers'; that of the first is 0 [per update]."""
    gamma: Positive = 1.0
    """Weight of R1, gamma / 2 times the mean squared gradient norm; the papers have 0.01 for 32 pixels, 10 for 1024."""
    r1_every: Count = 16
    """Interval of the lazy R1 penalty, the papers' [rounds]."""
    path_weight: NonNegative = 2.0
    """Weight of path length regularization, the papers'; 0 leaves it out, as for CIFAR-10."""
    path_every: Count = 4
    """Interval of the lazy path length regularization, the papers' [rounds]."""
    path_decay: Decay = 0.99
    """Decay of the running mean of path lengths, the papers' [per update]."""
    path_shrink: Count = 2
    """Divisor of the batch size in path length regularization, the papers'."""
    mixing: Share = 0.9
    """Probability of style mixing, an image of two latents, in training, the papers'; 0 for CIFAR-10."""
    conditional: bool = False
    """Condition both networks on the data's labels."""
    latent: Count = 64
    """Dimension of the latent z, standard normal, and of the styles; 512 in the papers [coordinates]."""
    depth: Layers = 2
    """Layers of the mapping network, 8 in the papers and 2 for CIFAR-10 [layers]."""
    width: Count = 32
    """Channels up to 32x32, half for each doubling beyond; 512 in the papers [channels]."""
    group: Count = 4
    """Greatest group of the minibatch standard deviation; 32 for CIFAR-10 [examples]."""
    residual: bool = True
    """Residual blocks in the discriminator; for CIFAR-10 they are plain."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images, or have no labels though they are asked for.
    """
    classes = classes_of(spec, "stylegan2 with --conditional") if config.conditional else None
    views = Views(
        spec,
        StyleGenerator(config.latent, spec.shape, config.width, config.depth, config.mixing, classes),
        StyleDiscriminator(spec.shape, config.width, config.group, config.residual, classes),
        config,
        classes,
    )

    def discriminator(net: Networks, batch: Batch) -> Terms:
        """The logistic loss E sp(-a(x)) + E sp(a(G(z)))."""
        real, fake = views.pair(net, batch)
        return {
            "real": softplus(-real.logits).mean(),
            "fake": softplus(fake.logits).mean(),
            **views.option_terms(net, real, fake),
        }

    def r1_penalty(net: Networks, batch: Batch) -> Terms:
        """R1, gamma / 2 times the mean squared gradient norm at real images; lazy."""
        real = views.real(net, batch, gradients=True)
        return {"r1": config.gamma * zero_centered_penalty(real.logits, real.x)}

    def generator(net: Networks, batch: Batch) -> Terms:
        """The non-saturating loss E sp(-a(G(z)))."""
        return {"adversarial": softplus(-views.fake(net, batch).logits).mean()}

    def path_length_regularization(net: Networks, batch: Batch) -> Terms:
        """Eq. 4: E (|J_w^T y| - a)^2, a the running mean of these lengths; lazy, on smaller batches."""
        w = net.generator.styles(batch["z"], batch["fake_label"] if classes is not None else None)
        images = net.generator.synthesis(w)
        lengths = path_lengths(images, w, torch.randn_like(images))
        return {"path_length": config.path_weight * (lengths - net.path_mean(lengths)).square().mean()}

    networks, path_every = dict(views.networks), config.path_every if config.path_weight else None
    turns = [
        Turn("discriminator", discriminator),
        Turn("discriminator", r1_penalty, every=config.r1_every, gain=config.r1_every),
        Turn("generator", generator),
    ]
    if path_every is not None:
        networks["path_mean"] = RunningMean(config.path_decay)
        size = max(config.batch_size // config.path_shrink, 1)
        turns.append(Turn("generator", path_length_regularization, every=path_every, gain=path_every, size=size))
    game = Game(
        networks,
        players=players(lazy_adam(config, path_every), lazy_adam(config, config.r1_every)),
        schedule=alternating(*turns),
        averages=views.averages,
    )

    def truncated(psi: float) -> Mapping[str, Any]:
        """The truncation trick: samples whose styles are moved to their mean, by the factor psi."""

        def sample(net: Networks, batch: Batch) -> Tensor:
            images: Tensor = views.outputs["sample"](
                net.replace({"generator": functools.partial(net.generator, psi=psi)}), batch
            )
            return images

        return {"sample": sample, "decode": sample}

    return views.experiment(game, {"z": Normal(config.latent)}, truncation=truncated)


def lazy_adam(config: Config, every: int | None) -> Update:
    """Adam for a player with one more update in each so many rounds; None for none.

    Arguments:
        config: The settings.
        every: Rounds between the additional updates.
    """
    share = 1.0 if every is None else every / (every + 1)
    return adam(share * config.learning_rate, (0.0, config.beta2**share))
