"""Small games that tests play."""

from __future__ import annotations

import torch
from torch import nn

from zerosum.data import Arrays, DataSpec
from zerosum.game import Game, Player, Turn, alternating
from zerosum.lab.games import Number
from zerosum.losses import nonsaturating
from zerosum.networks import mlp
from zerosum.sources import Normal
from zerosum.training import BatchBuilder, Experiment, play_round
from zerosum.updates import adam, sgd


def bilinear(x=1.0, y=1.0, rate=0.1, schedule=alternating, repeat_y=1):
    """min_x max_y x y, the game every schedule can be computed on by hand."""
    return Game(
        {"x": Number(x), "y": Number(y)},
        {"x": Player(("x",), sgd(rate)), "y": Player(("y",), sgd(rate))},
        schedule(
            Turn("y", lambda net, batch: {"value": -net.x().detach() * net.y()}, repeat=repeat_y),
            Turn("x", lambda net, batch: {"value": net.x() * net.y().detach()}),
        ),
    )


def one_player(objective, network, **player):
    """A game of one network that descends one objective."""
    return Game({"net": network}, {"one": Player(("net",), sgd(0.1), **player)}, alternating(Turn("one", objective)))


def values(game):
    """The numbers of a game of scalars."""
    return tuple(float(network.value.detach()) for network in game.networks.values())


def discriminator(net, batch):
    with torch.no_grad():
        fake = net.generator(batch["z"])
    return nonsaturating.discriminator(net.discriminator(batch["x"]), net.discriminator(fake))


def generator(net, batch):
    return {"adversarial": nonsaturating.generator(net.discriminator(net.generator(batch["z"])))}


def points(n=200, seed=0):
    """Arrays points in the plane."""
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return Arrays(DataSpec.of("points", "points", (2,), count=n), {"x": x}, seed=seed)


def noisy_experiment(seed=0, batch_size=16, made=None):
    """A GAN with everything that makes exact resume hard: dropout, batch normalisation, averages, a lazy turn.

    It takes the generator of a stage before where one is given.
    """
    torch.manual_seed(seed)

    def network(inward, outward):
        return nn.Sequential(
            nn.Linear(inward, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, outward)
        )

    def r1(net, batch):
        x = batch["x"].detach().requires_grad_()
        (slope,) = torch.autograd.grad(net.discriminator(x).sum(), x, create_graph=True)
        return {"r1": slope.square().sum(1).mean() / 2}

    game = Game(
        {"generator": network(4, 2) if made is None else made, "discriminator": network(2, 1)},
        {
            "discriminator": Player(("discriminator",), adam(1e-3, (0.5, 0.9))),
            "generator": Player(("generator",), adam(1e-3, (0.5, 0.9))),
        },
        alternating(
            Turn("discriminator", discriminator, repeat=2),
            Turn("discriminator", r1, every=4, gain=4.0),
            Turn("generator", generator, offset=2),
        ),
        averages={"generator": 500},
    )
    experiment = Experiment(game, {"z": Normal(4)}, {"sample": lambda net, batch: net.generator(batch["z"])}, rounds=20)
    return experiment, BatchBuilder(points(), experiment.priors, game.schedule, batch_size, seed, game.device)


def plain_gan(seed=0, update=None, schedule=None, **networks):
    """Two small MLPs on points, non-saturating, alternating."""
    torch.manual_seed(seed)
    update = update or adam(1e-3)
    game = Game(
        {"generator": mlp((4, 16, 2)), "discriminator": mlp((2, 16, 1)), **networks},
        {"discriminator": Player(("discriminator",), update), "generator": Player(("generator",), update)},
        schedule or alternating(Turn("discriminator", discriminator), Turn("generator", generator)),
    )
    return game, BatchBuilder(points(), {"z": Normal(4)}, game.schedule, 16, seed, game.device)


def play(game, builder, rounds, examples=0):
    """Play rounds; returns the examples seen."""
    for _ in range(rounds):
        examples = play_round(game, builder, examples)
    return examples


def copies(network):
    """The parameters of a network, as they are now."""
    return [p.detach().clone() for p in network.parameters()]


def same(a, b):
    """Whether two lists of tensors are equal bit for bit."""
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
