"""Checks of ``vanilla``."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.checks.checking import played, train
from zerosum.data import Data, open_data


def vanilla_mnist(seed: int) -> dict[str, float]:
    """20,000 rounds on MNIST; a classifier should be sure of the samples and find most digits among them."""
    data = open_data("mnist", seed=seed)
    experiment = played("vanilla", "mnist", 20_000, seed)
    classifier = digit_classifier(data)
    held_out = open_data("mnist", "test").batch(0, 10_000)
    with torch.no_grad():
        probabilities, real = (classifier(x).softmax(1) for x in (experiment.sample(10_000, seed), held_out["x"]))
    shares = torch.bincount(probabilities.argmax(1), minlength=10) / len(probabilities)
    return {
        "mean largest probability": round(float(probabilities.amax(1).mean()), 4),
        "digits with at least 2 %": int((shares >= 0.02).sum()),
        "smallest share": round(float(shares.min()), 4),
        "mean largest probability of real test images": round(float(real.amax(1).mean()), 4),
        "classifier accuracy on test": round(float((real.argmax(1) == held_out["label"]).float().mean()), 4),
    }


def digit_classifier(data: Data) -> nn.Module:
    """A small convolutional classifier, five epochs."""
    torch.manual_seed(0)
    classifier = nn.Sequential(
        nn.Conv2d(1, 32, 5, 2), nn.ReLU(), nn.Conv2d(32, 64, 5, 2), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 10)
    )
    optimizer = torch.optim.Adam(classifier.parameters(), 1e-3)
    for step in range(5 * 500):
        batch = data.batch(100 * step, 100)
        loss = nn.functional.cross_entropy(classifier(batch["x"]), batch["label"])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return classifier


CHECKS = {
    "vanilla-mnist": vanilla_mnist,
    "vanilla-digits": train("vanilla", "digits", 10_000),
    "vanilla-digits-bfloat16": train("vanilla", "digits", 10_000, precision="bfloat16"),
    "vanilla-digits-long": train("vanilla", "digits", 50_000),
    "vanilla-ring": train("vanilla", "ring", 10_000),
}
