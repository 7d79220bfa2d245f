"""Options of images of one's own, in brackets after their path: ``photos[size=64, fit=pad]``."""

from __future__ import annotations

import typing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from zerosum.data.fit import Fit
from zerosum.errors import DataError, unknown

MOST_SIDE = 4096

CHANNELS = {"grey": 1, "rgb": 3, "rgba": 4}
"""Of the colours that may be asked for by name."""


@dataclass(frozen=True)
class Asked:
    """Options of the preparation of images.

    Attributes:
        size: Side of the square they become [pixels]; None leaves them as they are, all of one size.
        fit: How an image that is no square becomes one: ``crop`` takes its middle, ``pad`` lays it on white (on nothing
            where opacity is kept), ``stretch`` pulls it out of shape.
        colour: ``grey``, ``rgb``, ``rgba`` (with opacity); ``auto`` is grey if all are, else rgb.
        label: The column of a CSV that holds the labels, where it has several; ``none`` takes no labels.
        binary: Whether pixels become 0 or 1: at one half, or at random with their value as probability.
        bad: What is done with files that cannot be used: ``stop``, or ``skip`` to leave them out.
    """

    size: int | None = None
    fit: Fit = "crop"
    colour: Literal["auto", "grey", "rgb", "rgba"] = "auto"
    label: str | None = None
    bad: Literal["stop", "skip"] = "stop"
    binary: Literal["no", "threshold", "random"] = "no"


def asked_of(given: str, path: Path) -> Asked:
    """The options in brackets after a path: ``size=64, fit=pad``.

    Raises:
        DataError: A parameter nobody knows, or a value it cannot have.
    """
    hints = typing.get_type_hints(Asked)
    values: dict[str, Any] = {}
    for item in filter(None, (item.strip() for item in given.split(","))):
        key, equals, text = (part.strip() for part in item.partition("="))
        if key not in hints:
            raise DataError(f"data {str(path)!r}: " + unknown("parameter", key, hints))
        choices = typing.get_args(hints[key]) if key not in ("size", "label") else ()
        if key == "size":
            if not text.isdecimal() or not 1 <= int(text) <= MOST_SIDE:
                raise DataError(f"data {str(path)!r}: size must be from 1 to {MOST_SIDE} pixels, got {text!r}.")
            values[key] = int(text)
        elif choices and text not in choices:
            raise DataError(f"data {str(path)!r}: {key} must be one of {', '.join(choices)}, got {text!r}.")
        elif not equals or not text:
            raise DataError(f"data {str(path)!r}: {key} needs a value, {key}=..., got {item!r}.")
        else:
            values[key] = text
    return Asked(**values)


def said(asked: Asked) -> str:
    """The options that are not at their defaults, as they are written in brackets."""
    default = asdict(Asked())
    return ", ".join(f"{name}={value}" for name, value in asdict(asked).items() if value != default[name])
