"""The loop: rounds until the goal, with logs, pictures and checkpoints on the way.

Nothing in a round depends on the goal or on the intervals, and nothing outside the run folder is remembered, so any
number of rounds is the same bits however often it was stopped and continued.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch

from zerosum.data import Data
from zerosum.errors import DataError, Diverged, Interrupted, RankError, RunError
from zerosum.game import Game, Reading
from zerosum.metrics import Result
from zerosum.training import files, judgements, log, pictures, report
from zerosum.training.course import Course
from zerosum.training.experiment import Experiment
from zerosum.training.feed import Feed
from zerosum.training.folder import FACTS, RunFolder
from zerosum.training.interrupts import Interrupts
from zerosum.training.progress import Display, Silent
from zerosum.training.ranks import Order, Ranks
from zerosum.training.tensorboard import TensorBoard

SHOWN_IMAGES, SHOWN_POINTS = 64, 1000
"""Samples in a picture."""

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
        """How much of it is reached; 1 or more is all."""
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
        self.course = Course(experiment, feed, open_split)
        self.seed, self.folder = feed.seed, folder
        self.goal, self.intervals, self.amended, self.ranks = goal, intervals, amended, ranks or Ranks()
        self.open_split, self.display = open_split, display or Silent()
        self.seconds_before = 0.0
        self.tensorboard = tensorboard
        self.board: TensorBoard | None = None
        self.failures: dict[str, int] = {}
        self.saved: int | None = None
        self.clean = True
        self.started = self.saved_at = time.monotonic()

    @property
    def round(self) -> int:
        """Rounds played in the whole run, through all its stages."""
        return self.course.round

    @property
    def images(self) -> int:
        """Real examples seen in the whole run."""
        return self.course.images

    @property
    def game(self) -> Game:
        """That of the stage which is played."""
        return self.course.game

    @property
    def seconds(self) -> float:
        """Seconds of training in the whole run."""
        return self.seconds_before + time.monotonic() - self.started

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
        seconds = self.seconds
        picture = self._attempt("picture", self._picture)
        results = self._judge()
        self._report()
        if self.board is not None:
            self._attempt("tensorboard", self.board.close)
        return Run(self.folder.path, self.round, self.images, seconds, results, picture)

    def _train(self) -> None:
        self._resume()
        if self.tensorboard:
            self.board = self._attempt(
                "tensorboard", lambda: TensorBoard(self.folder.path / "tensorboard", self.images)
            )
        self.started = self.saved_at = time.monotonic()
        for sentence in self.amended:
            self._event("amended", sentence)
        if self.round == 0:
            self.course.begin()
            self._attempt("picture", self._picture)
        if self._reached():
            self.display.note(f"the goal is reached already: {self._where()}.")
        else:
            self._ask_for_room()
            if self.round:
                self._event("resumed", f"continuing from {self._where()}.")
        self.display.begin()
        try:
            with Interrupts() as interrupts:
                while not self._reached() and interrupts.signal is None:
                    self._round()
                self._save(last=True)
                if interrupts.signal is not None:
                    raise Interrupted(
                        f"stopped by {interrupts.signal.name} and saved: {self._where()}; "
                        "the same command again continues.",
                        interrupts.exit_code,
                    )
        finally:
            self.display.end()
        # After the last checkpoint, so that a longer goal later finds the logs as an unbroken run would have left them.
        if self.game.tally:
            self._log()

    def _ask_for_room(self) -> None:
        try:
            self.folder.checkpoints.need(
                2 * max(stage.game.size() for stage in self.course.stages)
            )  # a new one, the last
        except OSError as error:
            raise RunError(f"{self.folder.path} has no room for this run ({error}); make room first.") from error

    def _round(self) -> None:
        if self.course.stage_is_over:
            if self.game.tally:
                self._log()
            self.ranks.tell(Order.PLAY)
            self.course.advance()
            self._event("stage", f"stage {self.course.experiment.stage} begins at {self._where()}.")
        else:
            self.ranks.tell(Order.PLAY)
        self.course.play()
        self.display.tick(self.round, self._fraction(), self.seconds)
        if self.round % self.intervals.log == 0:
            self._log()
        if self.round % self.intervals.sample == 0:
            self._attempt("picture", self._picture)
        if self._save_due():
            self._save()

    def _fraction(self) -> float:
        return self.goal.fraction(self.round, self.images, self.seconds)

    def _reached(self) -> bool:
        return self._fraction() >= 1

    def _where(self) -> str:
        return f"round {self.round}, {self.images} images, {self.seconds:.1f} s of training"

    def _save_due(self) -> bool:
        if self.intervals.save is not None:
            return self.round % self.intervals.save == 0
        return time.monotonic() - self.saved_at >= SAVE_SECONDS

    def _resume(self) -> None:
        checkpoint = self.ranks.hand_over(self.folder.checkpoints.load(set_aside=True))
        if checkpoint is None:
            log.cut(self.folder.log, 0)
            log.keep_rounds(self.folder.metrics, -1)
            return
        try:
            self.course.take_up(checkpoint)
        except ValueError as error:
            raise RunError(
                f"{checkpoint.path} does not fit the networks this recipe builds: {error} "
                "Use the version of the recipe it was made with, or --fresh."
            ) from error
        self.saved = self.round
        self.seconds_before = float(checkpoint.facts["seconds"])
        whole = log.cut(self.folder.log, int(checkpoint.facts["log"]))
        log.keep_rounds(self.folder.metrics, self.round)
        for sentence in checkpoint.damaged:
            self._event("damaged", f"{sentence} Continuing from {checkpoint.path.name}.")
        if not whole:
            self._event("log", "log.jsonl is shorter than the checkpoint says: lines before this one are lost.")

    def _event(self, kind: str, text: str, **data: Any) -> None:
        self.display.note(text)
        event = {"kind": kind, "text": text, "data": data}
        self._attempt("log", lambda: log.append(self.folder.log, {**self._stamp(), "event": event}))

    def _stamp(self) -> dict[str, Any]:
        return {"round": self.round, "images": self.images, "seconds": round(self.seconds, 3)}

    def _log(self) -> None:
        self.ranks.tell(Order.READ)
        reading = self.game.read()
        signals = {f"{player}/skipped": count for player, count in reading.skipped.items()}
        record = {**self._stamp(), "terms": reading.terms, "signals": signals}
        self.display.terms(record)
        self._attempt("log", lambda: log.append(self.folder.log, record))
        self._on_board(lambda board: board.terms(record))
        for player, count in reading.skipped.items():
            made = reading.updates[player]
            if count:
                self.clean = False
                text = f"{count} of {made} updates of {player} were skipped: gradients not finite."
                self._event("skipped", text, player=player, skipped=count, updates=made)
            if count and count == made:
                self._attempt("dump", functools.partial(self._dump, player, reading))
                self._report()
                raise Diverged(
                    f"training diverged: none of the last {made} updates of {player} had finite gradients; "
                    f"lower the learning rate or strengthen the penalty (round {self.round}). "
                    f"zerosum replay {self.folder.path} finds the first of them."
                )

    def _dump(self, player: str, reading: Reading) -> Path:
        """What the last round saw, and all that is needed to play it again."""
        game, feed = self.game, self.course.feed
        last = game.round - 1
        before = self.images - feed.images(last)
        batches = feed.batches(last, before)
        tensors = {
            f"turn-{place}/repeat-{number}/{name}": value.detach().to("cpu", copy=True).contiguous()
            for place, repeats in enumerate(batches)
            for number, batch in enumerate(repeats)
            for name, value in batch.items()
        }
        facts = {
            "round": self.round,
            "player": player,
            "stage": self.course.experiment.stage,
            "seed": feed.seed,
            "images_before": before,
            "terms": reading.terms,
            "skipped": reading.skipped,
            "updates": reading.updates,
            "last_clean_checkpoint": self.folder.checkpoints.last_clean(),
        }
        files.make_folder(self.folder.diverged)
        files.replace(self.folder.diverged / "batches.safetensors", safetensors.torch.save(tensors))
        files.replace(self.folder.diverged / FACTS, (json.dumps(log.plain(facts), indent=2) + "\n").encode())
        return self.folder.diverged

    def _picture(self) -> Path:
        spec = self.open_split("train").spec
        n = SHOWN_POINTS if spec.kind == "real" else SHOWN_IMAGES
        samples = self.course.experiment.sample(n, self.seed)
        reals = self.open_split("train").batch(0, n)["x"] if spec.kind == "real" else None
        path = self.folder.samples / f"round-{self.round:08d}.png"
        files.make_folder(path.parent)
        files.replace(path, pictures.png(pictures.picture(samples, reals)))
        self._on_board(lambda board: board.picture(path, self.images))
        return path

    def _on_board(self, write: Callable[[TensorBoard], None]) -> None:
        if self.board is not None:
            self._attempt("tensorboard", functools.partial(write, self.board))

    def _report(self) -> None:
        write = functools.partial(report.write, self.folder.path, self.folder.record, self.course.experiment)
        self._attempt("report", write)

    def _save(self, last: bool = False) -> None:
        def save() -> Path:
            if self.folder.log.exists():
                files.sync(self.folder.log)
            facts = {
                "images": self.images,
                "seconds": self.seconds,
                "log": log.size(self.folder.log),
                "stage": self.course.experiment.stage,
                "clean": self.clean and not self.game.tally.any_skipped(),
            }
            return self.folder.checkpoints.save(self.round, self.game.state(), facts)

        if self.saved != self.round:
            self.ranks.tell(Order.COMPARE)
            self.ranks.compare(self.course)
            self.game.settle()
            if self._attempt("checkpoint", save, last):
                self.saved, self.clean = self.round, True
        self.saved_at = time.monotonic()

    def _attempt(self, what: str, write: Callable[[], Any], last: bool = False) -> Any:
        """Write something; a disk that refuses is a warning at first, and the end when it goes on."""
        try:
            result = write()
        except OSError as error:
            self.failures[what] = self.failures.get(what, 0) + 1
            failed = f"the {what} of round {self.round} could not be written ({error.strerror or error})"
            if last or self.failures[what] > self.intervals.failures:
                raise RunError(
                    f"{failed}; what was saved before is intact: make room and give the same command again."
                ) from error
            self.display.note(f"{failed}; training goes on.")
            return None
        self.failures[what] = 0
        return result

    def _judge(self) -> list[Result]:
        results = []
        for metric in self.course.experiment.metrics:
            result = judgements.find(self.folder.metrics, self.round, metric.name, self.seed)
            if result is None:
                try:
                    result = metric(self.course.experiment.sample, self.open_split, self.seed)
                except DataError as error:
                    self.display.note(f"{metric.name} is left out: {error}")
                    continue
                keep = functools.partial(judgements.keep, self.folder.metrics, self.round, result)
                self._attempt("judgement", keep)
            self._on_board(lambda board, result=result: board.judged(result, self.images))  # type: ignore[misc]
            results.append(result)
        return results
