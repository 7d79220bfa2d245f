r"""Differentiable augmentation of the discriminator's input, real and generated images alike.

Both are changed by the same distribution, so that the discriminator cannot memorize its few real images and the
generator does not learn the changes; the generator's gradient goes through them. Every change is a function of the
image and of numbers uniform in [0, 1), made of products and sums alone: it can be differentiated twice, for gradient
penalties, and does not depend on the order of additions.

References:
    | Differentiable Augmentation for Data-Efficient GAN Training (Zhao et al., 2020), https://arxiv.org/abs/2006.10738
    | Training Generative Adversarial Networks with Limited Data (Karras et al., 2020), appendix B,
      https://arxiv.org/abs/2006.06676
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from zerosum.runtime import gather

DIFFAUGMENT = ("brightness", "saturation", "contrast", "translation", "cutout")
"""The changes of Zhao et al., which every image gets."""

ADAPTIVE = (
    "mirror",
    "quarter turns",
    "shift",
    "scale",
    "turn",
    "stretch",
    "lightness",
    "gain",
    "inversion",
    "hue",
    "colourfulness",
)
"""The changes of Karras et al. on pixels, places and colours, each of which an image gets with a probability."""

_NUMBERS = {
    "brightness": 1,
    "saturation": 1,
    "contrast": 1,
    "translation": 2,
    "cutout": 2,
    "mirror": 1,
    "quarter turns": 1,
    "shift": 2,
    "scale": 1,
    "turn": 1,
    "stretch": 1,
    "lightness": 1,
    "gain": 1,
    "inversion": 1,
    "hue": 1,
    "colourfulness": 1,
}


def numbers(changes: Sequence[str]) -> int:
    """Uniform numbers each image needs for these changes: one that decides, and those of the change itself."""
    return sum(1 + _NUMBERS[change] for change in changes)


def augment(x: Tensor, u: Tensor, changes: Sequence[str], p: Tensor | float = 1.0) -> Tensor:
    r"""Change every image on its own, each change with probability p; where p is 0 the images come back as they were.

    Of :data:`DIFFAUGMENT`: *brightness* adds U(-0.5, 0.5); *saturation* and *contrast* multiply what is left of a pixel
    after the mean of its colours, and of the image after its mean, by U(0, 2) and U(0.5, 1.5); *translation* moves by
    up to an eighth of the side, *cutout* sets a square of half the side to 0, grey.

    Of :data:`ADAPTIVE`, with N standard normal: *mirror* left and right; *quarter turns*; *shift* by 0.125 N of the
    side, what comes in being the image's reflection; *scale* by :math:`2^{0.2 N}`; *turn* by an angle U(-180, 180)
    degrees, with grey corners; *stretch* by :math:`2^{0.2 N}` in width and its inverse in height; *lightness* adds 0.2
    N; *gain* multiplies by :math:`2^{0.5 N}`; *inversion* of what is bright; *hue* turns colours around grey by any
    angle; *colourfulness* multiplies what a pixel differs from grey by :math:`2^N`. The filters are linear where the
    paper's are wavelets, and images are stretched along their sides and not along any line.

    Changes of colour leave an image's opacity alone, and grey images as they are where they would need colours.

    Arguments:
        x: (N, C, S, S) in [-1, 1], C = 1, 3 or 4 with opacity last.
        u: (N, :func:`numbers`), uniform in [0, 1).
        changes: Names from these two lists.
        p: Probability of each change, a number or a 0-d tensor.

    Returns:
        (N, C, S, S), of which colours may leave [-1, 1].
    """
    chosen: dict[str, tuple[Tensor, Tensor]] = {}
    start = 0
    for change in changes:
        end = start + 1 + _NUMBERS[change]
        chosen[change] = (u[:, start] < p, u[:, start + 1 : end])
        start = end
    return _cut(_coloured(_placed(x, chosen), chosen), chosen)


class AdaptiveAugmentation(nn.Module):
    r"""Adaptive discriminator augmentation (ADA): its probability follows the discriminator's overfitting.

    :math:`r = E\,\mathrm{sign}\,a(x)` over real images is 0 where the discriminator cannot tell them from generated
    ones and 1 where it has memorized them; p rises while r is above its target and falls while r is below, by at most 1
    over ``examples``. A network that no player moves; its state is a buffer.

    Arguments:
        target: Of r.
        examples: Over how many p would go from 0 to 1.

    Raises:
        ValueError: The target is not in (-1, 1), or the examples are not above 0.

    References:
        | Training Generative Adversarial Networks with Limited Data (Karras et al., 2020), section 3.1: 0.6, 500,000
        | https://arxiv.org/abs/2006.06676
    """

    def __init__(self, target: float = 0.6, examples: float = 500_000):
        super().__init__()
        if not -1 < target < 1 or not examples > 0:
            raise ValueError(f"a target lies in (-1, 1) and examples are above 0, got {target} and {examples}.")
        self.target, self.examples = target, examples
        self.register_buffer("p", torch.zeros(()))
        self.p: Tensor

    def adapt(self, logits: Tensor) -> None:
        """Move p by the logits of a batch of augmented real images, (N,) or (N, 1)."""
        with torch.no_grad():
            seen = gather(logits.detach())
            step = torch.sign(torch.sign(seen).mean() - self.target) * (len(seen) / self.examples)
            self.p.add_(step.to(self.p.dtype)).clamp_(0, 1)


# -- where pixels go -----------------------------------------------------------------------------------------------

Chosen = dict[str, tuple[Tensor, Tensor]]
"""By change: whether each image gets it, (N,), and its numbers, (N, k)."""


def _placed(x: Tensor, chosen: Chosen) -> Tensor:
    if "mirror" in chosen:
        on, v = chosen["mirror"]
        x = _where(on & (v[:, 0] < 0.5), x.flip(3), x)
    if "quarter turns" in chosen:
        on, v = chosen["quarter turns"]
        x = _quarter_turned(x, torch.where(on, (v[:, 0] * 4).long(), 0))
    if "turn" in chosen:
        on, v = chosen["turn"]
        x = _turned(x, torch.where(on, (2 * v[:, 0] - 1) * math.pi, 0.0))
    if any(change in chosen for change in ("shift", "scale", "stretch")):
        x = _resampled(x, chosen)
    if "translation" in chosen:
        on, v = chosen["translation"]
        side = x.shape[-1]
        most = side // 8
        by = torch.where(on[:, None], (v * (2 * most + 1)).floor() - most, 0.0)
        place = torch.arange(side, device=x.device, dtype=x.dtype)
        down, across = (_linear(place - by[:, axis, None], side) for axis in (0, 1))
        x = _products(down, x, across)
    return x


def _resampled(x: Tensor, chosen: Chosen) -> Tensor:
    """Scaled, stretched and shifted about the middle, with reflections at the border: one product for either axis."""
    n, side = len(x), x.shape[-1]
    size = x.new_ones(n, 2)
    shift = x.new_zeros(n, 2)
    if "scale" in chosen:
        on, v = chosen["scale"]
        size = size * torch.where(on[:, None], 2 ** (0.2 * _normal(v)), 1.0)
    if "stretch" in chosen:
        on, v = chosen["stretch"]
        wider = torch.where(on[:, None], 2 ** (0.2 * _normal(v)), 1.0)
        size = size * torch.cat([1 / wider, wider], 1)
    if "shift" in chosen:
        on, v = chosen["shift"]
        shift = torch.where(on[:, None], 0.125 * side * _normal(v), 0.0)
    middle = (side - 1) / 2
    place = torch.arange(side, device=x.device, dtype=x.dtype) - middle
    axes = []
    for axis in (0, 1):
        source = (place - shift[:, axis, None]) / size[:, axis, None] + middle
        source = (source + 0.5).remainder(2 * side)  # the image, its reflection, the image, ...
        source = torch.minimum(source, 2 * side - source) - 0.5
        axes.append(_linear(source.clamp(0, side - 1), side))
    return _products(axes[0], x, axes[1])


def _linear(source: Tensor, side: int) -> Tensor:
    """The matrix (N, S, side) that reads between two pixels at each place of ``source`` (N, S), and 0 outside."""
    place = torch.arange(side, device=source.device, dtype=source.dtype)
    return (1 - (source[:, :, None] - place).abs()).clamp(min=0)


def _products(down: Tensor, x: Tensor, across: Tensor) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):  # images keep their values in any precision of the networks
        return down.unsqueeze(1) @ x @ across.mT.unsqueeze(1)


def _quarter_turned(x: Tensor, turns: Tensor) -> Tensor:
    turned = x
    for quarter in (1, 2, 3):
        turned = _where(turns == quarter, x.rot90(quarter, (2, 3)), turned)
    return turned


def _turned(x: Tensor, angle: Tensor) -> Tensor:
    """Turned about the middle: by quarters, and by three shears for what is left of at most 45 degrees."""
    quarters = torch.round(angle / (math.pi / 2))
    rest = angle - quarters * (math.pi / 2)
    x = _quarter_turned(x, quarters.long().remainder(4))
    flat, steep = torch.tan(rest / 2), -torch.sin(rest)
    side = x.shape[-1]
    margin = math.ceil(side * (math.sqrt(0.5) - 0.5)) + 1  # what a shear pushes out of sight, the next brings back
    x = pad(x, (margin, margin, margin, margin))
    place = torch.arange(x.shape[-1], device=x.device, dtype=x.dtype) - (x.shape[-1] - 1) / 2
    for slope, axis in ((flat, 3), (steep, 2), (flat, 3)):
        x = _sheared(x, slope[:, None] * place, axis)
    return x[..., margin:-margin, margin:-margin]


def _sheared(x: Tensor, by: Tensor, axis: int) -> Tensor:
    """Every line along the axis (2 or 3) moved by its own number of pixels, ``by`` (N, S); zeros come in."""
    if axis == 2:
        return _sheared(x.mT, by, 3).mT
    moved: Tensor = _Moved.apply(x, by)  # type: ignore[no-untyped-call]
    return moved


class _Moved(torch.autograd.Function):
    """Rows of x (N, C, S, S) moved by ``by`` (N, S) pixels, read linearly between two.

    Its backward pass moves by minus that, and is written out, as that of an index adds in no fixed order on CUDA.
    """

    @staticmethod
    def forward(x: Tensor, by: Tensor) -> Tensor:
        side = x.shape[-1]
        whole = by.floor()
        part = (by - whole)[:, None, :, None]
        place = torch.arange(side, device=x.device)
        near = place - whole[:, :, None].long()
        return (1 - part) * _at(x, near) + part * _at(x, near - 1)

    @staticmethod
    def setup_context(ctx: torch.autograd.function.FunctionCtx, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        (by,) = ctx.saved_tensors  # type: ignore[attr-defined]
        back: Tensor = _Moved.apply(gradients[0], -by)  # type: ignore[no-untyped-call]
        return back, None


def _at(x: Tensor, place: Tensor) -> Tensor:
    """Pixels of the rows of x (N, C, R, S) at ``place`` (N, R, S), 0 outside."""
    side = x.shape[-1]
    inside = (place >= 0) & (place < side)
    found = x.gather(3, place.clamp(0, side - 1)[:, None].expand_as(x))
    return found * inside[:, None]


# -- colours -------------------------------------------------------------------------------------------------------


def _coloured(x: Tensor, chosen: Chosen) -> Tensor:
    colours, opacity = (x, None) if x.shape[1] != 4 else (x[:, :3], x[:, 3:])
    for change, (on, v) in chosen.items():
        if change not in _COLOURS:
            continue
        colours = _where(on, _COLOURS[change](colours, _wide(v[:, 0])), colours)
    return colours if opacity is None else torch.cat([colours, opacity], 1)


def _contrast(x: Tensor, v: Tensor) -> Tensor:
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * (0.5 + v)


def _around_mean(x: Tensor, factor: Tensor) -> Tensor:
    mean = x.mean(1, keepdim=True)
    return mean + (x - mean) * factor


def _hue(x: Tensor, v: Tensor) -> Tensor:
    """Around the axis of grey, by Rodrigues' formula."""
    if x.shape[1] != 3:
        return x
    angle = (2 * v - 1) * math.pi
    across = (x.roll(1, 1) - x.roll(-1, 1)) / math.sqrt(3)  # the axis of grey, times the colour
    grey = x.mean(1, keepdim=True)
    return grey + (x - grey) * torch.cos(angle) + across * torch.sin(angle)


_COLOURS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": lambda x, v: x + (v - 0.5),
    "saturation": lambda x, v: _around_mean(x, 2 * v),
    "contrast": _contrast,
    "lightness": lambda x, v: x + 0.2 * _normal(v),
    "gain": lambda x, v: x * 2 ** (0.5 * _normal(v)),
    "inversion": lambda x, v: x - 2 * x.mean(1, keepdim=True) * (v < 0.5),
    "hue": _hue,
    "colourfulness": lambda x, v: _around_mean(x, 2 ** _normal(v)),
}


def _cut(x: Tensor, chosen: Chosen) -> Tensor:
    if "cutout" not in chosen:
        return x
    on, v = chosen["cutout"]
    side = x.shape[-1]
    place = torch.arange(side, device=x.device)
    # The square's middle is any pixel, so that some of it may lie outside.
    first = (v * (side + 1 - side % 2)).floor() - side // 4
    inside = (place >= first[:, :, None]) & (place < first[:, :, None] + side // 2)
    hole = inside[:, 0, :, None] & inside[:, 1, None, :] & on[:, None, None]
    return x * ~hole[:, None]


def _normal(u: Tensor) -> Tensor:
    """Standard normal numbers from uniform ones, which may be 0."""
    z: Tensor = torch.special.ndtri(u.clamp(2**-25, 1 - 2**-24))
    return z


def _wide(v: Tensor) -> Tensor:
    return v.view(-1, 1, 1, 1)


def _where(on: Tensor, changed: Tensor, x: Tensor) -> Tensor:
    return torch.where(_wide(on), changed, x)
