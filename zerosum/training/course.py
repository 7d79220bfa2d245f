"""Where a run stands: which of its stages is played, from which checkpoint, up to which round."""

from __future__ import annotations

from collections.abc import Callable

from zerosum.data import Data
from zerosum.training.checkpoint import Checkpoint
from zerosum.training.experiment import Experiment
from zerosum.training.feed import Feed
from zerosum.training.rounds import Rounds


class Course:
    """The stages of an experiment one after the other, round by round; nothing is written.

    Arguments:
        experiment: The last stage, with those before it.
        feed: Of the last stage.
        open_split: Opens a split of the data in stored order, for what begins from the data.
        say: Told in a sentence where rounds are not played as asked.

    Attributes:
        experiment: The stage that is played.
        feed: Its feed.
        game: Its game.
        images: Real examples seen in the whole run.
    """

    def __init__(
        self,
        experiment: Experiment,
        feed: Feed,
        open_split: Callable[[str], Data],
        say: Callable[[str], None] = lambda text: None,
    ):
        self.stages = experiment.stages
        self.images = 0
        self._feeds = [*(feed.of(stage) for stage in self.stages[:-1]), feed]
        self._open_split, self._say = open_split, say
        self._enter(0)

    @property
    def round(self) -> int:
        """Rounds played in the whole run, through all its stages."""
        return self._rounds_before + self.game.round

    @property
    def left(self) -> int | None:
        """Rounds left in this stage; None in the last."""
        return self.experiment.rounds - self.game.round if self._stage < len(self.stages) - 1 else None

    @property
    def stage_is_over(self) -> bool:
        """Whether the next round is that of another stage."""
        return self.left == 0

    def begin(self) -> None:
        """Before the first round of a stage: let it begin from the data."""
        self.experiment.begin(lambda: self._open_split("train"))

    def advance(self) -> None:
        """Go on to the next stage, which begins from the data."""
        self._enter(self._stage + 1)
        self.begin()

    def take_up(self, checkpoint: Checkpoint) -> None:
        """Stand where a checkpoint was made.

        Raises:
            ValueError: It does not fit the networks.
        """
        self._enter(self.stages.index(self.stages[-1].stage_named(checkpoint.facts.get("stage"))))
        self.game.load_state(checkpoint.tensors)
        self.images = int(checkpoint.facts["images"])

    def play(self, most: int = 1) -> None:
        """Play the next round of this stage, and up to so many where one call takes them."""
        self.images = self._rounds.play(self.images, most if self.left is None else min(most, self.left))

    def _enter(self, stage: int) -> None:
        self._stage = stage
        self.experiment, self.feed = self.stages[stage], self._feeds[stage]
        self.game = self.experiment.game
        self._rounds = Rounds(self.game, self.feed, self._say)
        self._rounds_before = sum(earlier.rounds for earlier in self.stages[:stage])
