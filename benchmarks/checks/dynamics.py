"""Checks of schedules and update rules: the plain GAN on the ring by each, and two learning rates on a noisy saddle."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from benchmarks.checks.checking import Bound, Check
from zerosum.adversarial import OUTPUTS
from zerosum.data import open_data
from zerosum.game import (
    Batch,
    Game,
    Networks,
    Player,
    Terms,
    Turn,
    alternating,
    consensus,
    extragradient,
    simultaneous,
)
from zerosum.lab import bilinear
from zerosum.lab.games import Arrange
from zerosum.lab.objectives import generator_loss
from zerosum.losses import nonsaturating
from zerosum.metrics import high_quality, modes
from zerosum.networks import mlp_pair
from zerosum.runtime import mix, reseed
from zerosum.sources import Normal
from zerosum.training import BatchBuilder, Experiment, play_round
from zerosum.updates import Update, adam, optimistic, rmsprop, sgd

DATA, ROUNDS, BATCH, LATENT = "ring", 6_000, 256, 16


def tell_apart(net: Networks, batch: Batch) -> Terms:
    """The discriminator's objective with the way to the generator kept, which consensus differentiates through."""
    return nonsaturating.discriminator(net.discriminator(batch["x"]), net.discriminator(net.generator(batch["z"])))


def ring(schedule: Arrange, update: Update) -> Check:
    """The plain GAN without batch norm, its modes and how many samples lie near one.

    Arguments:
        schedule: Arranges the turns.
        update: Of both players.
    """

    def check(seed: int) -> dict[str, float]:
        source = open_data(DATA, seed=seed)
        reseed(torch.device("cpu"), seed, "networks")
        game = Game(
            mlp_pair((2,), LATENT, (128, 128), functools.partial(nn.LeakyReLU, 0.2)),
            {name: Player((name,), update) for name in ("discriminator", "generator")},
            schedule(Turn("discriminator", tell_apart), Turn("generator", generator_loss(nonsaturating))),
        )
        priors = {"z": Normal(LATENT)}
        builder, images = BatchBuilder(source, priors, game.schedule, BATCH, seed, game.device), 0
        for _ in range(ROUNDS):
            images = play_round(game, builder, images)
        samples = Experiment(game, priors=priors, outputs=OUTPUTS, metrics=()).sample
        judged = {
            metric.name: metric.of(samples(metric.n), lambda split: open_data(DATA, split))
            for metric in (modes(), high_quality())
        }
        return {name: round(result.value, 4) for name, result in judged.items()}

    return check


def moduli(seed: int) -> dict[str, float]:
    """Every schedule and rule on x y at its equilibrium, against the closed forms; nothing random is in it."""
    rows = bilinear.play(bilinear.Config(rounds=1)).numbers
    errors = [abs(row["modulus"] - row["in closed form"]) for row in rows if row["in closed form"] != ""]
    return {"ways with a closed form": len(errors), "greatest error of a modulus": max(errors)}


class Copies(nn.Module):
    """As many numbers as there are games played beside each other.

    Arguments:
        count: How many.
    """

    def __init__(self, count: int):
        super().__init__()
        self.value = nn.Parameter(torch.ones(count, dtype=torch.float64))

    def forward(self) -> Tensor:
        """The numbers."""
        return self.value


def saddle(seed: int) -> dict[str, float]:
    r""":math:`\min_\theta \max_w \theta w - w^2 / 20` with noise of size 1 on both gradients, from (1, 1).

    200 games at once, by turns, 2,000 rounds; steps fall as 1 / round from the 100th on. The generator's step is the
    same in both; the discriminator's is the ratio times as large.
    """
    copies, rounds = 200, 2_000

    def lower(net: Networks, batch: Batch) -> Terms:
        return {"value": (net.theta() * net.w().detach() + batch["noise"] * net.theta()).sum()}

    def raise_(net: Networks, batch: Batch) -> Terms:
        w = net.w()
        return {"value": (w.square() / 20 - net.theta().detach() * w + batch["noise"] * w).sum()}

    distances = {}
    for ratio in (1, 2, 4):
        game = Game(
            {"theta": Copies(copies), "w": Copies(copies)},
            {"w": Player(("w",), _falling(0.02 * ratio)), "theta": Player(("theta",), _falling(0.02))},
            alternating(Turn("w", raise_), Turn("theta", lower)),
        )
        for number in range(rounds):
            draw = torch.Generator().manual_seed(mix(seed, "noise", number))
            noises = [[{"noise": torch.randn(copies, generator=draw, dtype=torch.float64)}] for _ in range(2)]
            game.play(noises, 1)
        theta, w = (game.networks[name].value.detach() for name in ("theta", "w"))
        distances[ratio] = float(torch.hypot(theta, w).mean())
    figures = {f"mean distance from the saddle, ratio {ratio}": round(d, 4) for ratio, d in distances.items()}
    return {**figures, "ratio 4 to ratio 1": round(distances[4] / distances[1], 4)}


def _falling(rate: float) -> Update:
    return sgd(lambda images: rate * 100 / images.clamp(min=100))


ADAM, RMSPROP = adam(1e-3, (0.5, 0.999)), rmsprop(5e-4)
CHECKS: dict[str, Check] = {
    "bilinear-moduli": moduli,
    "ring-alternating": ring(alternating, ADAM),
    "ring-simultaneous": ring(simultaneous, ADAM),
    "ring-extragradient": ring(extragradient, ADAM),
    "ring-optimistic": ring(simultaneous, optimistic(ADAM)),
    "ring-rmsprop": ring(alternating, RMSPROP),
    "ring-consensus": ring(functools.partial(consensus, gamma=0.1), RMSPROP),
    "two-rates-saddle": saddle,
}
ASKED = {
    "bilinear-moduli": (Bound("greatest error of a modulus", most=1e-6),),
    "two-rates-saddle": (Bound("ratio 4 to ratio 1", most=1.0),),
}
