r"""The smallest GAN: data at 0, a generator at theta, a discriminator with the one weight psi.

By gradient descent on the minimax losses it circles the equilibrium and leaves it at every step size; the
non-saturating generator comes nearer, ever more slowly, and then circles too. A penalty on the discriminator's gradient
at the data (R1) makes it converge at a constant rate.

References:
    | Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018), sections 2 and 3
    | https://arxiv.org/abs/1801.04406
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

from zerosum.config import Count, Positive
from zerosum.game import Game, alternating, extragradient, simultaneous
from zerosum.lab import games
from zerosum.lab.cost import Cost, timed
from zerosum.lab.exhibit import Exhibit
from zerosum.lab.orbits import Point, Way, measured, orbit
from zerosum.lab.portrait import portrait
from zerosum.losses import nonsaturating
from zerosum.updates import optimistic, sgd


@dataclass(frozen=True)
class Config:
    """Settings of the scene."""

    learning_rate: Positive = 0.1
    """Step size of both players [per update]."""
    rounds: Count = 400
    """Rounds of each orbit."""


def cost(config: Config) -> Cost:
    """Seconds it takes, about: as many ways as there are, some of them of two updates a round."""
    one = timed(lambda: orbit(games.dirac(), ("generator", "discriminator"), 20)) / 20
    return Cost("rounds", 11 * one)


def play(config: Config) -> Exhibit:
    """Play every way from (1, 1), and take the eigenvalues of a round at the equilibrium."""
    eta = config.learning_rate
    ways = [
        Way("minimax, at once", sgd(eta), simultaneous, _modulus(eta, 0)),
        Way("minimax, by turns", sgd(eta), alternating, 1.0 if eta <= 4 else None),
        Way("non-saturating, at once", sgd(eta), simultaneous, _modulus(eta, 0), loss=nonsaturating),
        Way("minimax, extragradient", sgd(eta), extragradient, abs(1 + 0.5j * eta - 0.25 * eta**2)),
        Way("minimax, optimistic", optimistic(sgd(eta)), simultaneous),
        *(
            Way(f"non-saturating, R1 {g:g}", sgd(eta), simultaneous, _modulus(eta, g), g, nonsaturating)
            for g in (0.5, 1.0, 2.0)
        ),
    ]

    def made(way: Way, at: Point) -> Game:
        return games.dirac(*at, way.loss, way.gamma, way.update, way.schedule)

    orbits, rows = measured(ways, made, ("generator", "discriminator"), (1.0, 1.0), config.rounds)
    found = {row["played"]: row for row in rows}
    key = f"distance after {config.rounds} rounds"
    shown = Exhibit(
        "The smallest GAN",
        f"After {config.rounds} rounds minimax training is {found['minimax, at once'][key]:.3g} times as far from the "
        f"equilibrium as it began, non-saturating training {found['non-saturating, at once'][key]:.2g} times, "
        f"and with R1 (weight 1) {found['non-saturating, R1 1'][key]:.2g} times.",
    )
    shown.plot(
        "portrait",
        portrait(orbits, _field, 2.0, "theta, where the generator is", "psi, the discriminator's weight"),
        f"{config.rounds} rounds from (1, 1); arrows show where minimax players want to go.",
    )
    shown.table("Eigenvalues of a round at the equilibrium", rows)
    shown.table(
        "Eigenvalues of the gradient field",
        [
            {"weight of R1": gamma, "one": one, "other": other}
            for gamma in (0.0, 0.5, 1.0, 2.0)
            for one, other in [_eigenvalues(gamma)]
        ],
    )
    shown.text(
        "The field's eigenvalues are -g/2 +- sqrt(g^2/4 - 1/4) for a weight g of R1: on the imaginary axis without it, "
        "real and equal at g = 1, where damping is critical. A step of size eta has the eigenvalue 1 + eta times the "
        "field's; moduli above are measured on the engine and compared with that."
    )
    return shown


def _eigenvalues(gamma: float) -> tuple[complex, complex]:
    root = cmath.sqrt(gamma**2 / 4 - 1 / 4)
    return -gamma / 2 + root, -gamma / 2 - root


def _modulus(eta: float, gamma: float) -> float:
    return max(abs(1 + eta * value) for value in _eigenvalues(gamma))


def _field(theta: float, psi: float) -> tuple[float, float]:
    """Minus the gradients of the minimax generator and of the discriminator."""
    sure = 1 / (1 + math.exp(-theta * psi))
    return psi * sure, -theta * sure
