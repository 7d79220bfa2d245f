"""The networks of Conditional Generative Adversarial Nets (2014): what one example is and its label meet half way.

Labels go in as one of as many ones, through a layer of their own; the layer after sees both. Rectifiers in the
generator, maxout in the discriminator. Weights are uniform as in :mod:`zerosum.networks.gan2014`, but larger where they
see labels, of whose inputs one is 1 and not all, and latents, which else do not change images.

References:
    | Conditional Generative Adversarial Nets (Mirza and Osindero, 2014), https://arxiv.org/abs/1411.1784
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from zerosum.networks.dropout import Dropout
from zerosum.networks.gan2014 import uniform
from zerosum.networks.labels import one_hot
from zerosum.networks.maxout import Maxout

FIRST = 0.3
"""Largest first weight of layers that see latents or labels."""

DROPPED = 0.2
"""Probability that a number of an example is dropped on its way into the discriminator, as in the code of 2014."""


class ConditionalGenerator(nn.Module):
    """Latents and labels to examples, (N, latent) and (N,) to (N, ...), each number in [-1, 1].

    The paper's sigmoids, whose range is [0, 1], are hyperbolic tangents here, which is the same function of half the
    weights.

    Arguments:
        latent: Dimension of z; 100 in the paper.
        shape: Of an example.
        classes: Labels there are.
        hidden: Units of either hidden layer; in the first a sixth of them see z, the others the label. 200 and 1000,
            then 1200 in the paper.
        dropout: Probability that a hidden unit is dropped in training.
    """

    def __init__(self, latent: int, shape: tuple[int, ...], classes: int, hidden: int = 1200, dropout: float = 0.0):
        super().__init__()
        self.classes = classes
        of_noise = max(hidden // 6, 1)
        of_label = max(hidden - of_noise, 1)
        self.noise = nn.Sequential(nn.Linear(latent, of_noise), nn.ReLU())
        self.label = nn.Sequential(nn.Linear(classes, of_label), nn.ReLU())
        self.joint = nn.Sequential(
            Dropout(dropout),
            nn.Linear(of_noise + of_label, hidden),
            nn.ReLU(),
            Dropout(dropout),
        )
        self.out = nn.Linear(hidden, math.prod(shape))
        self.shown = nn.Sequential(nn.Tanh(), nn.Unflatten(1, shape))
        uniform(self, 0.05)
        uniform(self.noise, FIRST)
        uniform(self.label, FIRST)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        told = one_hot(label, self.classes).to(z.dtype)
        examples: Tensor = self.shown(self.out(self.joint(torch.cat([self.noise(z), self.label(told)], 1))))
        return examples


class ConditionalDiscriminator(nn.Module):
    """Examples in [-1, 1] and their labels to logits, (N, ...) and (N,) to (N, 1).

    Arguments:
        shape: Of an example.
        classes: Labels there are.
        units: Of the maxout layer that sees the example, of 5 pieces, and of the joint one, of 4; 240 in the paper.
        label_units: Of the maxout layer that sees the label, of 5 pieces; 50 in the paper.
        dropout: Probability that a hidden unit is dropped in training.

    Attributes:
        features: Examples to (N, units).
        head: Features to logits, of the label.
    """

    def __init__(
        self, shape: tuple[int, ...], classes: int, units: int = 240, label_units: int = 50, dropout: float = 0.5
    ):
        super().__init__()
        self.features = nn.Sequential(
            nn.Flatten(), _From0(), Dropout(DROPPED), Maxout(math.prod(shape), units, 5), Dropout(dropout)
        )
        head = _Head(units, classes, label_units, dropout)
        self.head: nn.Module = head
        uniform(self, 0.005)
        uniform(head.label, FIRST)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        logits: Tensor = self.head(self.features(x), label)
        return logits


class _From0(nn.Module):
    """From [-1, 1] to [0, 1], where the paper's discriminator sees images: what is dark is 0 and moves no weight."""

    def forward(self, x: Tensor) -> Tensor:
        return (x + 1) / 2


class _Head(nn.Module):
    """Features (N, units) and the label to a logit."""

    def __init__(self, units: int, classes: int, label_units: int, dropout: float):
        super().__init__()
        self.classes = classes
        self.label = nn.Sequential(Maxout(classes, label_units, 5), Dropout(dropout))
        self.joint = nn.Sequential(Maxout(units + label_units, units, 4), Dropout(dropout), nn.Linear(units, 1))

    def forward(self, features: Tensor, label: Tensor | None = None) -> Tensor:
        told = one_hot(label, self.classes).to(features.dtype)
        logits: Tensor = self.joint(torch.cat([features, self.label(told)], 1))
        return logits
