"""Checks of ``relativistic``."""

from __future__ import annotations

import typing

import torch
from torch import Tensor, nn

from benchmarks.checks.checking import Bound, Check, train
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating
from zerosum.lab.objectives import discriminator_loss
from zerosum.losses import ADVERSARIAL
from zerosum.networks import mlp
from zerosum.recipes.objectives.relativistic import Config
from zerosum.updates import adam

LOSSES = typing.get_args(typing.get_type_hints(Config)["loss"])
PARTICLES, STARTS, ROUNDS = 20, 10, 1_500
HELD = 8
"""Of 20 particles at the least at either cluster, where its share is 10."""


def clusters(seed: int) -> dict[str, float]:
    """Of ten starts on one of two clusters, how many end on both, and how many particles the other one has then."""
    figures: dict[str, float] = {}
    for name, loss, kept in (
        ("pairs for good", "relativistic_pairing", True),
        ("pairs drawn anew", "relativistic_pairing", False),
        ("separable", "nonsaturating", True),
    ):
        crossed = [particles_crossed(loss, kept, STARTS * seed + start) for start in range(STARTS)]
        figures[f"{name}, escapes of 10"] = sum(HELD <= count <= PARTICLES - HELD for count in crossed)
        figures[f"{name}, fewest crossed"], figures[f"{name}, most crossed"] = min(crossed), max(crossed)
    return figures


def particles_crossed(loss_name: str, kept: bool, seed: int) -> int:
    """Free particles that begin on the cluster at 1, after a game for the clusters at 1 and -1: those within 0.2 of -1.

    Arguments:
        loss_name: Of the pair.
        kept: Whether a particle's partner is the same real example in every update, as in the theorem on pairing, or
            another in each, as in training on batches.
        seed: Of examples, particles, critic and partners.
    """
    torch.manual_seed(seed)
    loss = ADVERSARIAL[loss_name]
    centres = torch.ones(PARTICLES, 1)
    centres[PARTICLES // 2 :] = -1
    real = centres + 0.01 * torch.randn(PARTICLES, 1)
    particles = _Particles(1 + 0.01 * torch.randn(PARTICLES, 1))

    def generator(net: Networks, batch: Batch) -> Terms:
        fake = net.discriminator(net.generator(batch["z"]))
        return {"adversarial": loss.generator(fake, net.discriminator(batch["x"]))}

    game = Game(
        {"generator": particles, "discriminator": mlp((1, 64, 64, 1))},
        {
            "discriminator": Player(("discriminator",), adam(1e-3, (0.5, 0.999))),
            "generator": Player(("generator",), adam(1e-2, (0.5, 0.999))),
        },
        alternating(Turn("discriminator", discriminator_loss(loss)), Turn("generator", generator, offset=1)),
    )

    def batch() -> dict[str, Tensor]:
        x = real if kept else real[torch.randperm(PARTICLES)]
        return {"x": x, "z": torch.zeros(PARTICLES, 1)}

    for _ in range(ROUNDS):
        game.play([[batch()], [batch()]], PARTICLES)
    return int(((particles.x + 1).abs() < 0.2).sum())


def six(data: str, rounds: int) -> Check:
    """Every one of the six losses by the recipe's judges."""

    def check(seed: int) -> dict[str, float]:
        return {
            f"{loss.removeprefix('relativistic_')} {metric.partition('[')[0]}": value
            for loss in LOSSES
            for metric, value in train("relativistic", data, rounds, loss=loss)(seed).items()
        }

    return check


class _Particles(nn.Module):
    def __init__(self, x: Tensor):
        super().__init__()
        self.x = nn.Parameter(x)

    def forward(self, z: Tensor) -> Tensor:
        return self.x


CHECKS = {
    "relativistic-clusters": clusters,
    "relativistic-ring": train("relativistic", "ring", 10_000),
    "relativistic-digits": train("relativistic", "digits", 10_000),
    "relativistic-six-ring": six("ring", 5_000),
    "relativistic-six-digits": six("digits", 3_000),
}
ASKED = {
    "relativistic-clusters": (
        Bound("pairs for good, escapes of 10", least=8),
        Bound("separable, escapes of 10", most=1),
    )
}
