r"""StyleGAN2: a latent becomes styles that scale the channels of every convolution, and penalties come in lazy turns.

The plain game with a penalty on slopes at real images. The generator's own penalty keeps a step of the styles as long
in the image wherever it is made, :math:`E (\|J_w^T y\| - a)^2`. Both cost more than an update without them and change
slowly, so that they are turns of their own, R1 in every 16th round and the paths in every 4th, with as much more
weight. A player with such turns makes (r + 1) updates in r rounds: its step is r / (r + 1) of the one given, and its
decay to that power, so that r rounds change and forget as much as without.

References:
    | Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2019), https://arxiv.org/abs/1912.04958
    | Settings for small images, labels, and augmentation with an adaptive probability: Training Generative Adversarial
      Networks with Limited Data (Karras et al., 2020), https://arxiv.org/abs/2006.06676
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from zerosum.adversarial import ImageConfig, Images, classes_of
from zerosum.config import Count, Decay, Layers, NonNegative, Positive, Share
from zerosum.data import DataSpec
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating
from zerosum.losses import nonsaturating, path_lengths
from zerosum.metrics import default_metrics
from zerosum.networks import RunningMean, StyleDiscriminator, StyleGenerator
from zerosum.sources import Normal
from zerosum.training import Answer, Experiment
from zerosum.updates import Update, adam

NEEDS = "images"


@dataclass(frozen=True)
class Config(ImageConfig):
    """The papers' settings, on networks that one machine affords."""

    batch_size: Count = 64
    """Real examples, and generated ones, in each update; for 32 pixels the papers' [examples]."""
    learning_rate: Positive = 0.0025
    """Step size of Adam, both players, the papers' for 32 pixels; 0.002 for larger images [per update]."""
    beta2: Decay = 0.99
    """Adam's decay of the second moment, the papers'; of the first there is none [per update]."""
    gamma: Positive = 1.0
    """Weight of R1, gamma / 2 times the mean squared slope; for 32 pixels the papers have 0.01, for 1024 pixels 10."""
    slope_every: Count = 16
    """Between updates by R1, the papers' [rounds]."""
    path_weight: NonNegative = 2.0
    """Weight of the penalty on paths, the papers'; 0 leaves it out, as for CIFAR-10."""
    path_every: Count = 4
    """Between updates by it, the papers' [rounds]."""
    path_decay: Decay = 0.99
    """Of the mean of the paths' lengths, the papers' [per update]."""
    path_shrink: Count = 2
    """Its batches are smaller by this factor, as the papers' are."""
    mixing: Share = 0.9
    """Probability that two latents make an image in training, the papers'; 0 for CIFAR-10."""
    conditional: bool = False
    """Make images of the data's labels, and judge them so."""
    latent: Count = 64
    """Dimension of the latent z, standard normal, and of the styles; 512 in the papers [coordinates]."""
    depth: Layers = 2
    """Layers between the two, 8 in the papers and 2 for CIFAR-10 [layers]."""
    width: Count = 32
    """Channels of planes up to 32x32, half for each doubling beyond; 512 in the papers [channels]."""
    group: Count = 4
    """Examples whose deviation the discriminator sees as one number, at most; 32 for CIFAR-10 [examples]."""
    residual: bool = True
    """Whether the discriminator's blocks have a way around; for CIFAR-10 they have none."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The game on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images, or have no labels though they are asked for.
    """
    classes = classes_of(spec, "stylegan2 with --conditional") if config.conditional else None
    images = Images(
        config,
        spec,
        StyleGenerator(config.latent, spec.shape, config.width, config.depth, config.mixing, classes),
        StyleDiscriminator(spec.shape, config.width, config.group, config.residual, classes),
        classes,
    )

    def keep_paths(net: Networks, batch: Batch) -> Terms:
        w = net.generator.styles(batch["z"], batch["fake_label"] if classes is not None else None)
        made = net.generator.synthesis(w)
        lengths = path_lengths(made, w, torch.randn_like(made))
        return {"paths": config.path_weight * (lengths - net.path_mean(lengths)).square().mean()}

    networks = dict(images.networks)
    turns = [
        Turn("discriminator", images.tell_apart(nonsaturating)),
        Turn("discriminator", images.steepness(config.gamma), every=config.slope_every, gain=config.slope_every),
        Turn("generator", images.fool(nonsaturating)),
    ]
    if config.path_weight:
        networks["path_mean"] = RunningMean(config.path_decay)
        size = max(config.batch_size // config.path_shrink, 1)
        turns.append(
            Turn("generator", keep_paths, every=config.path_every, gain=config.path_every, size=size),
        )
    game = Game(
        networks,
        players={
            "discriminator": Player(("discriminator",), lazy_adam(config, config.slope_every)),
            "generator": Player(("generator",), lazy_adam(config, config.path_every if config.path_weight else None)),
        },
        schedule=alternating(*turns),
        averages=images.averages,
    )

    def truncated(psi: float) -> Mapping[str, Answer]:
        """Samples whose styles are nearer to their mean by this factor."""

        def sample(net: Networks, batch: Batch) -> Tensor:
            return images.outputs["sample"](
                net.replace({"generator": functools.partial(net.generator, psi=psi)}), batch
            )

        return {"sample": sample, "decode": sample}

    return Experiment(
        game,
        priors={"z": Normal(config.latent), **images.priors},
        outputs=images.outputs,
        metrics=default_metrics(spec),
        truncation=truncated,
    )


def lazy_adam(config: Config, every: int | None) -> Update:
    """Adam for a player with one more update in each so many rounds; None where there is none.

    Arguments:
        config: The settings.
        every: Rounds between the additional updates.
    """
    share = 1.0 if every is None else every / (every + 1)
    return adam(share * config.learning_rate, (0.0, config.beta2**share))
