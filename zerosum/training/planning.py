"""Planning: the facts about data and machine from which a recipe proposes a training of itself.

A recipe that the ``auto`` planner may choose has a function ``plan(facts, machine, seconds) -> Choice | None``. The
planner asks all of them and takes the choice of the highest rank.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from zerosum.game import Precision
from zerosum.networks import resolutions

SIDES = (256, 128, 64, 32, 16)
"""Resolutions to which images of other sizes are resized [pixels]."""

FEW = 20_000
"""Training images below which both sides are augmented."""

Reason = tuple[str, str]
"""The subject of a decision, and the decision with its cause."""


@dataclass(frozen=True)
class Facts:
    """The facts about data that decide a training.

    Attributes:
        kind: ``images`` or ``points``.
        count: Examples, all splits together; None for an endless stream.
        size: (width, height): of all images, or of the median one.
        sizes: Number of different sizes.
        channels: 1 grey, 3 colour, 4 colour with alpha.
        transparent: Share of the images with transparent pixels.
        classes: Labels; None without.
        rarest: Images of the rarest label.
        given: Facts that the user fixed: ``size``, ``colour``.
        fixed: Whether the images are an array, whose size stays as it is.
    """

    kind: Literal["images", "points"]
    count: int | None
    size: tuple[int, int] = (0, 0)
    sizes: int = 1
    channels: int = 3
    transparent: float = 0.0
    classes: int | None = None
    rarest: int = 0
    given: frozenset[str] = frozenset()
    fixed: bool = False


@dataclass(frozen=True)
class Machine:
    """The machine to train on.

    Attributes:
        device: ``cpu``, ``cuda`` or ``mps``.
        cores: CPU cores that torch uses.
        bfloat16: Whether a CPU multiplies bfloat16 faster than float32.
        memory: Of a GPU; None where it is unknown [bytes].
    """

    device: str
    cores: int
    bfloat16: bool = False
    memory: int | None = None


@dataclass(frozen=True)
class Choice:
    """A training that a recipe proposes.

    Attributes:
        recipe: Its name.
        settings: Fields of its Config that differ from the defaults.
        data: Preparation of images beside the user's own: ``size``, ``colour``.
        reasons: Every decision with its cause.
        rank: Of several choices for the same data and machine the highest is taken.
        precision: Of products and convolutions.
        micro_batches: Parts that a batch is played in.
    """

    recipe: str
    settings: Mapping[str, Any]
    data: Mapping[str, Any]
    reasons: tuple[Reason, ...]
    rank: int = 0
    precision: Precision = "float32"
    micro_batches: int = 1


@dataclass(frozen=True)
class Images:
    """Square images that convolutions can halve.

    Attributes:
        side: Width and height [pixels].
        data: Preparation that makes them so, as in :class:`Choice`.
        reasons: Every decision with its cause.
    """

    side: int
    data: Mapping[str, Any]
    reasons: tuple[Reason, ...]


def usual_seconds(machine: Machine) -> float:
    """Seconds of training where no budget is given: half an hour on a CPU, two hours on a GPU."""
    return 1800.0 if machine.device == "cpu" else 7200.0


def fits_convolutions(facts: Facts) -> bool:
    """Whether the data are images that are square, of a side that convolutions halve, or may become so."""
    return facts.kind == "images" and (_is_square(facts) or not _is_fixed(facts))


def fit_images(facts: Facts, affordable: Callable[[int], bool]) -> Images:
    """The resolution and the channels that images are prepared with.

    Arguments:
        facts: Of data that fit convolutions.
        affordable: Whether the time is enough for a resolution; the smallest is taken where none is.
    """
    side, data, reasons = _resolution(facts, affordable)
    if facts.transparent and "colour" not in facts.given and not facts.fixed:
        if facts.transparent >= 0.1:
            data["colour"] = "rgba"
            reasons.append(("colour", f"with alpha: {facts.transparent:.0%} of the images have transparent pixels"))
        else:
            reasons.append(("colour", f"on white: {facts.transparent:.1%} of the images have transparent pixels"))
    return Images(side, data, tuple(reasons))


def augmentation(facts: Facts, method: str) -> tuple[dict[str, Any], Reason]:
    """The settings of augmentation, by a method where images are few, and the reason."""
    if facts.count is None or facts.count >= FEW:
        return {}, ("augmentation", "none: there are images enough")
    reason = f"{method}: {facts.count:,} images are few, and a discriminator would know them by heart"
    return {"augment": method}, ("augmentation", reason)


def up_to(side: int, table: Mapping[int, float]) -> float:
    """The entry of the smallest side that is not below this one.

    Examples:
        >>> up_to(48, {32: 0.5, 64: 2.0})
        2.0
    """
    return table[min((key for key in table if key >= side), default=max(table))]


def _resolution(facts: Facts, affordable: Callable[[int], bool]) -> tuple[int, dict[str, Any], list[Reason]]:
    width, height = facts.size
    largest = next(filter(affordable, SIDES), SIDES[-1])
    if _is_square(facts) and (_is_fixed(facts) or width <= largest):
        return width, {}, [("resolution", f"{width}x{height}, as they are")]
    short = min(width, height)
    side = next((side for side in SIDES if side <= min(short, largest)), SIDES[-1])
    if side < largest or short < 2 * side:
        why = f"the largest that {'most of them have' if facts.sizes > 1 else 'they have'}"
    else:
        why = "the largest for which the time is enough"
    reasons = [("resolution", f"{side}x{side}, {why}; [size=...] after the path says another")]
    if max(width, height) > 1.5 * short:
        reasons.append(("", "images much longer than wide lose their ends; [fit=pad] keeps the whole"))
    return side, {"size": side}, reasons


def _is_fixed(facts: Facts) -> bool:
    return facts.fixed or "size" in facts.given


def _is_square(facts: Facts) -> bool:
    """Whether all images have one size that convolutions take."""
    width, height = facts.size
    try:
        resolutions((1, height, width))
    except ValueError:
        return False
    return facts.sizes == 1
