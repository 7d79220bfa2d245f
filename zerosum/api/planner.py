"""The planner: from what the data are, what the machine is and how long it may take, a recipe with its settings.

:func:`choose` is a function of these three and of nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from zerosum.game import Precision
from zerosum.networks import resolutions

SIDES = (256, 128, 64, 32, 16)
"""Resolutions that images of other sizes may become [pixels]."""

FEW = 20_000
"""Training images below which both sides are augmented."""

ENOUGH = 100_000
"""Images a training on a CPU should see at least: after 88,000 of them, faces were faces."""

RATE = 100.0
"""Images a second that dcgan of width 32 sees on one core at 64x64: 94 and 109 in two trials, 151 on another core."""

GAIN = 2.0
"""How many times as many it sees with products in bfloat16 on a processor made for them: 2.2 in a trial."""

CROWD = 50
"""Images every label must have for a system to be made to tell them apart."""

PENALTY = {32: 0.5, 64: 2.0, 128: 15.0, 256: 150.0}
"""First weight of r3gan's penalties up to a side: its paper's, of ImageNet at 32 and of faces at 64 and 256; at 128 one
that lies between."""

HELD = {16: 0.08, 32: 0.24, 64: 0.9, 128: 2.2, 256: 4.2}
"""MiB that a round of r3gan with blocks of two holds for an image, up to a side, by the channels of its width: how the
peak of a process grows with the batch, rounded up, on a CPU, in float32, at widths of 64 and 128."""

FILLED = 0.6
"""Share of a GPU's memory that this may fill; the rest is for weights, the data and what kernels work in."""


@dataclass(frozen=True)
class Facts:
    """What the data are, as far as the planner asks.

    Attributes:
        kind: ``images`` or ``points``.
        count: Examples, all splits together; None for an endless stream.
        size: (width, height): of all images, or of the median one.
        sizes: How many different sizes there are.
        channels: 1 grey, 3 colour, 4 colour with opacity.
        clear: Share of the images of which something can be seen through.
        classes: Labels; None without.
        least: Images that the rarest label has.
        told: What of this the user fixed: ``size``, ``colour``.
        fixed: Whether the images are an array, whose size stays as it is.
    """

    kind: Literal["images", "points"]
    count: int | None
    size: tuple[int, int] = (0, 0)
    sizes: int = 1
    channels: int = 3
    clear: float = 0.0
    classes: int | None = None
    least: int = 0
    told: frozenset[str] = frozenset()
    fixed: bool = False


@dataclass(frozen=True)
class Machine:
    """Where it is to be trained.

    Attributes:
        device: ``cpu``, ``cuda`` or ``mps``.
        cores: Of the CPU that torch uses.
        bfloat16: Whether it multiplies numbers of that kind faster than others; asked of CPUs alone.
        memory: Of a GPU; None where it does not tell [bytes].
    """

    device: str
    cores: int
    bfloat16: bool = False
    memory: int | None = None


@dataclass(frozen=True)
class Choice:
    """What the planner chose.

    Attributes:
        recipe: Its name.
        settings: Fields of its Config that are not as they are by default.
        data: What the images are to become, beside what was told: ``size``, ``colour``.
        seconds: Of training.
        reasons: What was chosen and why, by what it is about.
        precision: Of products and convolutions.
        micro_batches: Parts that a batch is played in.
    """

    recipe: str
    settings: dict[str, Any]
    data: dict[str, Any]
    seconds: float
    reasons: tuple[tuple[str, str], ...]
    precision: Precision = "float32"
    micro_batches: int = 1


def usual(machine: Machine) -> float:
    """Seconds of training where nobody says how long."""
    return 1800.0 if machine.device == "cpu" else 7200.0


def choose(facts: Facts, machine: Machine, seconds: float | None = None) -> Choice:
    """A training for these data on this machine.

    Arguments:
        facts: What the data are.
        machine: Where it is to be trained.
        seconds: It may take; half an hour on a CPU and two hours on a GPU by default.

    Raises:
        DataError: There is no system for such data.
    """
    slow = machine.device == "cpu"
    reasons: list[tuple[str, str]] = []
    if seconds is None:
        seconds = usual(machine)
        reasons.append(("budget", f"{seconds / 60:.0f} minutes, as none was given; --budget says another"))
    if facts.kind == "points":
        reasons.append(("recipe", "r1gan, whose penalty makes the game of two MLPs converge"))
        return Choice("r1gan", {}, {}, seconds, tuple(reasons))
    data: dict[str, Any] = {}
    side = _side(facts, machine, seconds, data, reasons)
    if side is None:
        reasons.append(("recipe", "mlp_gan, as convolutions need squares whose side is 4, 5, 6 or 7 doubled"))
        return Choice("mlp_gan", {}, data, seconds, tuple(reasons))
    _colour(facts, data, reasons)
    recipe, settings = _system(facts, machine, side, reasons)
    parts = 1 if slow else _parts(machine, side, settings, reasons)
    seen = _seen(machine, seconds, side)
    if facts.count is not None and facts.count < FEW:
        settings["augment"] = "diffaugment" if slow else "adaptive"
        reasons.append(
            (
                "augmentation",
                f"{settings['augment']}: {facts.count:,} images are few, and a discriminator would know them by heart",
            )
        )
    else:
        reasons.append(("augmentation", "none: there are images enough"))
    if slow:
        settings["average_halflife"] = float(min(max(round(seen / 50, -3), 2_000), 20_000))
    precision: Precision = "float32"
    if slow and machine.bfloat16:
        precision = "bfloat16"
        reasons.append(("precision", "bfloat16 in products: this processor is made for them, and images are as good"))
    return Choice(recipe, settings, data, seconds, tuple(reasons), precision, parts)


def _side(
    facts: Facts, machine: Machine, seconds: float, data: dict[str, Any], reasons: list[tuple[str, str]]
) -> int | None:
    """The side images come to have; None where convolutions cannot take them."""
    width, height = facts.size
    as_they_are = facts.sizes == 1 and _is_plane(width, height)
    if facts.fixed or "size" in facts.told:
        if not as_they_are:
            return None
        reasons.append(("resolution", f"{width}x{height}, as they are"))
        return width
    affordable = [side for side in SIDES if _seen(machine, seconds, side) >= ENOUGH] or [SIDES[-1]]
    most = affordable[0]
    if as_they_are and width <= most:
        reasons.append(("resolution", f"{width}x{height}, as they are"))
        return width
    short = min(width, height)
    side = next((side for side in SIDES if side <= min(short, most)), SIDES[-1])
    data["size"] = side
    if side < most or short < 2 * side:
        why = f"the largest that {'most of them have' if facts.sizes > 1 else 'they have'}"
    else:
        why = "the largest for which the time is enough"
    reasons.append(("resolution", f"{side}x{side}, {why}; [size=...] after the path says another"))
    if max(width, height) > 1.5 * short:
        reasons.append(("", "what is longer than it is wide loses its ends; [fit=pad] keeps the whole"))
    return side


def _is_plane(width: int, height: int) -> bool:
    try:
        resolutions((1, height, width))
    except ValueError:
        return False
    return True


def _seen(machine: Machine, seconds: float, side: int) -> float:
    """Images a training would see at a resolution, roughly: work is by pixels and, for each doubling, a stage more."""
    if machine.device != "cpu":
        # Not measured; that it is worth while to go up by one only for a longer time is all that is said here.
        return ENOUGH * seconds / {256: 6 * 3600, 128: 3600}.get(side, 1)
    work = (side / 64) ** 2 * len(resolutions((1, side, side))) / 5
    return RATE * (GAIN if machine.bfloat16 else 1) * min(machine.cores, 8) * seconds / work


def _colour(facts: Facts, data: dict[str, Any], reasons: list[tuple[str, str]]) -> None:
    if facts.clear and "colour" not in facts.told and not facts.fixed:
        if facts.clear >= 0.1:
            data["colour"] = "rgba"
            reasons.append(("colour", f"with opacity: {facts.clear:.0%} of the images can be seen through"))
        else:
            reasons.append(("colour", f"laid on white: {facts.clear:.1%} of the images can be seen through"))


def _parts(machine: Machine, side: int, settings: dict[str, Any], reasons: list[tuple[str, str]]) -> int:
    """Into how many a batch is cut, so that what a round holds of one is within the GPU's memory."""
    batch, parts = settings["batch_size"], 1
    image = _up_to(side, HELD) * 2**20 * settings["width"]
    while machine.memory is not None and parts < batch and image * batch / parts > FILLED * machine.memory:
        parts *= 2
    if parts > 1:
        gib = 2**30
        reasons.append(
            (
                "memory",
                f"a batch of {batch} is played in {parts} parts: it would hold about {image * batch / gib:.0f} GiB at "
                f"once, and the GPU has {(machine.memory or 0) / gib:.0f}",
            )
        )
    return parts


def _up_to(side: int, table: dict[int, float]) -> float:
    """The entry of the smallest side that is not below this one."""
    return table[min((key for key in table if key >= side), default=max(table))]


def _system(facts: Facts, machine: Machine, side: int, reasons: list[tuple[str, str]]) -> tuple[str, dict[str, Any]]:
    labels = facts.classes is not None and facts.classes > 1
    if machine.device == "cpu":
        reasons.append(
            ("recipe", "dcgan, narrow: on a CPU it sees more than twice as many images as r3gan in the same time")
        )
        if labels:
            reasons.append(("labels", f"{facts.classes} are left aside, as dcgan has no use for them"))
        return "dcgan", {"width": 32, "kernel": 4, "batch_size": 64}
    gamma = _up_to(side, PENALTY)
    settings: dict[str, Any] = {
        "width": 256,
        "batch_size": 256,
        "blocks": 2,
        "learning_rate": 5e-4,  # the paper's, at three times this width, is 2e-4
        "final_learning_rate": 1.25e-4,
        "gamma": gamma,
        "final_gamma": gamma / 10,
        "average_halflife": 500_000.0,
    }
    reasons.append(("recipe", "r3gan, the strongest for images where there is a GPU"))
    if labels and facts.least >= CROWD:
        settings["conditional"] = True
        reasons.append(("labels", f"used: every one of {facts.classes} has {CROWD} images or more"))
    elif labels:
        reasons.append(("labels", f"left aside: the rarest of {facts.classes} has {facts.least} images"))
    return "r3gan", settings
