"""Labels as networks take them."""

from __future__ import annotations

import torch
from torch import Tensor


def chosen(label: Tensor | None, classes: int) -> Tensor:
    """The labels a network with classes was given.

    Arguments:
        label: (N,) int64 in [0, classes), or None.
        classes: How many there are.

    Raises:
        ValueError: There are none.
    """
    if label is None:
        raise ValueError(f"this network has {classes} classes and needs the label of every example, got none.")
    return label


def one_hot(label: Tensor | None, classes: int) -> Tensor:
    """Labels as rows of one 1 and else 0, (N, classes) float32, without asking the device for a number.

    Arguments:
        label: (N,) int64 in [0, classes), or None.
        classes: How many there are.

    Raises:
        ValueError: There are none.
    """
    label = chosen(label, classes)
    return (label[:, None] == torch.arange(classes, device=label.device)).float()
