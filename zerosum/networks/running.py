"""The mean of what goes by."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class RunningMean(nn.Module):
    r"""A mean that forgets, :math:`a \leftarrow d\,a + (1 - d)\,\bar v`, from 0 on; no player moves it.

    It is a buffer and no part of any gradient. Every pass moves it, also in evaluation mode, which is what a network
    nobody moves is in.

    Arguments:
        decay: d, for each pass.
        shape: Of a value.

    Examples:
        >>> mean = RunningMean(0.75)
        >>> mean(torch.tensor([3.0, 5.0])), mean.mean
        (tensor(1.), tensor(1.))
    """

    def __init__(self, decay: float, shape: Sequence[int] = ()):
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros(tuple(shape)))
        self.mean: Tensor

    def forward(self, values: Tensor) -> Tensor:
        """The mean after it moved towards that of a batch, (N, ...)."""
        with torch.no_grad():
            self.mean.lerp_(values.detach().mean(0).to(self.mean.dtype), 1 - self.decay)
        return self.mean.clone()  # what is kept moves on while a graph still holds what was returned
