"""Options that recipes share, in groups: augmentation, the generator's average, the sliced head.

A recipe's Config inherits the groups it has. Its own settings stay first, and the options come last in ``--help``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any, Literal, get_type_hints

from zerosum.config import Positive, Share
from zerosum.errors import ConfigError
from zerosum.networks import ADAPTIVE, DIFFAUGMENT

Augmentation = Literal["none", "diffaugment", "adaptive"]

TRANSFORMS: dict[str, tuple[str, ...]] = {"none": (), "diffaugment": DIFFAUGMENT, "adaptive": ADAPTIVE}
"""The transforms of each kind of augmentation."""


class Options:
    """A group of options: annotated defaults with a docstring under each, which a dataclass takes as its last fields.

    A dataclass lists inherited fields first, so a group is none. Its fields are added to the annotations of the class
    that inherits it, behind that class's own.
    """

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        fields = dict(cls.__annotations__)
        for group in cls.__mro__[1:]:
            if issubclass(group, Options):
                hints = get_type_hints(group, include_extras=True)
                for name in group.__annotations__:
                    fields.setdefault(name, hints[name])
        cls.__annotations__ = fields


class AugmentOptions(Options):
    """Augmentation of the discriminator's input, real and generated."""

    augment: Augmentation = "none"
    """Augmentation of the discriminator's input: none; DiffAugment, for every image; or adaptive (ADA), with a
    probability that rises while the discriminator overfits, for few images."""
    augment_target: Share = 0.6
    """Adaptive: the mean sign of the discriminator's logits at real images that it aims at."""
    augment_examples: Positive = 500_000
    """Adaptive: over how many the probability would go from 0 to 1 [examples]."""


class AverageOptions(Options):
    """The moving average of the generator's parameters, which samples are drawn from."""

    average_halflife: Positive = 10_000
    """Half-life of a weight in the generator's average, which samples are drawn from [examples]."""
    average_rampup: Positive = 0.05
    """The half-life is at most this share of the examples seen."""


class SlicedOptions(Options):
    """The head of a slicing adversarial network (SAN)."""

    san: bool = False
    """Give the discriminator the head of a slicing adversarial network (SAN)."""


class ImageOptions(AugmentOptions, AverageOptions, SlicedOptions):
    """The options of image recipes."""


def check_options(config: ImageOptions, remedy: str, taken: Collection[str] = ()) -> None:
    """Check that the options of image networks are at their defaults, where the networks are others.

    Arguments:
        config: The recipe's, a dataclass.
        remedy: What to do instead, for the message.
        taken: Options that the other networks take too.

    Raises:
        ConfigError: One is not.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    for name in ImageOptions.__annotations__:
        if name not in taken and (value := getattr(config, name)) != defaults[name]:
            raise ConfigError(f"{name} is an option of image networks, got {value!r}; {remedy}.")
