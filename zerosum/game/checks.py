"""Checks of a game: its names when it is made, its gradients in round 0, its state when it is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from zerosum.game.turn import Networks, Player, Schedule, Terms, Turn
from zerosum.updates import Number


def check_names(
    networks: Networks, players: Mapping[str, Player], schedule: Schedule, halflives: Mapping[str, Number]
) -> None:
    """Check that players, turns and averages fit the networks.

    Arguments:
        networks: Modules by name.
        players: The players by name.
        schedule: Its turns are checked.
        halflives: Of the averages, by network.

    Raises:
        ValueError: A turn of an unknown player, a player without a turn, a move of an unknown network, a half-life
            that is not positive.
    """
    listed = f"networks: {', '.join(networks)}"
    for name, player in players.items():
        for moved in player.moves:
            if moved not in networks:
                raise ValueError(f"player {name!r} moves {moved!r}, which is not a network ({listed}).")
        if not _any_parameter(networks[moved] for moved in player.moves):
            raise ValueError(f"player {name!r} moves no parameters; name a network that has some in moves.")
        if not any(turn.player == name for turn in schedule.turns):
            raise ValueError(f"player {name!r} has no turn; add a Turn({name!r}, ...) to the schedule.")
    for turn in schedule.turns:
        if turn.player not in players:
            raise ValueError(f"a turn of {turn.player!r}, who is no player (players: {', '.join(players)}).")
    for name, halflife in halflives.items():
        if name not in networks:
            raise ValueError(f"an average of {name!r}, which is not a network ({listed}).")
        if not callable(halflife) and not halflife > 0:
            raise ValueError(f"the half-life of an average must be positive, got {halflife} (average of {name!r}).")


class RecipeCheck:
    """Checks the terms and gradients of round 0, so that later rounds need no check.

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
        """Check the terms of a turn.

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
        """Check the gradients of a turn, None where its objective does not reach a parameter.

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
        """Check the round as a whole.

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


def check_state(own: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> None:
    """Check that a kept state has the tensors of the game's own.

    Raises:
        ValueError: A tensor is missing, unexpected or of another shape or type.
    """
    for verb, lost in (("lacks", own.keys() - kept.keys()), ("has an unknown", kept.keys() - own.keys())):
        if lost:
            raise ValueError(f"the state {verb} {min(lost)!r} ({len(lost)} such tensors in all).")
    for name, tensor in own.items():
        if tensor.shape != kept[name].shape or tensor.dtype != kept[name].dtype:
            raise ValueError(f"{name!r} is {_describe(kept[name])} in the state and {_describe(tensor)} in the game.")


def _any_parameter(modules: Iterable[nn.Module]) -> bool:
    return any(True for module in modules for _ in module.parameters())


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
