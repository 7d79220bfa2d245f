r"""The order of moves: min over G of max over D is a GAN, max over D of min over G collapse (the Helvetica scenario).

A generator that answers a discriminator which holds still puts everything on the one point that looks most real. Then
the discriminator learns that point, and the generator goes to another.

References:
    | NIPS 2016 Tutorial: Generative Adversarial Networks (Goodfellow, 2016), section 5.1.1
    | https://arxiv.org/abs/1701.00160
    | On the characterization of local Nash equilibria in continuous games (Ratliff et al., 2016), on its conditions
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zerosum.config import Count, NonNegativeCount, Positive
from zerosum.data import Toy, open_data
from zerosum.game import Game, Player, Turn, alternating
from zerosum.lab.cost import Cost, timed
from zerosum.lab.exhibit import Exhibit
from zerosum.lab.matrix import ROCK_PAPER_SCISSORS, exploitability, fictitious_play
from zerosum.lab.objectives import discriminator_loss, generator_loss
from zerosum.lab.scatter import scatter
from zerosum.losses import minimax, nonsaturating
from zerosum.networks import mlp, mlp_pair
from zerosum.runtime import reseed
from zerosum.sources import Normal
from zerosum.training import BatchBuilder, play_round
from zerosum.updates import adam

DATA, LATENT, SHARE, NEAR = "ring[std=0.05]", 16, 0.02, 0.5
"""Of the samples, that a mode must have within this distance to be covered."""


@dataclass(frozen=True)
class Config:
    """A ring of eight Gaussians, played in either order with the same networks, losses and step sizes."""

    updates: Count = 20_000
    """Updates of the generator in either order."""
    inner: Count = 50
    """Updates of the generator for each of the discriminator, in the wrong order."""
    frames: Count = 50
    """Pictures of the film."""
    learning_rate: Positive = 1e-3
    """Step size of Adam, both players [per update]."""
    batch_size: Count = 256
    """Real examples, and generated ones, in each update [examples]."""
    hidden: Count = 64
    """Width of the two hidden layers of either network [units]."""
    seed: NonNegativeCount = 0
    """Of the networks and of everything drawn."""


def cost(config: Config) -> Cost:
    """Seconds it takes, about."""
    right, wrong = Ring(config, 1), Ring(config, config.inner)
    each = timed(lambda: right.play(20)) / 20 + timed(lambda: wrong.play(2)) / 2 / config.inner
    return Cost("updates", each, fixed=2)


def play(config: Config) -> Exhibit:
    """Play both orders, and the smallest game in which they differ."""
    orders = {
        "one update each": Ring(config, 1),
        f"{config.inner} of the generator for each of the discriminator": Ring(config, config.inner),
    }
    frames = min(config.frames, max(1, config.updates // config.inner))
    seen: dict[str, list[Tensor]] = {name: [] for name in orders}
    marks = []
    for frame in range(frames + 1):
        rounds = round(frame / frames * (config.updates // config.inner))  # of the wrong order
        marks.append(rounds * config.inner)
        for name, ring in orders.items():
            ring.play(rounds * (config.inner // ring.inner) - ring.game.round)
            seen[name].append(ring.samples())
    real = next(iter(orders.values())).real
    film = []
    for place, mark in enumerate(marks):
        panels = {name: (seen[name][place], f"{ring.covered(seen[name][place])} of 8") for name, ring in orders.items()}
        film.append((f"after {mark:,} updates of the generator", scatter(panels, real, 2.6)))
    counts = {name: [ring.covered(x) for x in seen[name][len(marks) // 2 :]] for name, ring in orders.items()}
    right, wrong = counts.values()
    shown = Exhibit(
        "Who moves last",
        f"In the second half of training the generator covers {_between(right)} of 8 modes at a time where both move "
        f"in turn, and {_between(wrong)} where it moves {config.inner} times for each move of the discriminator.",
    )
    shown.heading("A ring of eight Gaussians in either order")
    shown.film("order", film, "Grey: real examples. Red: generated ones, of the same latents in all pictures.")
    shown.text(
        f"A mode is covered where at least {SHARE:.0%} of 2,500 samples lie within {NEAR} of it. Networks, losses and "
        "step sizes are the same in both; only the order differs."
    )
    shown.table("Modes at a time, in the second half", [_row(name, values) for name, values in counts.items()])
    shown.heading("The smallest game in which the order matters")
    shown.text(
        "Rock, paper, scissors: who has to show a move first loses, so min max is 1 and max min is -1 for single "
        "moves. For mixed strategies both are 0, at one third each. Answering what the other has played so far leads "
        "there on average, while the moves themselves circle for ever: the theorem is about averages, not about last "
        "iterates."
    )
    shown.table("Rock, paper, scissors", matrix_rows())
    shown.heading("At the equilibrium nothing holds the generator")
    shown.text(
        "Where D is constant, so is the generator's loss: its gradient and its second derivatives in the generator's "
        "weights are 0. The usual second-order condition of an equilibrium therefore cannot hold at the one point that "
        "a GAN aims for."
    )
    shown.table("Second derivatives of the loss of a generator of 28 weights", hessian_rows(config.seed))
    return shown


class Ring:
    """The ring, played with a number of generator updates for each of the discriminator.

    Arguments:
        config: How.
        inner: The number.
    """

    def __init__(self, config: Config, inner: int):
        self.inner = inner
        source = open_data(DATA, seed=config.seed)
        assert isinstance(source, Toy)
        reseed(torch.device("cpu"), config.seed, "networks")
        update = adam(config.learning_rate, (0.5, 0.999))
        self.game = Game(
            mlp_pair((2,), LATENT, (config.hidden,) * 2, functools.partial(nn.LeakyReLU, 0.2)),
            {
                "discriminator": Player(("discriminator",), update),
                "generator": Player(("generator",), update),
            },
            alternating(
                Turn("discriminator", discriminator_loss(nonsaturating)),
                Turn("generator", generator_loss(nonsaturating), repeat=inner),
            ),
        )
        priors = {"z": Normal(LATENT)}
        self._builder = BatchBuilder(
            source, priors, self.game.schedule, config.batch_size, config.seed, self.game.device
        )
        self._examples = 0
        self._modes = source.mixture.means
        self._latents = priors["z"](2500, torch.Generator().manual_seed(config.seed))
        self.real = source.batch(0, 500)["x"]

    def play(self, rounds: int) -> None:
        """Some rounds."""
        for _ in range(rounds):
            self._examples = play_round(self.game, self._builder, self._examples)

    @torch.no_grad()
    def samples(self) -> Tensor:
        """Generated examples of the same latents every time, (2500, 2)."""
        x: Tensor = self.game.networks["generator"](self._latents)
        return x

    def covered(self, samples: Tensor) -> int:
        """Modes that have a share of the samples near them."""
        distance, mode = torch.cdist(samples.double(), self._modes).min(1)
        counts = torch.bincount(mode[distance < NEAR], minlength=len(self._modes))
        return int((counts >= SHARE * len(samples)).sum())


def matrix_rows(rounds: int = 10_000) -> list[dict[str, object]]:
    """Rock, paper, scissors by fictitious play: what both could gain by a best answer, and the shares of the moves."""
    rows: list[dict[str, object]] = []
    before = torch.zeros(3), torch.zeros(3)
    for played, counts in enumerate(fictitious_play(ROCK_PAPER_SCISSORS, rounds), 1):
        if played in (10, 100, 1000, rounds):
            last = [now - then for now, then in zip(counts, before, strict=True)]
            rows.append(
                {
                    "rounds": played,
                    "to be gained against the averages": exploitability(ROCK_PAPER_SCISSORS, *counts),
                    "against the last moves": exploitability(ROCK_PAPER_SCISSORS, last[0], last[1]),
                    "largest distance of a share from 1/3": float((counts[0] / played - 1 / 3).abs().max()),
                }
            )
        before = counts
    return rows


def hessian_rows(seed: int) -> list[dict[str, object]]:
    """The largest second derivative of the minimax generator's loss, at a constant D and at one that is not."""
    reseed(torch.device("cpu"), seed, "hessian")
    generator, critic = mlp((2, 4, 2, 2), nn.Tanh).double(), mlp((2, 8, 1), nn.Tanh).double()
    z = torch.randn(64, 2, dtype=torch.float64)
    named = {name: parameter.detach() for name, parameter in generator.named_parameters()}
    shapes = [p.shape for p in named.values()]
    flat = torch.cat([p.flatten() for p in named.values()])

    def loss(weights: Tensor, constant: bool) -> Tensor:
        parts = torch.split(weights, [shape.numel() for shape in shapes])
        given = {name: part.view(shape) for name, part, shape in zip(named, parts, shapes, strict=True)}
        x = torch.func.functional_call(generator, given, (z,))
        return minimax.generator(0 * critic(x) if constant else critic(x))

    rows: list[dict[str, object]] = []
    for name, constant in (("constant", True), ("a network at its start", False)):
        of = functools.partial(loss, constant=constant)
        hessian: Tensor = torch.autograd.functional.hessian(of, flat)  # type: ignore[no-untyped-call]
        rows.append({"D is": name, "largest second derivative": float(hessian.detach().abs().max())})
    return rows


def _row(name: str, values: list[int]) -> dict[str, object]:
    return {"played": name, "fewest": min(values), "most": max(values), "mean": sum(values) / len(values)}


def _between(values: list[int]) -> str:
    return f"{min(values)}" if min(values) == max(values) else f"{min(values)} to {max(values)}"
