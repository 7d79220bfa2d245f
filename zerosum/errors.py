"""Mistakes of users, each kind with the exit code the command line answers with.

Engine rooms raise plain :class:`ValueError` and :class:`TypeError` at the point of use; these classes are for the
places where the kind decides what a script or a scheduler does next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZerosumError(Exception):
    """Something outside Zerosum is not as it must be; the message is one sentence with the remedy."""

    exit_code = 1


class ConfigError(ZerosumError, ValueError):
    """An option, a recipe or a configuration cannot be used."""

    exit_code = 2


class DataError(ZerosumError, ValueError):
    """Data is missing, unreadable or of the wrong kind."""

    exit_code = 3


class RunError(ZerosumError):
    """The run folder, its lock, its disk or a checkpoint in it cannot be used."""

    exit_code = 4


class Diverged(ZerosumError):
    """Training diverged: no update of a player could be applied any more."""

    exit_code = 5


class RankError(ZerosumError):
    """A rank of the training failed, hung, or is no longer like the others."""

    exit_code = 6


class Unsupported(ZerosumError):
    """A trained model was asked for something its kind cannot answer; the message says why."""

    exit_code = 2


class Interrupted(KeyboardInterrupt):
    """Training stopped on a signal after saving; the same call continues it.

    A :class:`KeyboardInterrupt`, so that a script with several trainings stops too. ``exit_code`` is 130 for
    Ctrl-C and 75 ("restart me") for SIGTERM and SIGUSR1.
    """

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name nobody knows: the nearest known ones first, all of them when none is near.

    Arguments:
        kind: What it was to be the name of.
        name: As given.
        known: The names there are.

    Examples:
        >>> unknown("recipe", "vanila", ["vanilla", "mlp_gan"])
        "unknown recipe 'vanila'; nearest: vanilla."
        >>> unknown("recipe", "xyz", ["vanilla", "mlp_gan"])
        "unknown recipe 'xyz'; there are: mlp_gan, vanilla."
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return f"unknown {kind} {name!r}; " + (
        f"nearest: {', '.join(close)}." if close else f"there are: {', '.join(names)}."
    )
