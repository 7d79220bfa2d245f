"""What an objective is handed: the game's networks by name and a batch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from zerosum.game.game import Game

Batch = dict[str, Tensor]
"""Fields by name (``x``, ``label``, ``z``, ...), first axis N; 0-d fields are about the whole batch (``examples``)."""

Terms = dict[str, Tensor]
"""Scalars by name; an objective's value is their sum."""


class Networks(Mapping[str, Any]):
    """The networks of a game by name, as items and as attributes: ``networks.generator(batch["z"])``.

    Arguments:
        modules: Any callables by name: modules, or the functional stand-ins :func:`~zerosum.game.unroll` makes.
        game: The game whose players move them, for tools that look ahead; None for a trained model.
    """

    def __init__(self, modules: Mapping[str, Any], game: Game | None = None):
        self._modules = dict(modules)
        self.game = game

    def replace(self, modules: Mapping[str, Any]) -> Networks:
        """The same networks with some of them replaced."""
        return Networks({**self._modules, **modules}, self.game)

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def __getattr__(self, name: str) -> Any:
        modules = self.__dict__.get("_modules", {})
        if name in modules:
            return modules[name]
        raise AttributeError(f"the game has no network {name!r} (it has: {', '.join(modules)}).")

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


Objective = Callable[[Networks, Batch], Terms]
"""A function of parameters, buffers, batch and the round's seed; it never writes parameters."""


def refuse_unlike(function: Any, what: str) -> None:
    """See that something can be called as ``(networks, batch)``.

    Raises:
        ValueError: It is no function, or one of other arguments.
    """
    if not callable(function):
        raise ValueError(f"{what} must be a function of (networks, batch), got {function!r}.")
    try:
        inspect.signature(function).bind(None, None)
    except TypeError as error:
        raise ValueError(f"{what} is called with (networks, batch), and its function is not: {error}.") from None
    except ValueError:  # a builtin that does not say what it takes
        return


@contextmanager
def evaluating(networks: Mapping[str, Any]) -> Iterator[None]:
    """Put every module of the networks in evaluation mode, and each back as it was at the end."""
    modules = [m for network in networks.values() if isinstance(network, nn.Module) for m in network.modules()]
    modes = [m.training for m in modules]
    for m in modules:
        m.training = False
    try:
        yield
    finally:
        for m, mode in zip(modules, modes, strict=True):
            m.training = mode
