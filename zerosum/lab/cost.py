"""Time of a scene, and the largest scene that ends in a given time."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from zerosum.errors import ConfigError

Config = TypeVar("Config")


@dataclass(frozen=True)
class Cost:
    """Seconds, as a straight line in one count of the configuration.

    Arguments:
        count: The field, ``rounds``.
        each: Seconds of one more.
        fixed: Seconds whatever the count is.
    """

    count: str
    each: float
    fixed: float = 0.5

    def seconds(self, config: object) -> float:
        """Approximate time of a configuration."""
        return self.fixed + self.each * float(getattr(config, self.count))

    def within(self, config: Config, seconds: float) -> Config:
        """The configuration with the count that takes this long.

        Arguments:
            config: All else; it may be anything with the field.
            seconds: How long.

        Raises:
            ConfigError: Not even a count of 1 ends so soon.
        """
        least = self.fixed + self.each
        if seconds < least:
            raise ConfigError(
                f"--seconds must leave time for the shortest of these scenes, about {math.ceil(10 * least) / 10:g} s, "
                f"got {seconds:g}; ask for more."
            )
        count = max(1, int((seconds - self.fixed) / self.each))
        return dataclasses.replace(config, **{self.count: count})  # type: ignore[type-var]


def timed(call: Callable[[], object], times: int = 3) -> float:
    """Seconds a call takes, the median of a few.

    Arguments:
        call: Anything.
        times: How many.
    """
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return sorted(taken)[times // 2]
