"""Bounds on weights: projections for a player's ``project``, and spectral norms inside the network."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize


def max_column_norm(limit: float) -> Callable[[str, Tensor], Tensor]:
    """A projection of weights: incoming weights of a unit longer than ``limit`` are scaled back to it.

    Biases stay as they are. For a player's ``project``.

    References:
        | Improving neural networks by preventing co-adaptation of feature detectors (Hinton et al., 2012)
        | https://arxiv.org/abs/1207.0580
    """

    def project(name: str, value: Tensor) -> Tensor:
        return value.renorm(2, 0, limit) if value.ndim > 1 else value

    return project


def clip(bound: float) -> Callable[[str, Tensor], Tensor]:
    """A projection of every parameter onto [-bound, bound], coordinate by coordinate; for a player's ``project``.

    The gradient norm of the critic stays below a constant K that depends on the network, so that a Wasserstein loss is
    minus K times a distance at most. Gains of normalisation layers are clipped too, as in the released code.

    Raises:
        ValueError: The bound is not positive.

    References:
        | Wasserstein GAN (Arjovsky et al., 2017), algorithm 1: 0.01
        | https://arxiv.org/abs/1701.07875

    Examples:
        >>> import torch
        >>> clip(0.01)("critic.0.weight", torch.tensor([0.5, -0.002, -0.5]))
        tensor([ 0.0100, -0.0020, -0.0100])
    """
    if not bound > 0:
        raise ValueError(f"the bound of clipped weights must be positive, got {bound}.")
    return lambda name, value: value.clamp(-bound, bound)


def spectral_norm(network: nn.Module) -> nn.Module:
    r"""Divide the weight of every linear, convolution and embedding layer by its largest singular value, in place.

    :math:`\bar W = W / \sigma(W)`, the weight of a convolution read as a matrix (out, in k k). It bounds the gradient
    norm of linear layers, and of convolutions up to a factor of at most k.
    :math:`\sigma` is :math:`u^T W v` with u and v from
    one power iteration per forward pass in training, none in evaluation; they are buffers, and gradients flow through
    W.

    Arguments:
        network: Layers whose weight is parametrised already stay as they are.

    Returns:
        The network.

    References:
        | Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018), algorithm 1
        | https://arxiv.org/abs/1802.05957
    """
    layers = (nn.Linear, nn.Embedding, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    for layer in list(network.modules()):
        if isinstance(layer, (*layers, *transposed)) and not parametrize.is_parametrized(layer, "weight"):
            parametrizations.spectral_norm(layer, dim=1 if isinstance(layer, transposed) else 0)
    return network
