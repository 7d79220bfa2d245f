"""A small convolutional classifier of real images, which metrics see samples through."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zerosum.data import Data
from zerosum.errors import DataError
from zerosum.metrics.examples import spread_batches
from zerosum.metrics.metric import Splits
from zerosum.runtime import mix, reseed
from zerosum.updates import adam, can_fuse, step

BATCH, LEARNING_RATE = 100, 1e-3
"""Examples in an update, and Adam's learning rate."""

MOST_EXAMPLES, MOST_VALUES = 50_000, 2**28
"""Training examples that it sees, and numbers in all of them: 1 GiB."""

CHUNK = 1000
"""Images that are classified at once."""


@dataclass(frozen=True)
class Classifier:
    """A trained classifier. Calling it takes images (N, C, H, W) in [0, 1] to logits (N, classes).

    Attributes:
        name: With 8 digits of a SHA-256 of its weights.
        classes: Labels that it tells.
        network: In evaluation mode.
    """

    name: str
    classes: int
    network: nn.Module

    def __call__(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([self.network(part) for part in torch.split(images.cpu(), CHUNK)])


def train_classifier(data: Data, updates: int = 2500, seed: int = 0) -> Classifier:
    """A classifier of two strided convolutions trained on labelled images, on the CPU.

    Arguments:
        data: The training split, in stored order.
        updates: Of its weights, on batches of 100.
        seed: Of its weights and of its batches; the caller's random numbers stay the caller's.

    Raises:
        DataError: The data are no images with labels.
    """
    if data.spec.classes is None or len(data.spec.shape) != 3:
        raise DataError(f"a classifier needs images with labels, and {data.spec.name} has none; label them.")
    channels, height, width = data.spec.shape
    most = min(MOST_EXAMPLES, max(BATCH, MOST_VALUES // (channels * height * width)))
    batches = list(spread_batches(data, most))
    x, label = (torch.cat([batch[name] for batch in batches]).cpu() for name in ("x", "label"))
    if int(label.min()) < 0:  # examples without a label
        x, label = x[label >= 0], label[label >= 0]
    generator = torch.Generator().manual_seed(mix(seed, "classifier"))
    with torch.random.fork_rng(devices=[]):
        reseed(torch.device("cpu"), seed, "classifier")
        network = nn.Sequential(
            nn.Conv2d(channels, 32, 5, 2, 2), nn.ReLU(), nn.Conv2d(32, 64, 5, 2, 2), nn.ReLU(), nn.Flatten(),
            nn.Linear(64 * math.ceil(height / 4) * math.ceil(width / 4), data.spec.classes),
        )  # fmt: skip
    parameters: list[Tensor] = list(network.parameters())
    rule = adam(LEARNING_RATE)
    state, fused, examples = rule.init(parameters), can_fuse(rule, parameters), torch.zeros((), dtype=torch.int64)
    with torch.enable_grad():
        for _ in range(updates):
            index = torch.randint(len(x), (BATCH,), generator=generator)
            loss = cross_entropy(network(x.index_select(0, index)), label.index_select(0, index))
            step(rule, torch.autograd.grad(loss, parameters), state, parameters, examples, fused)
    network.requires_grad_(False).eval()
    digest = hashlib.sha256(b"".join(parameter.detach().numpy().tobytes() for parameter in parameters))
    return Classifier(f"classifier-{digest.hexdigest()[:8]}", data.spec.classes, network)


_trained: dict[tuple[object, ...], Classifier] = {}
"""By the content of the training split: many checkpoints are evaluated by the same one."""


def classifier_of(splits: Splits, updates: int) -> Classifier:
    """The classifier of a data set, trained once for its content.

    Arguments:
        splits: Opens the data; the training split is used.
        updates: Of its weights.
    """
    data = splits("train")
    key = (data.fingerprint, data.count, updates)
    if key not in _trained:
        _trained[key] = train_classifier(data, updates)
    return _trained[key]
