"""The loop: rounds until the goal, with records and checkpoints on the way.

Nothing in a round depends on the goal or on the intervals, and nothing outside the run folder is remembered, so any
number of rounds is the same bits however often it was stopped and continued.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zerosum.data import Data
from zerosum.errors import Diverged, Interrupted, RankError, RunError
from zerosum.game import Game
from zerosum.metrics import Result
from zerosum.training import files, log
from zerosum.training.batches import BatchBuilder
from zerosum.training.display import Display, Silent
from zerosum.training.distributed import Order, Ranks
from zerosum.training.experiment import Experiment
from zerosum.training.folder import RunFolder
from zerosum.training.interrupts import Interrupts
from zerosum.training.run_logger import Picture, Report, RunLogger
from zerosum.training.stages import Stages

SAVE_SECONDS = 60.0
"""Time between checkpoints where no interval in rounds is given."""


@dataclass(frozen=True)
class Goal:
    """When to stop: whichever is given, counted over the whole run.

    Arguments:
        rounds: Rounds played.
        examples: Real examples seen (epochs times examples).
        seconds: Seconds of training.
    """

    rounds: int | None = None
    examples: int | None = None
    seconds: float | None = None

    def fraction(self, round: int, examples: int, seconds: float) -> float:
        """The share that is reached; 1 or more is all.

        Arguments:
            round: Rounds played.
            examples: Real examples seen.
            seconds: Seconds of training.
        """
        done = ((round, self.rounds), (examples, self.examples), (seconds, self.seconds))
        return max(have / want for have, want in done if want is not None)


@dataclass(frozen=True)
class Intervals:
    """Intervals in rounds of lines, pictures and checkpoints.

    Arguments:
        log: A line of terms.
        sample: A picture of the fixed latents.
        save: A checkpoint; None for about once a minute. One is always made at the end.
        failures: Writes in a row that may fail before training stops.
    """

    log: int = 100
    sample: int = 1000
    save: int | None = None
    failures: int = 3


@dataclass(frozen=True)
class Run:
    """The result of a training.

    Attributes:
        path: The run folder.
        round: Rounds played in the whole run.
        examples: Real examples seen.
        seconds: Seconds of training in the whole run.
        results: Results of the experiment's metrics, if the goal was reached in this call.
        picture: The last picture of samples.
    """

    path: Path
    round: int
    examples: int
    seconds: float
    results: list[Result]
    picture: Path | None


class Training:
    """Rounds of an experiment until the goal, from wherever the run folder stands.

    Arguments:
        experiment: What is trained; it is taken to the state of the newest checkpoint that verifies. Its earlier
            stages, if any, are trained first; rounds and examples count through all of them.
        builder: Makes its batches.
        folder: Held by this process.
        goal: When to stop.
        open_split: Opens a split of the data in stored order, for pictures and metrics.
        intervals: What is done every so many rounds.
        display: What the user sees.
        amended: Sentences about settings that were changed for this part of the run; they are logged.
        ranks: The processes that play it, of which this one leads.
        tensorboard: Write the log for TensorBoard as well.
        picture: Draws the preview; none is drawn by default.
        report: Writes the report; none is written by default.
    """

    def __init__(
        self,
        experiment: Experiment,
        builder: BatchBuilder,
        folder: RunFolder,
        goal: Goal,
        open_split: Callable[[str], Data],
        intervals: Intervals = Intervals(),
        display: Display | None = None,
        amended: Sequence[str] = (),
        ranks: Ranks | None = None,
        tensorboard: bool = False,
        picture: Picture | None = None,
        report: Report | None = None,
    ):
        self.stages = Stages(experiment, builder, open_split, say=lambda text: self.logger.event("mode", text))
        self.folder, self.display = folder, display or Silent()
        self.goal, self.intervals, self.amended, self.ranks = goal, intervals, amended, ranks or Ranks()
        self.tensorboard = tensorboard
        self.logger = RunLogger(
            self.stages, folder, open_split, self.display, builder.seed, intervals.failures, picture, report
        )
        self.saved: int | None = None
        self.clean = True
        self.saved_at = time.monotonic()

    @property
    def round(self) -> int:
        """Rounds played in the whole run, through all its stages."""
        return self.stages.round

    @property
    def game(self) -> Game:
        """That of the stage which is played."""
        return self.stages.game

    def run(self) -> Run:
        """Take up the newest checkpoint; play, log, draw and save; evaluate at the end.

        Raises:
            Interrupted: A signal came; everything is saved.
            Diverged: No update of a player could be applied since the last log line.
            RankError: Another rank failed, hung or parted.
            RunError: No checkpoint of the run can be used, or the disk has no room, or refused too often.
            ValueError: Round 0 found the recipe at fault.
        """
        try:
            with self.ranks.together(self.stages):
                self._train()
        except RankError:
            raise
        except BaseException:
            self.ranks.dismiss()
            raise
        self.ranks.dismiss()
        seconds = self.logger.seconds
        picture = self.logger.picture()
        results = self.logger.evaluate()
        self.logger.report()
        self.logger.close_board()
        return Run(self.folder.path, self.round, self.stages.examples, seconds, results, picture)

    def _train(self) -> None:
        self._resume()
        if self.tensorboard:
            self.logger.open_board()
        self.saved_at = time.monotonic()
        for sentence in self.amended:
            self.logger.event("amended", sentence)
        if self.round == 0:
            self.stages.begin()
            self.logger.picture()
        if self._reached():
            self.display.note(f"the goal is reached already: {self.logger.where}.")
        else:
            self._ask_for_room()
            if self.round:
                self.logger.event("resumed", f"continuing from {self.logger.where}.")
        self.display.begin()
        try:
            with Interrupts() as interrupts:
                while not self._reached() and interrupts.signal is None:
                    self._round()
                self._save(last=True)
                if interrupts.signal is not None:
                    raise Interrupted(
                        f"stopped by {interrupts.signal.name} and saved: {self.logger.where}; "
                        "the same command again continues.",
                        interrupts.exit_code,
                    )
        finally:
            self.display.end()
        # After the last checkpoint, so that a longer goal later finds the logs as an unbroken run would have left them.
        if self.game.accumulator:
            self._log()

    def _ask_for_room(self) -> None:
        largest = max(stage.game.size() for stage in self.stages.all)
        try:
            self.folder.checkpoints.need(2 * largest)  # a new one beside the last
        except OSError as error:
            raise RunError(f"{self.folder.path} has no room for this run ({error}); make room first.") from error

    def _round(self) -> None:
        if self.stages.stage_is_over:
            if self.game.accumulator:
                self._log()
            self.ranks.tell(Order.PLAY)
            self.stages.advance()
            text = f"stage {self.stages.experiment.stage} begins at {self.logger.where}."
            self.logger.event("stage", text)
        else:
            self.ranks.tell(Order.PLAY)
        self.stages.play(self._rounds_to_the_next())
        self.display.tick(self.round, self._fraction(), self.logger.seconds)
        if self.round % self.intervals.log == 0:
            self._log()
        if self.round % self.intervals.sample == 0:
            self.logger.picture()
        if self._save_due():
            self._save()

    def _rounds_to_the_next(self) -> int:
        """Rounds to the next line, picture, checkpoint or goal, before which none must end."""
        every = (self.intervals.log, self.intervals.sample, self.intervals.save)
        left = [interval - self.round % interval for interval in every if interval is not None]
        if self.goal.rounds is not None:
            left.append(self.goal.rounds - self.round)
        if self.goal.examples is not None:
            left.append(
                math.ceil((self.goal.examples - self.stages.examples) / self.stages.builder.examples(self.game.round))
            )
        return min(left)

    def _fraction(self) -> float:
        return self.goal.fraction(self.round, self.stages.examples, self.logger.seconds)

    def _reached(self) -> bool:
        return self._fraction() >= 1

    def _save_due(self) -> bool:
        if self.intervals.save is not None:
            return self.round % self.intervals.save == 0
        return time.monotonic() - self.saved_at >= SAVE_SECONDS

    def _resume(self) -> None:
        checkpoint = self.ranks.hand_over(self.folder.checkpoints.load(set_aside=True))
        if checkpoint is None:
            log.cut(self.folder.log, 0)
            log.keep_rounds(self.folder.metrics, -1)
            self.logger.start_clock(0.0)
            return
        try:
            self.stages.take_up(checkpoint)
        except ValueError as error:
            raise RunError(
                f"{checkpoint.path} does not fit the networks this recipe builds: {error} "
                "Use the version of the recipe it was made with, or --fresh."
            ) from error
        self.saved = self.round
        self.logger.start_clock(float(checkpoint.facts["seconds"]))
        whole = log.cut(self.folder.log, int(checkpoint.facts["log"]))
        log.keep_rounds(self.folder.metrics, self.round)
        for sentence in checkpoint.damaged:
            self.logger.event("damaged", f"{sentence} Continuing from {checkpoint.path.name}.")
        if not whole:
            self.logger.event("log", "log.jsonl is shorter than the checkpoint says: lines before this one are lost.")

    def _log(self) -> None:
        self.ranks.tell(Order.READ)
        reading = self.game.read()
        self.logger.line(reading)
        for player, count in reading.skipped.items():
            made = reading.updates[player]
            if count:
                self.clean = False
                text = f"{count} of {made} updates of {player} were skipped: gradients not finite."
                self.logger.event("skipped", text, player=player, skipped=count, updates=made)
            if count and count == made:
                self.logger.dump(player, reading)
                self.logger.report()
                raise Diverged(
                    f"training diverged: none of the last {made} updates of {player} had finite gradients; "
                    f"lower the learning rate or strengthen the penalty (round {self.round}). "
                    f"zerosum replay {self.folder.path} finds the first of them."
                )

    def _save(self, last: bool = False) -> None:
        def save() -> Path:
            if self.folder.log.exists():
                files.sync(self.folder.log)
            facts = {
                "examples": self.stages.examples,
                "seconds": self.logger.seconds,
                "log": log.size(self.folder.log),
                "stage": self.stages.experiment.stage,
                "clean": self.clean and not self.game.accumulator.any_skipped(),
            }
            return self.folder.checkpoints.save(self.round, self.game.state(), facts)

        if self.saved != self.round:
            self.ranks.tell(Order.COMPARE)
            self.ranks.compare(self.stages)
            self.game.settle()
            if self.logger.attempt("checkpoint", save, last):
                self.saved, self.clean = self.round, True
        self.saved_at = time.monotonic()
