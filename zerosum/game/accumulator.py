"""The term accumulator: terms, updates and skipped updates between two lines of the log, on the device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from zerosum.game.turn import Terms
from zerosum.runtime import mean_over_ranks


@dataclass(frozen=True)
class Reading:
    """Means and counts since the last reading, as :meth:`TermAccumulator.read` returns them.

    Attributes:
        terms: The mean of each term over every repeat and every lazy turn, by ``player/term``.
        skipped: Updates of each player that were skipped because a gradient was not finite.
        updates: Updates of each player, skipped ones included.
    """

    terms: dict[str, float]
    skipped: dict[str, int]
    updates: dict[str, int]


class TermAccumulator:
    """Sums of terms and counts of updates; nothing is copied to the host until :meth:`read`.

    Arguments:
        players: Names of the players.
        device: The device of the terms.
    """

    def __init__(self, players: Iterable[str], device: torch.device):
        self._device = device
        self._updates = dict.fromkeys(players, 0)
        self._skipped = {player: torch.zeros((), device=device) for player in self._updates}
        # Sums stay the same tensors, so that a recorded round adds to them; counts are numbers of the host.
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._places: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Whether there is anything to read."""
        return any(self._updates.values())

    def skip(self, player: str, skipped: Tensor) -> None:
        """Count an update by a 0-d tensor: 1 where it was skipped, else 0."""
        self._skipped[player].add_(skipped)

    def add(self, player: str, terms: Terms) -> None:
        """Add the terms of an update, scalars by name: work on the device alone, which :meth:`count` completes."""
        for name, term in terms.items():
            key = f"{player}/{name}"
            if key not in self._sums:
                self._sums[key] = torch.zeros_like(term)
            self._sums[key].add_(term)

    def count(self, player: str, place: int, names: Iterable[str]) -> None:
        """Count an update whose terms were added.

        Arguments:
            player: The player that was updated.
            place: Of the turn in the schedule.
            names: Of its terms.

        Raises:
            ValueError: Another turn of the player, at another place of the schedule, has logged a term of that name.
        """
        self._updates[player] += 1
        for name in names:
            key = f"{player}/{name}"
            if self._places.setdefault(key, place) != place:
                raise ValueError(f"two turns of {player!r} log the term {name!r}; give one of them another name.")
            self._counts[key] = self._counts.get(key, 0) + 1

    def any_skipped(self) -> bool:
        """Whether an update was skipped since the last reading; copies to the host."""
        return bool(torch.stack(list(self._skipped.values())).any())

    def read(self) -> Reading:
        """Means over all ranks and counts since the last reading, in one copy to the host; counts from anew."""
        sums = {term: self._sums[term] for term in self._counts}
        on_device = [*sums.values(), *self._skipped.values()]
        (stacked,) = mean_over_ranks([torch.stack([t.float() for t in on_device])])
        values: list[float] = stacked.tolist()
        means = {term: total / self._counts[term] for term, total in zip(sums, values, strict=False)}
        skipped = zip(self._skipped, map(int, values[len(sums) :]), strict=True)
        reading = Reading(dict(sorted(means.items())), dict(skipped), dict(self._updates))
        self._counts, self._updates = {}, dict.fromkeys(self._updates, 0)
        for total in (*self._sums.values(), *self._skipped.values()):
            total.zero_()
        return reading

    def settle(self) -> None:
        """Let the sums of every rank be their mean over the ranks, which is what is kept."""
        sums = [self._sums[term] for term in self._counts]
        for total, mean in zip(sums, mean_over_ranks(sums) if sums else [], strict=True):
            total.copy_(mean)

    def state(self) -> dict[str, Tensor]:
        """All that the next line of the log needs to equal that of an unbroken run: 0-d tensors by name."""
        kept = {f"skipped/{player}": count for player, count in self._skipped.items()}
        kept |= {f"updates/{player}": torch.tensor(count) for player, count in self._updates.items()}
        kept |= {f"sums/{term}": self._sums[term] for term in self._counts}
        return kept | {f"counts/{term}": torch.tensor(count) for term, count in self._counts.items()}

    def load_state(self, kept: Mapping[str, Tensor]) -> None:
        """Load the tensors that :meth:`state` returned.

        Raises:
            ValueError: They are those of other players.
        """
        parts: dict[str, dict[str, Tensor]] = {"skipped": {}, "updates": {}, "sums": {}, "counts": {}}
        for name, value in kept.items():
            part, _, rest = name.partition("/")
            if part in parts:
                parts[part][rest] = value
        if parts["skipped"].keys() != self._skipped.keys() or parts["updates"].keys() != self._updates.keys():
            raise ValueError(
                f"the state has other players ({', '.join(parts['updates'])}) than {', '.join(self._updates)}."
            )
        for player, count in parts["skipped"].items():
            self._skipped[player].copy_(count)
        self._updates = {player: int(parts["updates"][player]) for player in self._updates}
        for total in self._sums.values():
            total.zero_()
        for term, kept_sum in parts["sums"].items():
            self._sums.setdefault(term, torch.zeros_like(kept_sum, device=self._device)).copy_(kept_sum)
        self._counts = {term: int(count) for term, count in parts["counts"].items()}
