r"""The head of a slicing adversarial network: features are read along one direction of length 1.

:math:`a(x) = \langle \omega / \|\omega\|, h(x) \rangle`. The features h are trained by the game's loss with the
direction held, the direction by the Wasserstein loss with the features held: of all directions it is then the one along
which real and generated features differ most, which is what makes the game measure a distance.

References:
    | SAN: Inducing Metrizability of GAN with Discriminative Normalized Linear Layer (Takida et al., 2024)
    | https://arxiv.org/abs/2301.12811
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from zerosum.networks.labels import chosen


class SlicedHead(nn.Module):
    """Features to a logit along a direction of length 1; with classes, each has its own.

    Arguments:
        features: How many.
        classes: Labels there are, or None.
    """

    def __init__(self, features: int, classes: int | None = None):
        super().__init__()
        self.classes = classes
        self.weight = nn.Parameter(torch.randn(classes or 1, features))

    def forward(self, h: Tensor, label: Tensor | None = None) -> Tensor:
        """Logits (N, 1) of features (N, F)."""
        return (h * self._direction(label)).sum(1, keepdim=True)

    def parts(self, h: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The logits twice, (N, 1): for the features with the direction held, and for the direction with them held."""
        direction = self._direction(label)
        return (h * direction.detach()).sum(1, keepdim=True), (h.detach() * direction).sum(1, keepdim=True)

    def _direction(self, label: Tensor | None) -> Tensor:
        directions = normalize(self.weight, dim=1)
        return directions if self.classes is None else directions[chosen(label, self.classes)]


def sliced(discriminator: nn.Module, shape: Sequence[int], classes: int | None = None) -> nn.Module:
    """A discriminator with such a head in the place of its own, in place.

    Arguments:
        discriminator: Has ``features``, images to (N, F), and a ``head``.
        shape: Of an image.
        classes: Labels there are, or None.

    Returns:
        The discriminator.
    """
    with torch.no_grad():
        features = discriminator.features(torch.zeros(2, *shape))  # type: ignore[operator]
    discriminator.head = SlicedHead(features.shape[1], classes)
    return discriminator
