r"""The networks of StyleGAN2: a latent becomes styles, and each scales the channels of a convolution.

References:
    | Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2019), https://arxiv.org/abs/1912.04958
    | Settings for small images: Training Generative Adversarial Networks with Limited Data (Karras et al., 2020),
      https://arxiv.org/abs/2006.06676
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from zerosum.networks.conditional import MatchingHead
from zerosum.networks.double_backward import LeakyReLU, rectify
from zerosum.networks.labels import chosen
from zerosum.networks.resample import Downsample, Upsample
from zerosum.networks.resolutions import resolutions, widths
from zerosum.networks.running import RunningMean
from zerosum.networks.style_layers import RECTIFIED, SLOPE, Colours, Conv, Dense, MinibatchDeviation, StyledLayer


class StyleGenerator(nn.Module):
    """Latents to images, (N, latent) to (N, C, S, S), not bounded by a tanh.

    A mapping makes w of z, and a synthesis makes an image of the w of each of its layers: a learned constant, then
    convolutions with styles and noise, whose planes give colours that are added up over the sides.

    In training two latents make an image with a probability: the first gives the styles up to a random layer, the
    second, drawn here, the others. Noise is drawn anew in training; in evaluation it is constant, drawn once and saved
    with the weights, so that an image is a function of z alone.

    Arguments:
        latent: Dimension of z and of w; 512 in the paper.
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7 (:func:`~zerosum.networks.resolutions`).
        width: Channels of the planes, as :func:`~zerosum.networks.widths` says; 512 in the paper, where those of 64x64
            have as many.
        depth: Layers of the mapping; 8 in the paper, 2 for CIFAR-10.
        mixing: Probability of two latents; 0 for CIFAR-10.
        classes: Labels there are, or None.

    Attributes:
        mapping: ``(z, label=None) -> w``, (N, latent).
        synthesis: Images of (N, layers, latent).
        mean: Of w, running over training passes.

    Raises:
        ValueError: The shape is none of these, or the probability is not in [0, 1].
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        width: int = 64,
        depth: int = 8,
        mixing: float = 0.9,
        classes: int | None = None,
    ):
        super().__init__()
        if not 0 <= mixing <= 1:
            raise ValueError(f"the probability of mixing two latents must lie in [0, 1], got {mixing}.")
        self.mixing = mixing
        self.mapping = StyleMapping(latent, depth, classes)
        self.synthesis = StyleSynthesis(latent, shape, width)
        self.mean = RunningMean(0.998, (latent,))

    def forward(self, z: Tensor, label: Tensor | None = None, psi: float = 1.0) -> Tensor:
        """Images of latents.

        Arguments:
            z: (N, latent).
            label: (N,) int64 where there are classes.
            psi: Truncation: w comes nearer to its mean by this factor. Below 1 images are better and less varied.
        """
        w = self.styles(z, label)
        images: Tensor = self.synthesis(w if psi == 1 else torch.lerp(self.mean.mean, w, psi))
        return images

    def styles(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The w of every layer, (N, layers, latent): in training mixed, and the running mean moves."""
        w: Tensor = self.mapping(z, label)
        layers = self.synthesis.layers
        if not self.training:
            return w[:, None].expand(-1, layers, -1)
        self.mean(w)
        if not self.mixing:
            return w[:, None].expand(-1, layers, -1)
        n, device = len(z), z.device
        other = self.mapping(torch.randn_like(z), label)
        mixed = torch.rand(n, 1, 1, device=device) < self.mixing
        first = torch.randint(1, layers, (n, 1, 1), device=device)
        late = torch.arange(layers, device=device)[:, None] >= first
        return torch.where(mixed & late, other[:, None], w[:, None])


class StyleMapping(nn.Module):
    """Latents of length sqrt(latent), whatever theirs was, through dense layers that learn 100 times slower.

    A label's embedding is brought to the same length and goes in beside z.

    Arguments:
        latent: Dimension of z and of w.
        depth: Layers, all rectified.
        classes: Labels there are, or None.
    """

    def __init__(self, latent: int, depth: int, classes: int | None = None):
        super().__init__()
        self.embedding = None if classes is None else nn.Embedding(classes, latent)
        inward = latent if classes is None else 2 * latent
        sizes = [inward, *[latent] * depth]
        self.layers = nn.ModuleList(Dense(*pair, gain=RECTIFIED, rate=0.01) for pair in itertools.pairwise(sizes))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        w = _normalised(z)
        if self.embedding is not None:
            w = torch.cat([w, _normalised(self.embedding(chosen(label, self.embedding.num_embeddings)))], 1)
        for layer in self.layers:
            w = rectify(layer(w), SLOPE)
        return w


class StyleSynthesis(nn.Module):
    """Images of the w of every layer, (N, layers, latent) to (N, C, S, S).

    Every side but the smallest has two convolutions, the first of which doubles the side. The colours of a side take
    the style of the layer after.

    Arguments:
        latent: Dimension of w.
        shape: Of an image.
        width: Channels of the smallest planes.
    """

    def __init__(self, latent: int, shape: tuple[int, ...], width: int):
        super().__init__()
        sides, channels = resolutions(shape), widths(shape, width)
        self.layers = 2 * len(sides)
        self.constant = nn.Parameter(torch.randn(channels[0], sides[0], sides[0]))
        self.convs = nn.ModuleList([StyledLayer(latent, channels[0], channels[0], sides[0])])
        for (inward, outward), side in zip(itertools.pairwise(channels), sides[1:], strict=True):
            self.convs.append(StyledLayer(latent, inward, outward, side, up=True))
            self.convs.append(StyledLayer(latent, outward, outward, side))
        self.colours = nn.ModuleList(Colours(latent, inward, shape[0]) for inward in channels)
        self.upsample = Upsample()

    def forward(self, w: Tensor) -> Tensor:
        x = self.convs[0](self.constant.expand(len(w), -1, -1, -1), w[:, 0])
        images: Tensor = self.colours[0](x, w[:, 1])
        for stage, colours in enumerate(list(self.colours)[1:]):
            layer = 2 * stage + 1
            for conv in (layer, layer + 1):
                x = self.convs[conv](x, w[:, conv])
            images = self.upsample(images) + colours(x, w[:, layer + 2])
        return images


class StyleDiscriminator(nn.Module):
    """Images to logits, (N, C, S, S) to (N, 1), with residual blocks that halve the side.

    The last planes learn how much the examples of a group differ, so that examples see each other. With classes, the
    logit is the inner product with the label's embedding, scaled to unit variance.

    Deviation: a label's embedding is learned as it is, without a mapping of its own.

    Arguments:
        shape: Of an image, (C, S, S) with S halved to 4, 5, 6 or 7, in [-1, 1].
        width: As of the generator.
        group: Examples whose deviation is one number, at most (:class:`MinibatchDeviation`); 4 in the paper, 32 for
            CIFAR-10.
        residual: Whether blocks have a way around their convolutions, as in the paper; for CIFAR-10 they have none.
        classes: Labels there are, or None.

    Attributes:
        features: Images to (N, width).
        head: Features to logits, of the label where there are classes.

    Raises:
        ValueError: The shape is none of these.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        width: int = 64,
        group: int = 4,
        residual: bool = True,
        classes: int | None = None,
    ):
        super().__init__()
        channels, side = widths(shape, width)[::-1], resolutions(shape)[0]
        layers: list[nn.Module] = [Conv(shape[0], channels[0], 1, gain=RECTIFIED), LeakyReLU(SLOPE)]
        layers += [_Block(*pair, residual) for pair in itertools.pairwise(channels)]
        self.features = nn.Sequential(
            *layers,
            MinibatchDeviation(group),
            Conv(width + 1, width, 3, gain=RECTIFIED),
            LeakyReLU(SLOPE),
            nn.Flatten(),
            Dense(width * side * side, width, gain=RECTIFIED),
            LeakyReLU(SLOPE),
        )
        embedding = None if classes is None else nn.Embedding(classes, width)
        self.head: nn.Module = MatchingHead(Dense(width, 1 if classes is None else width), embedding, width**-0.5)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        logits: Tensor = self.head(self.features(x), label)
        return logits


class _Block(nn.Module):
    """Half the side by two convolutions, and around them by one of 1x1; the sum of both keeps the variance."""

    def __init__(self, inward: int, outward: int, residual: bool):
        super().__init__()
        self.convs = nn.Sequential(
            Conv(inward, inward, 3, gain=RECTIFIED),
            LeakyReLU(SLOPE),
            Conv(inward, outward, 3, gain=1.0 if residual else RECTIFIED, down=True),
            LeakyReLU(SLOPE),
        )
        around = Conv(inward, outward, 1, gain=math.sqrt(0.5), bias=False)
        self.around = nn.Sequential(Downsample(), around) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convs(x)
        return y if self.around is None else y + self.around(x)


def _normalised(z: Tensor) -> Tensor:
    """Rows with a mean square of 1."""
    return z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
