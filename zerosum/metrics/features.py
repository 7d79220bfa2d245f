r"""Features of images that samples and real examples are compared in.

``random-conv`` is a convolutional network that nobody trained. Its weights are numbers of a fixed seed, so it is the
same network on every machine, needs no download and favours no data set. What it sees is statistics of local structure
at every scale. Distances in it rank models of one data set; they are not those of a trained network, and carry a hash
of the network so that nobody takes them for such.

An image is brought to one side by a linear filter that widens with the reduction, so that nothing folds over. In each
of four stages the stage before and the image at the stage's own scale are filtered by 3x3 weights, rectified and
averaged over the whole; the logs of these averages are features. The filters on the image know no brightness, which
would outweigh all structure; the means of the image's planes over its quarters are features of their own. Grey is
repeated to three planes for the filters. An image with opacity is laid on white, and how clear it is enters as a
fourth plane.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d, interpolate, pad, relu

from zerosum.errors import DataError, unknown

SEED = 2014
"""Of the weights of ``random-conv``."""

CHANNELS = (16, 32, 32, 48)
"""Of its stages, each at half the side of the one before."""

PARTS = 2
"""Of either axis, over which the image itself is averaged: the stages see no brightness and little colour."""

GAIN, LEAST = 2.0, 0.2
"""Standard deviation of a filter's answer to planes of mean square 1; what is added to a mean before its log: less sees
fainter noise, more sees more of brightness and of what is missing."""

CHUNK = 2**19
"""Pixels seen at once: 128 images of side 64."""

SIDES = (16, 256)
"""Least and largest side that images are brought to."""


@dataclass(frozen=True)
class Features:
    """A network that images are seen through.

    Calling it takes images (N, C, H, W) in [0, 1], of 1, 3 or 4 channels, to features (N, d) float32.

    Attributes:
        name: With 8 digits of a SHA-256 of its weights and its shape.
        resizer: How images are brought to its side.
        side: Of the square it sees [pixels].
        see: ``(images (N, C, side, side)) -> (N, d)``; of 4 planes the last says how clear a pixel is.
    """

    name: str
    resizer: str
    side: int
    see: Callable[[Tensor], Tensor]

    def __call__(self, images: Tensor) -> Tensor:
        # TF32 loses more than models differ by, and the same images are to have the same features
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with torch.no_grad(), exact:
            parts = torch.split(images, max(1, CHUNK // self.side**2))
            return torch.cat([self.see(_brought_to(part.float(), self.side)) for part in parts])


def random_conv(side: int = 64) -> Features:
    """A convolutional network of random weights.

    Arguments:
        side: Of the square that images are brought to [pixels].

    Raises:
        ValueError: The side is out of range.
    """
    if not SIDES[0] <= side <= SIDES[1]:
        raise ValueError(f"side must be from {SIDES[0]} to {SIDES[1]} pixels, got {side}.")
    _, digest = _weights()
    return Features(f"random-conv-{digest[:8]}", "bilinear", side, _through)


FEATURES: dict[str, Callable[[int], Features]] = {"random-conv": random_conv}
"""Makers of networks by name: ``(side) -> Features``."""


def features_named(name: str, side: int = 64) -> Features:
    """A network by its name, with or without the hash of its weights.

    Arguments:
        name: ``random-conv``, or the full name that a result carries.
        side: Of the square that images are brought to [pixels].

    Raises:
        ValueError: Nobody knows the name, the weights are others, or the side is out of range.
    """
    base = next((known for known in FEATURES if name in (known, f"{known}-{name[-8:]}")), None)
    if base is None:
        raise ValueError(unknown("features", name, FEATURES))
    network = FEATURES[base](side)
    if name not in (base, network.name):
        raise ValueError(f"features {name} have other weights than these, {network.name}; such numbers do not compare.")
    return network


@functools.cache
def _weights() -> tuple[tuple[tuple[Tensor, Tensor], ...], str]:
    """Of each stage the weights on the image and on the stage before (none for the first), and the network's digest.

    The weights are whole numbers from raw bits of PCG64, a stream that numpy keeps, times one factor: every machine has
    the same bits. Those on the image have mean 0 over their 3x3, so that brightness alone says nothing.
    """
    bits = np.random.PCG64(SEED)
    stages, digest, before = [], hashlib.sha256(repr((CHANNELS, PARTS, LEAST)).encode()), 0
    for channels in CHANNELS:
        pair = []
        for planes in (4, before):
            shape = (channels, planes, 3, 3)
            whole = (bits.random_raw(math.prod(shape)) >> np.uint64(44)).astype(np.int64).reshape(shape) - 2**19
            spread = 2**20 / math.sqrt(12)  # their standard deviation
            if planes == 4:
                whole, spread = 9 * whole - whole.sum((2, 3), keepdims=True), spread * math.sqrt(72)
            weights = (whole * (GAIN / math.sqrt(9 * max(planes, 1)) / spread)).astype("<f4")
            digest.update(weights.tobytes())
            pair.append(torch.from_numpy(weights).contiguous(memory_format=torch.channels_last))
        stages.append((pair[0], pair[1]))
        before = channels
    return tuple(stages), digest.hexdigest()


def _through(images: Tensor) -> Tensor:
    """Logs of the means of every plane of every stage, and means of the image over its quarters."""
    x = (2 * images - 1).contiguous(memory_format=torch.channels_last)
    quarters = adaptive_avg_pool2d(x, PARTS).flatten(1)
    x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
    h, found = None, []
    for on_image, on_stage in _weights()[0]:
        seen = _conv(x, on_image[:, : x.shape[1]])
        h = relu(seen if h is None else seen + _conv(h, on_stage))
        found.append(torch.log(h.mean((2, 3)) + LEAST))
        x, h = avg_pool2d(x, 2), avg_pool2d(h, 2)
    return torch.cat([*found, quarters], 1)


def _conv(x: Tensor, weights: Tensor) -> Tensor:
    """The border is continued, so that it is no edge."""
    return conv2d(pad(x, (1, 1, 1, 1), mode="replicate"), weights.to(x.device))


def _brought_to(images: Tensor, side: int) -> Tensor:
    """Images of one side; of those with opacity the colours on white, and how clear a pixel is."""
    channels = images.shape[1] if images.ndim == 4 else 0
    if channels not in (1, 3, 4):
        raise DataError(f"features are of images (N, C, H, W) with 1, 3 or 4 channels, got {tuple(images.shape)}.")
    if channels == 4:
        colour, opacity = images[:, :3], images[:, 3:]
        images = torch.cat([colour * opacity + (1 - opacity), 1 - opacity], 1)
    if images.shape[2:] == (side, side):
        return images
    return interpolate(images, size=(side, side), mode="bilinear", antialias=True)
