"""Options that every verb about a run's model has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from zerosum.config import Count, Positive


@dataclass(frozen=True)
class ModelOptions:
    """Which model of the run, and where it computes."""

    raw: bool = False
    """Use the networks as last trained instead of their averages."""
    checkpoint: Count | None = None
    """Round of the checkpoint to use [rounds]; the newest by default."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "cpu"
    """Device to compute on."""
    trust: bool = False
    """Run the copy of a recipe of your own that lies in the run folder, where the original has changed or gone."""

    truncation: Positive | None = None
    """Trade diversity for fidelity: normal latents are cut off at this distance from 0, such as 0.5; the styles of
    stylegan2 are nearer to their mean by this factor."""

    def named(self) -> dict[str, Any]:
        """The arguments that Python's functions take for them."""
        return {
            "raw": self.raw,
            "round": self.checkpoint,
            "device": self.device,
            "trust": self.trust,
            "truncation": self.truncation,
        }
