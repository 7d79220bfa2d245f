"""The next rounds of a game on its feed: one, or as many as a recorded call takes."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from zerosum.game import Game, Graphs
from zerosum.runtime import rank, reseed, stand
from zerosum.training.feed import Feed, play_round

MOST = 32
"""Rounds in a recorded call: with small networks, some milliseconds of the device's work."""


class Rounds:
    """Plays a game on its feed.

    In mode ``graph`` the first round of each pattern is eager, so that kernels are chosen and whatever is made once is
    made; the others are recorded. Where all rounds are alike and networks draw nothing inside, a call takes up to
    :data:`MOST` of them, a power of two, so that few recordings serve any interval.

    Arguments:
        game: At the round to be played.
        feed: Makes its batches.
        say: Told in a sentence where rounds are not played as the game's mode says.
    """

    def __init__(self, game: Game, feed: Feed, say: Callable[[str], None] = lambda text: None):
        self._game, self._feed, self._say = game, feed, say
        self._graphs: Graphs | None = Graphs(game, feed.made, self._reseed)
        self._warm: set[tuple[int, ...]] = set()
        self._draws_inside = False

    def play(self, images: int, most: int = 1) -> int:
        """Play the next round, and others after it where one call takes them.

        Arguments:
            images: Real examples seen so far.
            most: Rounds it may play.

        Returns:
            Real examples seen after them.
        """
        game = self._game
        if game.mode != "graph" or self._graphs is None or game.witness is not None:
            return play_round(game, self._feed, images)
        pattern = game.schedule.pattern(game.round)
        if pattern not in self._warm:
            self._warm.add(pattern)
            return self._eagerly(images)
        together = game.schedule.uniform and not self._draws_inside
        count = 1 << min(most, MOST).bit_length() - 1 if together else 1
        taken = self._feed.images(game.round)
        inputs = [self._feed.inputs(game.round + i, images + i * taken) for i in range(count)]
        if reason := self._graphs.play(inputs, taken):
            self._graphs = None
            self._say(f"rounds cannot be recorded ({reason}); they are played eagerly from round {game.round} on.")
        return images + count * taken

    def _eagerly(self, images: int) -> int:
        self._reseed(self._game.round)
        before: Tensor = stand(self._game.device)
        after = play_round(self._game, self._feed, images)
        self._draws_inside |= not stand(self._game.device).equal(before)
        return after

    def _reseed(self, round: int) -> None:
        reseed(self._game.device, self._feed.seed, "round", rank(), round)
