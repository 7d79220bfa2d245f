"""Stages of a run: which one is played, from which checkpoint, up to which round; and the rounds of a game."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from zerosum.data import Data
from zerosum.game import Game, Graphs
from zerosum.runtime import rank, reseed, stand
from zerosum.training.batches import BatchBuilder, play_round
from zerosum.training.checkpoint import Checkpoint
from zerosum.training.experiment import Experiment

MOST = 32
"""Rounds in a recorded call: with small networks, some milliseconds of the device's work."""


class Rounds:
    """Plays a game on its builder.

    In mode ``graph`` the first round of each pattern is eager, so that kernels are chosen and whatever is made once is
    made; the others are recorded. Where all rounds are alike and networks draw nothing inside, a call takes up to
    :data:`MOST` of them, a power of two, so that few recordings serve any interval.

    Arguments:
        game: At the round to be played.
        builder: Makes its batches.
        say: Told in a sentence where rounds are not played as the game's mode says.
    """

    def __init__(self, game: Game, builder: BatchBuilder, say: Callable[[str], None] = lambda text: None):
        self._game, self._builder, self._say = game, builder, say
        self._graphs: Graphs | None = Graphs(game, builder.made, self._reseed)
        self._warm: set[tuple[int, ...]] = set()
        self._draws_inside = False

    def play(self, examples: int, most: int = 1) -> int:
        """Play the next round, and others after it where one call takes them.

        Arguments:
            examples: Real examples seen so far.
            most: Rounds it may play.

        Returns:
            Real examples seen after them.
        """
        game = self._game
        if game.mode != "graph" or self._graphs is None or game.witness is not None:
            return play_round(game, self._builder, examples)
        pattern = game.schedule.pattern(game.round)
        if pattern not in self._warm:
            self._warm.add(pattern)
            return self._eagerly(examples)
        together = game.schedule.uniform and not self._draws_inside
        count = 1 << min(most, MOST).bit_length() - 1 if together else 1
        taken = self._builder.examples(game.round)
        inputs = [self._builder.inputs(game.round + i, examples + i * taken) for i in range(count)]
        if reason := self._graphs.play(inputs, taken):
            self._graphs = None
            self._say(f"rounds cannot be recorded ({reason}); they are played eagerly from round {game.round} on.")
        return examples + count * taken

    def _eagerly(self, examples: int) -> int:
        self._reseed(self._game.round)
        before: Tensor = stand(self._game.device)
        after = play_round(self._game, self._builder, examples)
        self._draws_inside |= not stand(self._game.device).equal(before)
        return after

    def _reseed(self, round: int) -> None:
        reseed(self._game.device, self._builder.seed, "round", rank(), round)


class Stages:
    """The stages of an experiment one after the other, round by round; nothing is written.

    Arguments:
        experiment: The last stage, with those before it.
        builder: Of the last stage.
        open_split: Opens a split of the data in stored order, for what begins from the data.
        say: Told in a sentence where rounds are not played as asked.

    Attributes:
        experiment: The stage that is played.
        builder: Its builder.
        game: Its game.
        examples: Real examples seen in the whole run.
    """

    def __init__(
        self,
        experiment: Experiment,
        builder: BatchBuilder,
        open_split: Callable[[str], Data],
        say: Callable[[str], None] = lambda text: None,
    ):
        self.all = experiment.stages
        self.examples = 0
        self._builders = [*(builder.of(stage) for stage in self.all[:-1]), builder]
        self._open_split, self._say = open_split, say
        self._enter(0)

    @property
    def round(self) -> int:
        """Rounds played in the whole run, through all its stages."""
        return self._rounds_before + self.game.round

    @property
    def left(self) -> int | None:
        """Rounds left in this stage; None in the last."""
        return self.experiment.rounds - self.game.round if self._stage < len(self.all) - 1 else None

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
        self._enter(self.all.index(self.all[-1].stage_named(checkpoint.facts.get("stage"))))
        self.game.load_state(checkpoint.tensors)
        self.examples = int(checkpoint.facts["examples"])

    def play(self, most: int = 1) -> None:
        """Play the next round of this stage, and up to so many where one call takes them."""
        self.examples = self._rounds.play(self.examples, most if self.left is None else min(most, self.left))

    def _enter(self, stage: int) -> None:
        self._stage = stage
        self.experiment, self.builder = self.all[stage], self._builders[stage]
        self.game = self.experiment.game
        self._rounds = Rounds(self.game, self.builder, self._say)
        self._rounds_before = sum(earlier.rounds for earlier in self.all[:stage])
