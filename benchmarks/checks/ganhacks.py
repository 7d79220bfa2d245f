"""Checks of ``ganhacks``."""

from __future__ import annotations

from typing import Any

from benchmarks.checks.checking import train

SWITCHES: dict[str, dict[str, Any]] = {
    "all off": {},
    "prior": {"prior": "normal"},
    "sgd": {"discriminator_rule": "sgd"},
    "leak": {"leak": 0.2},
    "soft labels": {"soft_labels": True},
    "flip": {"flip": 0.05},
    "instance noise": {"instance_noise": 0.5, "instance_noise_examples": 250_000},
    "layer noise": {"layer_noise": 0.1},
    "dropout": {"dropout": 0.5},
    "joint batch norm": {"batch_norm": "joint"},
    "separate batch norm": {"batch_norm": "separate"},
    "replay": {"replay": 0.5},
}
"""Each alone."""


def ablation(seed: int) -> dict[str, float]:
    """Every switch alone on the ring, 3,000 rounds, by its two judges."""
    return {
        f"{switch}, {metric.partition('[')[0]}": value
        for switch, settings in SWITCHES.items()
        for metric, value in train("ganhacks", "ring", 3_000, **settings)(seed).items()
    }


CHECKS = {"ganhacks-ablation": ablation, "ganhacks-digits": train("ganhacks", "digits", 6_000)}
