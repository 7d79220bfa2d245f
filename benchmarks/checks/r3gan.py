"""Checks of ``r3gan``."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.checks.checking import Bound, train
from zerosum.data import open_data
from zerosum.game import Batch, Game, Networks, Player, Terms, Turn, alternating
from zerosum.losses import AdversarialLoss, nonsaturating, r1, r2, relativistic_pairing
from zerosum.metrics import high_quality, modes
from zerosum.networks import mlp_pair
from zerosum.sources import Normal
from zerosum.training import BatchBuilder, Experiment, play_round
from zerosum.updates import adam

ROUNDS, BATCH = 20_000, 128
ARMS = {"pairs": relativistic_pairing, "no pairs": nonsaturating}
"""Losses, both with R1 and R2 of weight 1."""


def grid(seed: int) -> dict[str, float]:
    """The paper's ablation in small: the 25 modes of a grid by MLPs, and how far logits are from their mean."""
    figures: dict[str, float] = {}
    for arm, loss in ARMS.items():
        experiment = played(loss, seed)
        x = open_data("grid", "test", seed=seed).batch(0, 2_500)["x"]
        logits = experiment.call("score", {"x": torch.cat([x, experiment.sample(2_500, seed)])})
        for judge in (modes(), high_quality()):
            found = judge.of(experiment.sample(judge.n), lambda split: open_data("grid", split)).value
            figures[f"{arm}: {judge.name}"] = round(found, 4)
        figures[f"{arm}: largest logit"] = round(float((logits - logits.mean()).abs().max()), 3)
    return figures


def played(loss: AdversarialLoss, seed: int) -> Experiment:
    """A generator and a critic of the grid's points after the rounds, Adam with steps of 1e-3.

    Arguments:
        loss: Of the pair.
        seed: Of networks, data and latents.
    """

    def discriminator(net: Networks, batch: Batch) -> Terms:
        with torch.no_grad():
            fake = net.generator(batch["z"])
        return {
            **loss.discriminator(net.discriminator(batch["x"]), net.discriminator(fake)),
            "r1": r1(net.discriminator, batch["x"]),
            "r2": r2(net.discriminator, fake),
        }

    def generator(net: Networks, batch: Batch) -> Terms:
        fake = net.discriminator(net.generator(batch["z"]))
        return {"adversarial": loss.generator(fake, net.discriminator(batch["x"]))}

    torch.manual_seed(seed)
    data, rule = open_data("grid", seed=seed), adam(1e-3, (0.0, 0.99))
    game = Game(
        mlp_pair((2,), 16, (128,) * 3, lambda: nn.LeakyReLU(0.2), final_bias=not loss.relativistic),
        {name: Player((name,), rule) for name in ("discriminator", "generator")},
        alternating(Turn("discriminator", discriminator), Turn("generator", generator, offset=1)),
        averages={"generator": 50_000},
    )
    experiment = Experiment(
        game,
        priors={"z": Normal(16)},
        outputs={
            "sample": lambda net, batch: net.generator(batch["z"]),
            "score": lambda net, batch: net.discriminator(batch["x"]).squeeze(1),
        },
    )
    builder, images = BatchBuilder(data, experiment.priors, game.schedule, BATCH, seed, game.device), 0
    for _ in range(ROUNDS):
        images = play_round(game, builder, images)
    return experiment


CHECKS = {
    "r3gan-grid": grid,
    "r3gan-digits": train("r3gan", "digits", 400),
    "r3gan-digits-bfloat16": train("r3gan", "digits", 400, precision="bfloat16"),
    "r3gan-fashion-mnist": train("r3gan", "fashion-mnist", 400),
}
ASKED = {
    "r3gan-grid": (
        Bound("pairs: modes", least=25),
        Bound("pairs: high_quality"),
        Bound("pairs: largest logit", most=1.0),
        Bound("no pairs: modes"),
        Bound("no pairs: high_quality"),
        Bound("no pairs: largest logit"),
    ),
    "r3gan-digits": (Bound("neighbour_classes", least=9), Bound("neighbour_distance", most=1.5)),
    "r3gan-digits-bfloat16": (Bound("neighbour_classes", least=9), Bound("neighbour_distance", most=1.5)),
    "r3gan-fashion-mnist": (Bound("neighbour_classes", least=8), Bound("neighbour_distance", most=1.5)),
}
