r"""LAPGAN: a pyramid of games, the smallest image first and then one band of detail after another.

An image is its Laplacian pyramid: the smallest image and, for every doubling, what is missing from its enlargement.
Each band has a generator of its own, which sees the coarse image it is for, and a discriminator that compares the sum
of both with real images of that size. All levels train on real coarse images at once, as none needs another; sampling
goes through them from coarse to fine.

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

from zerosum.adversarial import ImageConfig, Images
from zerosum.config import Count, Decay, Layers, Positive, Share
from zerosum.data import DataSpec, from_laplacian_pyramid, from_symmetric, laplacian_pyramid, to_symmetric
from zerosum.game import Batch, Game, Networks, Objective, Player, Terms, Turn, alternating
from zerosum.losses import nonsaturating
from zerosum.metrics import default_metrics
from zerosum.networks import BandGenerator, band_discriminator, perceptrons, planes
from zerosum.sources import Uniform
from zerosum.training import Experiment
from zerosum.updates import adam

NEEDS = "images"


@dataclass(frozen=True)
class Config(ImageConfig):
    """The paper's networks for CIFAR-10, of half their width; Adam in the place of its SGD with momentum."""

    batch_size: Count = 64
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: Positive = 5e-4
    """Step size of Adam, all players; the paper has SGD from 0.02, with momentum 0.5 to 0.8 [per update]."""
    beta1: Decay = 0.5
    """Adam's decay of the first moment [per update]."""
    levels: Layers = 2
    """Bands of detail, the paper's; fewer where the image cannot be halved so often [bands]."""
    latent: Count = 100
    """Dimension of the smallest image's latent, uniform in [-1, 1], the paper's; a band has a plane [coordinates]."""
    hidden: Count = 256
    """Width of the two hidden layers of either network of the smallest image; 1200 and 600 in the paper [units]."""
    width: Count = 32
    """Channels of the bands' networks; 64 in the paper [channels]."""
    dropout: Share = 0.0
    """Share of the bands' discriminators' activations left out; 0.5 in the paper."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The games on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images.
    """
    sides = planes(spec.shape)[-config.levels - 1 :]
    channels, bands = spec.shape[0], len(sides) - 1
    games = [Images(config, _at(spec, sides[0]), *_smallest(config, (channels, sides[0], sides[0])))]
    for side in sides[1:]:
        generator = BandGenerator(channels, config.width)
        discriminator = band_discriminator(channels, side, config.width, config.dropout)
        games.append(Images(config, _at(spec, side), generator, discriminator))
    sizes = [config.latent, *(side * side for side in sides[1:])]

    def level_of(net: Networks, level: int, coarse: Tensor | None) -> Networks:
        """A level's networks, as those of a game of images: detail is added to the coarse ones it is for."""
        own = {name: net[f"{name}_{sides[level]}"] for name in games[level].networks}
        if coarse is not None:
            detail = own["generator"]
            own["generator"] = lambda z: coarse + detail(coarse, z)
        return Networks(own, net.game)

    def at_level(level: int, objective: Objective) -> Objective:
        """An objective on real images of a level and on generated detail for the same coarse ones."""

        def of_level(net: Networks, batch: Batch) -> Terms:
            pyramid = laplacian_pyramid(to_symmetric(batch["x"]), bands)[::-1][: level + 1]
            real, coarse = pyramid[0], None
            if level:
                coarse = _enlarged(from_laplacian_pyramid(pyramid[::-1][1:]), pyramid[-1])
                real = coarse + pyramid[-1]
            z = torch.split(batch["z"], sizes, 1)[level]
            return objective(level_of(net, level, coarse), {**batch, "x": from_symmetric(real), "z": z})

        return of_level

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
        return games[-1].outputs["score"](level_of(net, bands, None), batch)

    update = adam(config.learning_rate, (config.beta1, 0.999))
    turns: list[Turn] = []
    for level, (side, images) in enumerate(zip(sides, games, strict=True)):
        turns += [
            Turn(f"discriminator_{side}", at_level(level, images.tell_apart(nonsaturating))),
            Turn(f"generator_{side}", at_level(level, images.fool(nonsaturating))),
        ]

    def named(of: str) -> dict[str, Any]:
        return {
            f"{name}_{side}": value
            for side, images in zip(sides, games, strict=True)
            for name, value in getattr(images, of).items()
        }

    game = Game(
        named("networks"),
        players={turn.player: Player((turn.player,), update) for turn in turns},
        schedule=alternating(*turns),
        averages=named("averages"),
    )
    return Experiment(
        game,
        priors={"z": Uniform(-1, 1, sum(sizes)), **games[0].priors},
        outputs={"sample": sample, "decode": sample, "score": score},
        metrics=default_metrics(spec),
    )


def _at(spec: DataSpec, side: int) -> DataSpec:
    """The data at a side."""
    return spec.resized(spec.shape[0], side, side)


def _smallest(config: Config, shape: tuple[int, int, int]) -> tuple[nn.Module, nn.Module]:
    """Perceptrons for the smallest image; the discriminator in two parts."""
    made = perceptrons(shape, config.latent, (config.hidden,) * 2, final=nn.Tanh)
    flatten, layers = made["discriminator"].children()
    assert isinstance(layers, nn.Sequential)
    parts = OrderedDict(features=nn.Sequential(flatten, layers[:-1]), head=layers[-1])
    return made["generator"], nn.Sequential(parts)


def _enlarged(image: Tensor, like: Tensor) -> Tensor:
    """u of the pyramid: what an image is without detail at twice its side."""
    return from_laplacian_pyramid([torch.zeros_like(like), image])
