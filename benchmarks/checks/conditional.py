"""Checks of ``conditional``."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.checks.checking import Bound, Check, played
from zerosum.data import open_data
from zerosum.networks import mlp


def labels(data: str, rounds: int) -> Check:
    """How frequently a classifier that saw real images alone sees the label that was asked for.

    How much images of a label vary, as a share of the variance of real ones; and what the discriminator makes of real
    test images with their own label and with every other one.

    Arguments:
        data: Name of the data, of ten classes.
        rounds: How many.
    """

    def check(seed: int) -> dict[str, float]:
        test = open_data(data, "test")
        assert test.count is not None
        real = test.batch(0, test.count)
        classify, experiment = classifier(data, seed), played("conditional", data, rounds, seed)
        z = experiment.draws["z"](5_000, torch.Generator().manual_seed(seed))
        asked = torch.arange(len(z)) % 10
        made = experiment.ask("decode", {"z": z, "fake_label": asked})
        agreed = (classify(made).argmax(1) == asked).float().view(-1, 10).mean(0)
        scores = [
            float(experiment.ask("score", {"x": real["x"], "label": (real["label"] + shift) % 10}).mean())
            for shift in range(10)
        ]
        shown = made.flatten(1).view(-1, 10, made[0].numel()).var(0).sum(1).mean()
        kept = torch.stack([real["x"][real["label"] == y].flatten(1).var(0).sum() for y in range(10)]).mean()
        right = classify(real["x"]).argmax(1) == real["label"]
        return {
            "labels as asked": round(float(agreed.mean()), 4),
            "of the least such label": round(float(agreed.min()), 4),
            "variance within a label, of the real one": round(float(shown / kept), 3),
            "test images rightly classified": round(float(right.float().mean()), 4),
            "logit of the right label less that of a wrong one": round(scores[0] - sum(scores[1:]) / 9, 4),
        }

    return check


def classifier(data: str, seed: int) -> nn.Module:
    """A perceptron after 2,000 batches of the training split; images in [0, 1] to logits (N, 10)."""
    torch.manual_seed(seed)
    train = open_data(data, seed=seed)
    network = nn.Sequential(nn.Flatten(), mlp((math.prod(train.spec.shape), 256, 10)))
    rule = torch.optim.Adam(network.parameters(), 1e-3)
    for step in range(2_000):
        batch = train.batch(100 * step, 100)
        rule.zero_grad()
        cross_entropy(network(batch["x"]), batch["label"]).backward()
        rule.step()
    return network.requires_grad_(False)


CHECKS = {"conditional-digits": labels("digits", 5_000), "conditional-mnist": labels("mnist", 8_000)}
ASKED = {
    name: (
        Bound("labels as asked", least=0.9),
        Bound("variance within a label"),
        Bound("test images rightly classified", least=0.95),
        Bound("logit of the right label less that of a wrong one", least=0),
    )
    for name in CHECKS
}
