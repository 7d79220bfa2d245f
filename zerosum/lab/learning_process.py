r"""A GAN on the line learns: both distributions, the discriminator and the map from z to x, as a film.

The discriminator learns P / (P + Q), the share of real examples at x, and its gradient tells the generator which way
its examples have to go; where the distributions are equal it is 1/2 everywhere.

References:
    | Generative Adversarial Networks (Goodfellow et al., 2014), figure 1, https://arxiv.org/abs/1406.2661
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from zerosum.config import Count, NonNegativeCount, Positive
from zerosum.data import Toy, open_data
from zerosum.errors import ConfigError
from zerosum.game import Game, Player, Turn, alternating, exponential
from zerosum.lab.cost import Cost, timed
from zerosum.lab.exhibit import Exhibit
from zerosum.lab.objectives import discriminator_loss, generator_loss
from zerosum.lab.stage import stage
from zerosum.losses import ADVERSARIAL
from zerosum.networks import mlp
from zerosum.runtime import reseed
from zerosum.sources import Normal
from zerosum.training import BatchBuilder, play_round
from zerosum.updates import Update, adam

BINS = 50
LATENTS = 100_000
"""In the generator's histogram: one from the middle of each of as many equal parts of the prior."""


@dataclass(frozen=True)
class Config:
    """A small GAN on the line; step sizes fall to a fiftieth, so that the players come to rest."""

    data: str = "gaussian"
    """A toy on the line by name, such as gaussian[mean=1] or mixture."""
    loss: Literal["nonsaturating", "minimax"] = "nonsaturating"
    """The losses of the players."""
    k: Count = 1
    """Updates of the discriminator in each round [updates]."""
    rounds: Count = 3000
    """Rounds of training."""
    frames: Count = 60
    """Pictures of the film, closer together in the beginning; of few rounds one each."""
    best: Count = 1000
    """Updates that bring the discriminator to its best in the slow motion [updates]."""
    discriminator_rate: Positive = 5e-3
    """Step size of the discriminator's Adam at the beginning [per update]."""
    generator_rate: Positive = 1e-3
    """Step size of the generator's Adam at the beginning [per update]."""
    batch_size: Count = 512
    """Real examples, and generated ones, in each update [examples]."""
    hidden: Count = 32
    """Width of the two hidden layers of either network [units]."""
    seed: NonNegativeCount = 0
    """Of the networks and of everything drawn."""


def cost(config: Config) -> Cost:
    """Seconds it takes, about."""
    process = Process(config)
    process.play()
    each, picture, update = timed(process.play, 9), timed(lambda: process.picture("")), timed(process.improve)
    return Cost("rounds", each, 1 + picture * (config.frames + 6) + update * (config.best + 25))


def play(config: Config) -> Exhibit:
    """Train, with a picture now and then; and one round in slow motion, early in training."""
    process = Process(config)
    rounds = _spaced(config.rounds, config.frames)
    film = []
    slow: list[tuple[str, str]] = []
    tracked = math.nan
    for round in range(config.rounds + 1):
        if round in rounds:
            film.append((f"round {round:,}", process.picture(f"round {round:,}")))
        if round == config.rounds // 20:
            slow, tracked = _slow_motion(process, config.best)
        if round < config.rounds:
            process.play()
    gap, odds = process.gap(), process.indifference()
    shown = Exhibit(
        "A GAN on the line learns",
        f"After {config.rounds:,} rounds the generator's density is {gap:.3f} away from the data's (0 if they were "
        f"equal, 2 if they were apart), and the discriminator is within {odds:.3f} of 1/2 where the data lie.",
    )
    shown.heading("The film")
    shown.film(
        "learning",
        film,
        "Dashed: the data's density. Filled: the generator's. Blue: D(x), the discriminator's probability that x is "
        "real. Below, latents z and the examples x they become.",
    )
    shown.heading("One round in slow motion")
    shown.text(
        f"From round {config.rounds // 20:,}. First the discriminator alone is trained to its best against a generator "
        "that holds still: it tracks P / (P + Q), dotted. Then the generator alone moves, along the gradient of D."
    )
    for number, (name, svg) in enumerate(slow, 1):
        shown.plot(f"slow-{number}", svg, name)
    shown.table(
        "How near",
        [
            {"of": "the generator's density to the data's, at the end", "figure": gap, "asked, at most": 0.15},
            {"of": "D to 1/2 on the central 95 % of the data, at the end", "figure": odds, "asked, at most": 0.1},
            {"of": "D to P / (P + Q) at its best, root mean square", "figure": tracked, "asked, at most": 0.05},
        ],
    )
    shown.text(
        f"The first is the integral of the absolute difference, over {BINS} bins and what lies outside of them. The "
        "last is over places where at least a hundredth of the greatest density lies: elsewhere the discriminator sees "
        "nothing."
    )
    return shown


class Process:
    """The game, and what can be seen of it.

    Arguments:
        config: How it is played.

    Raises:
        ConfigError: The data are no toy on the line.
    """

    def __init__(self, config: Config):
        source = open_data(config.data, seed=config.seed)
        if not isinstance(source, Toy) or source.spec.shape != (1,):
            raise ConfigError(
                f"this scene shows densities on a line, and {config.data} has none; take gaussian or mixture."
            )
        reseed(torch.device("cpu"), config.seed, "networks")
        widths = (1, config.hidden, config.hidden, 1)
        loss, prior = ADVERSARIAL[config.loss], Normal(1)
        horizon = config.rounds * config.k * config.batch_size

        def rule(rate: float) -> Update:
            return adam(exponential(rate, 0.02, horizon), (0.5, 0.999))

        self.mixture = source.mixture
        self.game = Game(
            {"generator": mlp(widths, nn.Tanh), "discriminator": mlp(widths, nn.Tanh)},
            {
                "discriminator": Player(("discriminator",), rule(config.discriminator_rate)),
                "generator": Player(("generator",), rule(config.generator_rate)),
            },
            alternating(
                Turn("discriminator", discriminator_loss(loss), repeat=config.k),
                Turn("generator", generator_loss(loss)),
            ),
        )
        self._builder = BatchBuilder(
            source, {"z": prior}, self.game.schedule, config.batch_size, config.seed, self.game.device
        )
        self._examples = 0
        margin = 5 * self.mixture.std
        low, high = float(self.mixture.means.min()) - margin, float(self.mixture.means.max()) + margin
        self.span = min(low, -1.0), max(high, 1.0)  # generators begin near 0
        edges = torch.linspace(*self.span, BINS + 1)
        self.middles = (edges[1:] + edges[:-1]) / 2
        self.latents = _quantiles(LATENTS)

    def play(self) -> None:
        """A round."""
        self._examples = play_round(self.game, self._builder, self._examples)

    def improve(self, player: int = 0, step: int = 0) -> None:
        """An update of one player alone, 0 the discriminator and 1 the generator, on examples of its own."""
        ahead = self.game.round + step
        self.game.move(player, self._builder.batches(ahead, self._builder.examples(0) * ahead)[player][0])

    @torch.no_grad()
    def generated(self, bins: int = BINS) -> Tensor:
        """The generator's density in each bin of the span, (bins,)."""
        low, high = self.span
        x = self.game.networks["generator"](self.latents)
        return torch.histc(x, bins, low, high) / len(x) / ((high - low) / bins)

    def real(self, x: Tensor) -> Tensor:
        """The data's density, (N,) to (N,)."""
        return self.mixture.log_density(x.unsqueeze(1)).exp().float()

    @torch.no_grad()
    def chance(self, x: Tensor) -> Tensor:
        """D(x), (N,) to (N,)."""
        chance: Tensor = self.game.networks["discriminator"](x.unsqueeze(1)).sigmoid().squeeze(1)
        return chance

    def gap(self) -> float:
        """The integral of the absolute difference of the densities."""
        width = (self.span[1] - self.span[0]) / BINS
        generated, real = self.generated(), self.real(self.middles)
        outside = 1 - float(generated.sum()) * width
        return float((generated - real).abs().sum()) * width + outside

    def indifference(self) -> float:
        """The greatest distance of D from 1/2 on the central 95 % of the data."""
        x = torch.linspace(*self.span, 2001)
        below = self.real(x).cumsum(0)
        central = x[(below > 0.025 * below[-1]) & (below < 0.975 * below[-1])]
        return float((self.chance(central) - 0.5).abs().max())

    def tracking(self) -> float:
        """Root mean square of D - P / (P + Q), where either density is at least a hundredth of the greatest."""
        real, generated = self.real(self.middles), self.generated()
        seen = real + generated > 0.01 * float((real + generated).max())
        error = self.chance(self.middles) - real / (real + generated)
        return float(error[seen].square().mean().sqrt())

    def picture(self, label: str, best: bool = False) -> str:
        """The present state as an ``svg`` element.

        Arguments:
            label: Written in it.
            best: Draw P / (P + Q) too.
        """
        x = torch.linspace(*self.span, 161)
        real, chance, generated = self.real(x), self.chance(x), self.generated(160)
        middles = (x[1:] + x[:-1]) / 2
        share = self.real(middles) / (self.real(middles) + generated)
        few = _quantiles(21)
        with torch.no_grad():
            to = self.game.networks["generator"](few)
        return stage(
            self.span,
            real=_points(x, real),
            generated=_points(middles, generated),
            chance=_points(x, chance),
            best=_points(middles, share) if best else [],
            arrows=_points(few.squeeze(1), to.squeeze(1)),
            label=label,
        )


def _slow_motion(process: Process, best: int) -> tuple[list[tuple[str, str]], float]:
    """Pictures of one round taken apart, and how near D comes to its best; the game is left as it was."""
    kept = {name: tensor.clone() for name, tensor in process.game.state().items()}
    shown = [("Before: the discriminator is not yet sure.", process.picture("before", best=True))]
    for step in range(best):
        process.improve(0, step)
    tracked = process.tracking()
    name = f"The discriminator after {best:,} updates against a generator that holds still."
    shown.append((name, process.picture("D at its best", best=True)))
    for step in range(25):
        process.improve(1, step)
    shown.append(("The generator after 25 updates against that discriminator.", process.picture("G has moved", True)))
    process.game.load_state(kept)
    return shown, tracked


def _spaced(rounds: int, frames: int) -> set[int]:
    """Rounds with a picture, the first and the last among them, closer together in the beginning."""
    frames = min(frames, rounds + 1)
    chosen: list[int] = []
    for i in range(frames):
        wanted = round((i / max(1, frames - 1)) ** 2 * rounds)
        chosen.append(max(wanted, chosen[-1] + 1) if chosen else wanted)
    return set(chosen)


def _quantiles(count: int) -> Tensor:
    """The middles of equal parts of the standard normal distribution, (count, 1)."""
    levels = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    normal: Tensor = torch.special.ndtri(levels)
    return normal.float().unsqueeze(1)


def _points(x: Tensor, y: Tensor) -> list[tuple[float, float]]:
    return list(zip(x.tolist(), y.tolist(), strict=True))
