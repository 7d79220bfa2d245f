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

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zerosum.data import DataSpec, from_laplacian_pyramid, from_symmetric, laplacian_pyramid, to_symmetric
from zerosum.game import Batch, Game, Networks, Objective, Player, Terms, Turn, alternating
from zerosum.losses import nonsaturating
from zerosum.metrics import suited
from zerosum.networks import BandGenerator, band_discriminator, perceptrons, planes
from zerosum.sources import Uniform
from zerosum.training import Experiment, fields
from zerosum.updates import adam

NEEDS = "images"


@dataclass(frozen=True)
class Config:
    """The paper's networks for CIFAR-10, of half their width; Adam in the place of its SGD with momentum."""

    batch_size: fields.Count = 64
    """Real examples, and generated ones, in each update [examples]."""
    learning_rate: fields.Positive = 5e-4
    """Step size of Adam, all players; the paper has SGD from 0.02, with momentum 0.5 to 0.8 [per update]."""
    beta1: fields.Decay = 0.5
    """Adam's decay of the first moment [per update]."""
    levels: fields.Layers = 2
    """Bands of detail, the paper's; fewer where the image cannot be halved so often [bands]."""
    latent: fields.Count = 100
    """Dimension of the smallest image's latent, uniform in [-1, 1], the paper's; a band has a plane [coordinates]."""
    hidden: fields.Count = 256
    """Width of the two hidden layers of either network of the smallest image; 1200 and 600 in the paper [units]."""
    width: fields.Count = 32
    """Channels of the bands' networks; 64 in the paper [channels]."""
    dropout: fields.Share = 0.0
    """Share of the bands' discriminators' activations left out; 0.5 in the paper."""
    average_halflife: fields.Positive = 10_000
    """Half-life of a weight in the generators' averages, which samples are drawn from; of this project [images]."""


def build(config: Config, spec: DataSpec) -> Experiment:
    """The games on square images whose side is 4, 5, 6 or 7 doubled once or more.

    Raises:
        ValueError: The data are no such images.
    """
    sides = planes(spec.shape)[-config.levels - 1 :]
    channels, levels = spec.shape[0], len(sides) - 1
    smallest = perceptrons((channels, sides[0], sides[0]), config.latent, (config.hidden,) * 2, final=nn.Tanh)
    networks: dict[str, nn.Module] = {f"{name}_{sides[0]}": network for name, network in smallest.items()}
    for side in sides[1:]:
        networks[f"generator_{side}"] = BandGenerator(channels, config.width)
        networks[f"discriminator_{side}"] = band_discriminator(channels, side, config.width, config.dropout)
    sizes = [config.latent, *(side * side for side in sides[1:])]

    def made(net: Networks, level: int, coarse: Tensor | None, z: Tensor) -> Tensor:
        """An image at a level, on the coarse one it is to refine."""
        generator = net[f"generator_{sides[level]}"]
        noise = torch.split(z, sizes, 1)[level]
        image: Tensor = generator(noise) if coarse is None else coarse + generator(coarse, noise)
        return image

    def at(x: Tensor, level: int) -> tuple[Tensor, Tensor | None]:
        """A real image at a level, and what is left of it without its detail there."""
        bands = laplacian_pyramid(to_symmetric(x), levels)[::-1][: level + 1]
        if not level:
            return bands[0], None
        coarse = _enlarged(from_laplacian_pyramid(bands[::-1][1:]), bands[-1])
        return coarse + bands[-1], coarse

    def discriminator(level: int) -> Objective:
        def objective(net: Networks, batch: Batch) -> Terms:
            """Tell images with real detail from those with generated detail on the same coarse image."""
            real, coarse = at(batch["x"], level)
            with torch.no_grad():
                fake = made(net, level, coarse, batch["z"])
            judge = net[f"discriminator_{sides[level]}"]
            return nonsaturating.discriminator(judge(real), judge(fake))

        return objective

    def generator(level: int) -> Objective:
        def objective(net: Networks, batch: Batch) -> Terms:
            _, coarse = at(batch["x"], level)
            fake = made(net, level, coarse, batch["z"])
            return {"fool": nonsaturating.generator(net[f"discriminator_{sides[level]}"](fake))}

        return objective

    def sample(net: Networks, batch: Batch) -> Tensor:
        """From the smallest image through every band."""
        image = made(net, 0, None, batch["z"])
        for level, side in enumerate(sides[1:], 1):
            coarse = _enlarged(image, image.new_zeros(len(image), channels, side, side))
            image = made(net, level, coarse, batch["z"])
        return from_symmetric(image).clamp(0, 1)

    def score(net: Networks, batch: Batch) -> Tensor:
        """The logit of the finest level's discriminator, (N,)."""
        logit: Tensor = net[f"discriminator_{sides[-1]}"](to_symmetric(batch["x"])).squeeze(1)
        return logit

    update = adam(config.learning_rate, (config.beta1, 0.999))
    kinds = {"discriminator": discriminator, "generator": generator}
    game = Game(
        networks,
        players={name: Player((name,), update) for name in networks},
        schedule=alternating(
            *(Turn(f"{kind}_{side}", make(k)) for k, side in enumerate(sides) for kind, make in kinds.items())
        ),
        averages={name: config.average_halflife for name in networks if name.startswith("generator")},
    )
    return Experiment(
        game,
        draws={"z": Uniform(-1, 1, sum(sizes))},
        answers={"sample": sample, "decode": sample, "score": score},
        metrics=suited(spec),
    )


def _enlarged(image: Tensor, like: Tensor) -> Tensor:
    """u of the pyramid: what an image is without detail at twice its side."""
    return from_laplacian_pyramid([torch.zeros_like(like), image])
