"""What round 0 finds out about a recipe, once, so that every later round need not look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from zerosum.game.networks import Terms

if TYPE_CHECKING:
    from zerosum.game.game import Player
    from zerosum.game.schedules import Turn


class RecipeCheck:
    """Watches the gradients of one round.

    Arguments:
        turns: Of the schedule.
        players: By name.
        parameters: Of each player, by their full names.
    """

    def __init__(
        self, turns: Sequence[Turn], players: Mapping[str, Player], parameters: Mapping[str, Mapping[str, Tensor]]
    ):
        self._turns, self._players, self._parameters = turns, players, parameters
        self._reached: dict[int, set[str]] = {}

    def terms(self, turn: Turn, terms: Terms) -> None:
        """Look at the terms of a turn.

        Raises:
            ValueError: One carries no gradient.
        """
        for name, term in terms.items():
            if not term.requires_grad:
                raise ValueError(
                    f"term {name!r} of {turn.player!r} is detached: nothing it was computed from carries a gradient; "
                    "drop it, or compute it outside torch.no_grad()."
                )

    def gradients(self, turn: Turn, gradients: Sequence[Tensor | None]) -> None:
        """Look at the gradients of a turn, None where its objective does not reach a parameter.

        Raises:
            ValueError: It reaches none at all.
        """
        names = self._parameters[turn.player]
        reached = {name for name, gradient in zip(names, gradients, strict=True) if gradient is not None}
        if not reached:
            moves = " and ".join(self._players[turn.player].moves)
            raise ValueError(
                f"the objective of {turn.player!r} reaches no parameter of {moves}; "
                "look for a torch.no_grad() or .detach() on its way, or for the wrong player."
            )
        self._reached.setdefault(id(turn), set()).update(reached)

    def finish(self) -> None:
        """Look at the round as a whole.

        Raises:
            ValueError: No turn of a player reaches one of its parameters.
        """
        for player, parameters in self._parameters.items():
            turns = [id(turn) for turn in self._turns if turn.player == player]
            if any(turn not in self._reached for turn in turns):
                continue  # a turn that a function of the round left out of round 0 may still reach the rest
            for name in parameters:
                if not any(name in self._reached[turn] for turn in turns):
                    raise ValueError(
                        f"no objective of {player!r} reaches its parameter {name!r}; use it in one, or remove it."
                    )
