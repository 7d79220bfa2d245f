r"""LAPGAN: a pyramid of GANs, one for the smallest image and one for each band of detail.

The Laplacian pyramid of an image is the smallest image and, for every doubling, the difference from its enlargement
(a band). Each band has a conditional generator, which takes the coarse image, and a discriminator that compares the sum
of both with real images of that size. All levels train at once on real coarse images, independently of each other;
sampling goes from coarse to fine.

References:
    | Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks (Denton et al., 2015),
      https://arxiv.org/abs/1506.05751
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from zerosum.adversarial import ImageOptions, Views, experiment
from zerosum.config import Count, Decay, Layers, Positive, Share
from zerosum.data import DataSpec, from_laplacian_pyramid, from_symmetric, laplacian_pyramid, to_symmetric
from zerosum.game import Batch, Game, Networks, Objective, Player, Terms, Turn, alternating
from zerosum.networks import BandGenerator, band_discriminator, mlp_pair, resolutions
from zerosum.sources import Prior, Uniform
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images"


@dataclass(frozen=True)
class Config(ImageOptions):
    """The paper's networks for CIFAR-10, of half their width; Adam in the place of its SGD with momentum."""

    batch_size: Count = 64
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: Positive = 5e-4
    """Learning rate of Adam, all players; the paper has SGD from 0.02, with momentum 0.5 to 0.8 [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]."""
    levels: Layers = 2
    """Bands of detail, the paper's; fewer where the image cannot be halved so often [bands]."""
    latent: Count = 100
    """Dimension of the smallest image's latent, uniform in [-1, 1], the paper's; a band's is an image [coordinates]."""
    hidden: Count = 256
    """Width of the two hidden layers of either network of the smallest image; 1200 and 600 in the paper [units]."""
    width: Count = 32
    """Channels of the bands' networks; 64 in the paper [channels]."""
    dropout: Share = 0.0
    """Dropout probability in the discriminators of the bands; 0.5 in the paper."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The games on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images.
    """
    sides = resolutions(spec.shape)[-config.levels - 1 :]
    channels, bands = spec.shape[0], len(sides) - 1
    levels = [Views(_at(spec, sides[0]), *_smallest(config, (channels, sides[0], sides[0])), config)]
    for side in sides[1:]:
        detail = BandGenerator(channels, config.width)
        levels.append(
            Views(_at(spec, side), detail, band_discriminator(channels, side, config.width, config.dropout), config)
        )
    sizes = [config.latent, *(side * side for side in sides[1:])]

    def level_of(net: Networks, level: int, coarse: Tensor | None) -> Networks:
        """A level's networks under the names of a single game; its generator adds detail to the coarse images."""
        own = {name: net[f"{name}_{sides[level]}"] for name in levels[level].networks}
        if coarse is not None:
            detail = own["generator"]
            own["generator"] = lambda z: coarse + detail(coarse, z)
        return Networks(own, net.game)

    def at_level(level: int, objective: Objective) -> Objective:
        """An objective on real images of a level, and on generated detail for the same coarse images."""

        def of_level(net: Networks, batch: Batch) -> Terms:
            pyramid = laplacian_pyramid(to_symmetric(batch["x"]), bands)[::-1][: level + 1]
            real, coarse = pyramid[0], None
            if level:
                coarse = _enlarged(from_laplacian_pyramid(pyramid[::-1][1:]), pyramid[-1])
                real = coarse + pyramid[-1]
            z = torch.split(batch["z"], sizes, 1)[level]
            return objective(level_of(net, level, coarse), {**batch, "x": from_symmetric(real), "z": z})

        return of_level

    def turns(level: int, views: Views) -> list[Turn]:
        """The plain game of a level, eq. 2."""

        def discriminator(net: Networks, batch: Batch) -> Terms:
            """-E log D(x) - E log(1 - D(G(z)))."""
            real, fake = views.pair(net, batch)
            return {
                "real": softplus(-real.logits).mean(),
                "fake": softplus(fake.logits).mean(),
                **views.option_terms(net, real, fake),
            }

        def generator(net: Networks, batch: Batch) -> Terms:
            """The non-saturating loss -E log D(G(z))."""
            return {"adversarial": softplus(-views.fake(net, batch).logits).mean()}

        return [
            Turn(f"discriminator_{sides[level]}", at_level(level, discriminator)),
            Turn(f"generator_{sides[level]}", at_level(level, generator)),
        ]

    def sample(net: Networks, batch: Batch) -> Tensor:
        """From the smallest image through every band."""
        noises = torch.split(batch["z"], sizes, 1)
        image: Tensor = level_of(net, 0, None).generator(noises[0])
        for level, side in enumerate(sides[1:], 1):
            coarse = _enlarged(image, image.new_zeros(len(image), channels, side, side))
            image = level_of(net, level, coarse).generator(noises[level])
        return from_symmetric(image).clamp(0, 1)

    def score(net: Networks, batch: Batch) -> Tensor:
        """The logit of the finest level's discriminator, (N,)."""
        logit: Tensor = levels[-1].outputs["score"](level_of(net, bands, None), batch)
        return logit

    def named(attribute: str) -> dict[str, Any]:
        return {
            f"{name}_{side}": value
            for side, views in zip(sides, levels, strict=True)
            for name, value in getattr(views, attribute).items()
        }

    update = adam(config.learning_rate, (config.beta1, 0.999))
    schedule = alternating(*(turn for level, views in enumerate(levels) for turn in turns(level, views)))
    game = Game(
        named("networks"),
        players={turn.player: Player((turn.player,), update) for turn in schedule.turns},
        schedule=schedule,
        averages=named("averages"),
    )
    priors: dict[str, Prior] = {"z": Uniform(-1, 1, sum(sizes)), **levels[0].priors}
    return experiment(game, spec, priors, outputs={"sample": sample, "decode": sample, "score": score})


def _at(spec: DataSpec, side: int) -> DataSpec:
    """The data at a side."""
    return spec.resized(spec.shape[0], side, side)


def _smallest(config: Config, shape: tuple[int, int, int]) -> tuple[nn.Module, nn.Module]:
    """MLPs for the smallest image; the discriminator in two parts."""
    networks = mlp_pair(shape, config.latent, (config.hidden,) * 2, final=nn.Tanh)
    flatten, layers = networks["discriminator"].children()
    assert isinstance(layers, nn.Sequential)
    parts = OrderedDict(features=nn.Sequential(flatten, layers[:-1]), head=layers[-1])
    return networks["generator"], nn.Sequential(parts)


def _enlarged(image: Tensor, like: Tensor) -> Tensor:
    """u of the pyramid: an image at twice its side, without detail."""
    return from_laplacian_pyramid([torch.zeros_like(like), image])
