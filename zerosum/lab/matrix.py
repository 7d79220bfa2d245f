"""Games of two players with finitely many moves: the row player is paid what the column player pays."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

ROCK_PAPER_SCISSORS = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]], dtype=torch.float64)
"""The payoff of the row player for its move (rows) against the other's (columns)."""


def fictitious_play(payoff: Tensor, rounds: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Both answer what the other has played so far, as if that were its strategy.

    The share of each move converges to a strategy of the equilibrium; the moves themselves go on in circles.

    Arguments:
        payoff: (m, n).
        rounds: How many.

    Yields:
        How often either has played each of its moves, (m,) and (n,), after each round.

    References:
        Iterative solution of games by fictitious play (Brown, 1951)
    """
    rows, columns = torch.zeros(len(payoff), dtype=payoff.dtype), torch.zeros(payoff.shape[1], dtype=payoff.dtype)
    move, answer = 0, 0
    for _ in range(rounds):
        rows[move] += 1
        columns[answer] += 1
        move, answer = int((payoff @ columns).argmax()), int((rows @ payoff).argmin())
        yield rows.clone(), columns.clone()


def exploitability(payoff: Tensor, rows: Tensor, columns: Tensor) -> float:
    """The joint gain of both by a best response each; 0 at an equilibrium and only there.

    Arguments:
        payoff: (m, n).
        rows: How often the row player plays each move, (m,), at least 0.
        columns: The same of the column player, (n,).
    """
    p, q = rows / rows.sum(), columns / columns.sum()
    return float((payoff @ q).max() - (p @ payoff).min())
