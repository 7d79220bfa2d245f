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
from zerosum.training.course import Course
from zerosum.training.experiment import Experiment
from zerosum.training.feed import Feed
from zerosum.training.folder import RunFolder
from zerosum.training.interrupts import Interrupts
from zerosum.training.progress import Display, Silent
from zerosum.training.ranks import Order, Ranks
from zerosum.training.records import Records

SAVE_SECONDS = 60.0
"""Time between checkpoints where no interval in rounds is given."""


@dataclass(frozen=True)
class Goal:
    """When to stop: whichever is given, counted over the whole run.

    Arguments:
        rounds: Rounds played.
        images: Real examples seen (epochs times examples).
        seconds: Seconds of training.
    """

    rounds: int | None = None
    images: int | None = None
    seconds: float | None = None

    def fraction(self, round: int, images: int, seconds: float) -> float:
        """How much of it is reached; 1 or more is all.

        Arguments:
            round: Rounds played.
            images: Real examples seen.
            seconds: Seconds of training.
        """
        done = ((round, self.rounds), (images, self.images), (seconds, self.seconds))
        return max(have / want for have, want in done if want is not None)


@dataclass(frozen=True)
class Intervals:
    """What is done every so many rounds.

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
    """What a training came to.

    Attributes:
        path: The run folder.
        round: Rounds played in the whole run.
        images: Real examples seen.
        seconds: Seconds of training in the whole run.
        results: What the experiment's judges said, if the goal was reached in this call.
        picture: The last picture of samples.
    """

    path: Path
    round: int
    images: int
    seconds: float
    results: list[Result]
    picture: Path | None


class Training:
    """Rounds of an experiment until the goal, from wherever the run folder stands.

    Arguments:
        experiment: What is trained; it is taken to the state of the newest checkpoint that verifies. Its earlier
            stages, if any, are trained first; rounds and images count through all of them.
        feed: Makes its batches.
        folder: Held by this process.
        goal: When to stop.
        open_split: Opens a split of the data in stored order, for pictures and judges.
        intervals: What is done every so many rounds.
        display: What the user sees.
        amended: Sentences about settings that were changed for this part of the run; they are logged.
        ranks: The processes that play it, of which this one leads.
        tensorboard: Write the log for TensorBoard as well.
    """

    def __init__(
        self,
        experiment: Experiment,
        feed: Feed,
        folder: RunFolder,
        goal: Goal,
        open_split: Callable[[str], Data],
        intervals: Intervals = Intervals(),
        display: Display | None = None,
        amended: Sequence[str] = (),
        ranks: Ranks | None = None,
        tensorboard: bool = False,
    ):
        self.course = Course(experiment, feed, open_split, say=lambda text: self.records.event("mode", text))
        self.folder, self.display = folder, display or Silent()
        self.goal, self.intervals, self.amended, self.ranks = goal, intervals, amended, ranks or Ranks()
        self.tensorboard = tensorboard
        self.records = Records(self.course, folder, open_split, self.display, feed.seed, intervals.failures)
        self.saved: int | None = None
        self.clean = True
        self.saved_at = time.monotonic()

    @property
    def round(self) -> int:
        """Rounds played in the whole run, through all its stages."""
        return self.course.round

    @property
    def game(self) -> Game:
        """That of the stage which is played."""
        return self.course.game

    def run(self) -> Run:
        """Take up the newest checkpoint; play, log, draw and save; judge at the end.

        Raises:
            Interrupted: A signal came; everything is saved.
            Diverged: No update of a player could be applied since the last log line.
            RankError: Another rank failed, hung or parted.
            RunError: No checkpoint of the run can be used, or the disk has no room, or refused too often.
            ValueError: Round 0 found the recipe at fault.
        """
        try:
            with self.ranks.together(self.course):
                self._train()
        except RankError:
            raise
        except BaseException:
            self.ranks.dismiss()
            raise
        self.ranks.dismiss()
        seconds = self.records.seconds
        picture = self.records.picture()
        results = self.records.judge()
        self.records.report()
        self.records.close_board()
        return Run(self.folder.path, self.round, self.course.images, seconds, results, picture)

    def _train(self) -> None:
        self._resume()
        if self.tensorboard:
            self.records.open_board()
        self.saved_at = time.monotonic()
        for sentence in self.amended:
            self.records.event("amended", sentence)
        if self.round == 0:
            self.course.begin()
            self.records.picture()
        if self._reached():
            self.display.note(f"the goal is reached already: {self.records.where}.")
        else:
            self._ask_for_room()
            if self.round:
                self.records.event("resumed", f"continuing from {self.records.where}.")
        self.display.begin()
        try:
            with Interrupts() as interrupts:
                while not self._reached() and interrupts.signal is None:
                    self._round()
                self._save(last=True)
                if interrupts.signal is not None:
                    raise Interrupted(
                        f"stopped by {interrupts.signal.name} and saved: {self.records.where}; "
                        "the same command again continues.",
                        interrupts.exit_code,
                    )
        finally:
            self.display.end()
        # After the last checkpoint, so that a longer goal later finds the logs as an unbroken run would have left them.
        if self.game.tally:
            self._log()

    def _ask_for_room(self) -> None:
        largest = max(stage.game.size() for stage in self.course.stages)
        try:
            self.folder.checkpoints.need(2 * largest)  # a new one beside the last
        except OSError as error:
            raise RunError(f"{self.folder.path} has no room for this run ({error}); make room first.") from error

    def _round(self) -> None:
        if self.course.stage_is_over:
            if self.game.tally:
                self._log()
            self.ranks.tell(Order.PLAY)
            self.course.advance()
            text = f"stage {self.course.experiment.stage} begins at {self.records.where}."
            self.records.event("stage", text)
        else:
            self.ranks.tell(Order.PLAY)
        self.course.play(self._rounds_to_the_next())
        self.display.tick(self.round, self._fraction(), self.records.seconds)
        if self.round % self.intervals.log == 0:
            self._log()
        if self.round % self.intervals.sample == 0:
            self.records.picture()
        if self._save_due():
            self._save()

    def _rounds_to_the_next(self) -> int:
        """Rounds to the next line, picture, checkpoint or goal, before which none must end."""
        every = (self.intervals.log, self.intervals.sample, self.intervals.save)
        left = [interval - self.round % interval for interval in every if interval is not None]
        if self.goal.rounds is not None:
            left.append(self.goal.rounds - self.round)
        if self.goal.images is not None:
            left.append(math.ceil((self.goal.images - self.course.images) / self.course.feed.images(self.game.round)))
        return min(left)

    def _fraction(self) -> float:
        return self.goal.fraction(self.round, self.course.images, self.records.seconds)

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
            self.records.start_clock(0.0)
            return
        try:
            self.course.take_up(checkpoint)
        except ValueError as error:
            raise RunError(
                f"{checkpoint.path} does not fit the networks this recipe builds: {error} "
                "Use the version of the recipe it was made with, or --fresh."
            ) from error
        self.saved = self.round
        self.records.start_clock(float(checkpoint.facts["seconds"]))
        whole = log.cut(self.folder.log, int(checkpoint.facts["log"]))
        log.keep_rounds(self.folder.metrics, self.round)
        for sentence in checkpoint.damaged:
            self.records.event("damaged", f"{sentence} Continuing from {checkpoint.path.name}.")
        if not whole:
            self.records.event("log", "log.jsonl is shorter than the checkpoint says: lines before this one are lost.")

    def _log(self) -> None:
        self.ranks.tell(Order.READ)
        reading = self.game.read()
        self.records.line(reading)
        for player, count in reading.skipped.items():
            made = reading.updates[player]
            if count:
                self.clean = False
                text = f"{count} of {made} updates of {player} were skipped: gradients not finite."
                self.records.event("skipped", text, player=player, skipped=count, updates=made)
            if count and count == made:
                self.records.dump(player, reading)
                self.records.report()
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
                "images": self.course.images,
                "seconds": self.records.seconds,
                "log": log.size(self.folder.log),
                "stage": self.course.experiment.stage,
                "clean": self.clean and not self.game.tally.any_skipped(),
            }
            return self.folder.checkpoints.save(self.round, self.game.state(), facts)

        if self.saved != self.round:
            self.ranks.tell(Order.COMPARE)
            self.ranks.compare(self.course)
            self.game.settle()
            if self.records.attempt("checkpoint", save, last):
                self.saved, self.clean = self.round, True
        self.saved_at = time.monotonic()
