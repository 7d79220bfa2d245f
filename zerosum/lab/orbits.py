"""Ways of a game of two numbers: what the scenes of the smallest games share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from zerosum.game import Game
from zerosum.lab.games import Arrange
from zerosum.lab.spectrum import spectrum, without_data
from zerosum.losses import AdversarialLoss, minimax
from zerosum.updates import Update

Point = tuple[float, float]


@dataclass(frozen=True)
class Way:
    """Settings of a game.

    Arguments:
        name: What it is called.
        update: How both move.
        schedule: Arranges their turns.
        modulus: Of the largest eigenvalue of a round at the equilibrium, in closed form; None where there is none.
        gamma: Weight of R1, where the game has it.
        loss: What both are scored by, where the game has a choice.
    """

    name: str
    update: Update
    schedule: Arrange
    modulus: float | None = None
    gamma: float = 0.0
    loss: AdversarialLoss = minimax


def orbit(game: Game, names: tuple[str, str], rounds: int) -> list[Point]:
    """The two numbers before the first round and after each, as far as they are finite.

    Arguments:
        game: Of two numbers; it is played.
        names: Of its networks, the horizontal one first.
        rounds: How many.
    """

    def point() -> Point:
        first, second = (float(game.networks[name].value.detach()) for name in names)
        return first, second

    points = [point()]
    for _ in range(rounds):
        game.play(without_data(game), 0)
        points.append(point())
        if not math.isfinite(points[-1][0] + points[-1][1]):
            break
    return points


def measured(
    ways: list[Way], made: Callable[[Way, Point], Game], names: tuple[str, str], start: Point, rounds: int
) -> tuple[dict[str, list[Point]], list[dict[str, object]]]:
    """The orbit of every way from a start, and a row of figures for each.

    Arguments:
        ways: How the game is played.
        made: Makes a game of a way, at a point.
        names: Of the networks, the horizontal one first.
        start: Where it begins.
        rounds: How many.
    """
    orbits, rows = {}, []
    for way in ways:
        orbits[way.name] = orbit(made(way, start), names, rounds)
        rest = made(way, (0.0, 0.0))
        orbit(rest, names, 1)  # at the equilibrium it stays, and every rule has begun
        largest = spectrum(rest)[0]
        modulus = float(largest.abs())
        end = math.hypot(*orbits[way.name][-1]) / math.hypot(*start)
        rows.append(
            {
                "played": way.name,
                "largest eigenvalue": complex(largest),
                "modulus": modulus,
                "in closed form": "" if way.modulus is None else way.modulus,
                f"distance after {rounds} rounds": end,
                "near it the game": "circles"
                if abs(modulus - 1) < 1e-7
                else "converges"
                if modulus < 1
                else "diverges",
            }
        )
    return orbits, rows
