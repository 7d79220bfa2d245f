"""Two players circle: min over x, max over y of x y, by every schedule and against the closed forms.

Each player descends its own loss and neither is wrong, yet moving both at once drives them apart from the equilibrium
at every step size. Looking ahead, remembering the last step or descending the length of both gradients brings them in.

References:
    | A Variational Inequality Perspective on Generative Adversarial Networks (Gidel et al., 2018), section 3
    | https://arxiv.org/abs/1802.10551
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from zerosum.config import Count, NonNegative, Positive
from zerosum.game import Game, alternating, consensus, extragradient, simultaneous
from zerosum.lab import games
from zerosum.lab.cost import Cost, timed
from zerosum.lab.exhibit import Exhibit
from zerosum.lab.orbits import Point, Way, measured, orbit
from zerosum.lab.portrait import portrait
from zerosum.updates import adam, momentum, optimistic, sgd


@dataclass(frozen=True)
class Config:
    """Settings of the scene."""

    learning_rate: Positive = 0.1
    """Step size of both players [per update]."""
    gamma: NonNegative = 1.0
    """Weight of the length of both gradients in consensus."""
    rounds: Count = 150
    """Rounds of each orbit."""


def cost(config: Config) -> Cost:
    """Seconds it takes, about: as many ways as there are, some of them of two updates a round."""
    one = timed(lambda: orbit(games.bilinear(), ("x", "y"), 20)) / 20
    return Cost("rounds", 10 * one)


def play(config: Config) -> Exhibit:
    """Play every way from (1, 1), and take the eigenvalues of a round at the equilibrium."""
    eta, gamma = config.learning_rate, config.gamma
    root = (1 - 4 * eta**2) ** 0.5  # complex where eta > 1/2
    ways = [
        Way("at once", sgd(eta), simultaneous, math.sqrt(1 + eta**2)),
        Way("by turns", sgd(eta), alternating, 1.0 if eta <= 2 else None),
        Way("extragradient", sgd(eta), extragradient, math.sqrt((1 - eta**2) ** 2 + eta**2)),
        Way("optimistic", optimistic(sgd(eta)), simultaneous, max(abs((1 - 2j * eta + s * root) / 2) for s in (1, -1))),
        Way(
            f"consensus, gamma {gamma:g}",
            sgd(eta),
            functools.partial(consensus, gamma=gamma),
            math.sqrt((1 - eta * gamma) ** 2 + eta**2),
        ),
        Way("at once, momentum 0.5", momentum(eta, 0.5), simultaneous),
        Way("by turns, momentum -0.5", momentum(eta, -0.5), alternating),
    ]

    def made(way: Way, at: Point) -> Game:
        return games.bilinear(*at, way.update, way.schedule)

    orbits, rows = measured(ways, made, ("x", "y"), (1.0, 1.0), config.rounds)
    adam_way = Way("at once, Adam", adam(eta, (0.5, 0.999)), simultaneous)
    orbits[adam_way.name] = measured([adam_way], made, ("x", "y"), (1.0, 1.0), config.rounds)[0][adam_way.name]
    found = {row["played"]: row for row in rows}
    shown = Exhibit(
        "Two players circle: min over x, max over y of x y",
        f"Moving both at once multiplies the distance from the equilibrium by {found['at once']['modulus']:.6f} a "
        f"round, moving by turns keeps it, extragradient and optimism shrink it "
        f"({found['extragradient']['modulus']:.6f}, {found['optimistic']['modulus']:.6f}).",
    )
    shown.plot(
        "portrait",
        portrait(orbits, lambda x, y: (-y, x), 2.0, "x, which descends x y", "y, which ascends x y"),
        f"{config.rounds} rounds from (1, 1); arrows show where the players want to go. What leaves the square is cut.",
    )
    shown.table("Eigenvalues of a round at the equilibrium", rows)
    shown.text(
        "A round is a linear map here, so its largest eigenvalue says everything: its modulus is the factor on the "
        "distance. The eigenvalues are measured on the engine that trains networks, by differences; the closed forms "
        "are independent of it. Adam's map is not smooth at the equilibrium, so it has an orbit and no row."
    )
    return shown
