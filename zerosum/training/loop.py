"""The loop: rounds until the goal, with logs, pictures and checkpoints on the way.

Nothing in a round depends on the goal or on the intervals, and nothing outside the run folder is remembered, so any
number of rounds is the same bits however often it was stopped and continued.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zerosum.data import Data
from zerosum.errors import DataError, Diverged, Interrupted, RunError
from zerosum.metrics import Result
from zerosum.training import files, judgements, log, pictures
from zerosum.training.experiment import Experiment
from zerosum.training.feed import Feed, play_round
from zerosum.training.folder import RunFolder
from zerosum.training.interrupts import Interrupts
from zerosum.training.progress import Display, Silent

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
    ):
        self.stages = experiment.stages
        self.feeds = [*(feed.of(stage) for stage in self.stages[:-1]), feed]
        self.seed, self.folder = feed.seed, folder
        self._enter(0)
        self.goal, self.intervals, self.amended = goal, intervals, amended
        self.open_split, self.display = open_split, display or Silent()
        self.seconds_before = 0.0
        self.failures: dict[str, int] = {}
        self.images = 0
        self.saved: int | None = None
        self.started = self.saved_at = time.monotonic()

    @property
    def round(self) -> int:
        """Rounds played in the whole run, through all its stages."""
        return self.rounds_before + self.game.round

    @property
    def seconds(self) -> float:
        """Seconds of training in the whole run."""
        return self.seconds_before + time.monotonic() - self.started

    def run(self) -> Run:
        """Take up the newest checkpoint; play, log, draw and save; judge at the end.

        Raises:
            Interrupted: A signal came; everything is saved.
            Diverged: No update of a player could be applied since the last log line.
            RunError: No checkpoint of the run can be used, or the disk has no room, or refused too often.
            ValueError: Round 0 found the recipe at fault.
        """
        self._resume()
        self.started = self.saved_at = time.monotonic()
        for sentence in self.amended:
            self._event("amended", sentence)
        if self.round == 0:
            self.experiment.begin(lambda: self.open_split("train"))
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
        seconds = self.seconds
        # After the last checkpoint, so that a longer goal later finds the logs as an unbroken run would have left them.
        if self.game.tally:
            self._log()
        picture = self._attempt("picture", self._picture)
        results = self._judge()
        return Run(self.folder.path, self.round, self.images, seconds, results, picture)

    def _ask_for_room(self) -> None:
        try:
            self.folder.checkpoints.need(2 * max(stage.game.size() for stage in self.stages))  # a new one, the last
        except OSError as error:
            raise RunError(f"{self.folder.path} has no room for this run ({error}); make room first.") from error

    def _enter(self, stage: int) -> None:
        """Make a stage the one that is played."""
        self.stage = stage
        self.experiment, self.feed = self.stages[stage], self.feeds[stage]
        self.game = self.experiment.game
        self.rounds_before = sum(earlier.rounds for earlier in self.stages[:stage])

    def _round(self) -> None:
        if self.stage < len(self.stages) - 1 and self.game.round == self.experiment.rounds:
            if self.game.tally:
                self._log()
            self._enter(self.stage + 1)
            self.experiment.begin(lambda: self.open_split("train"))
            self._event("stage", f"stage {self.experiment.stage} begins at {self._where()}.")
        self.images = play_round(self.game, self.feed, self.images)
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
        checkpoint = self.folder.checkpoints.load(set_aside=True)
        if checkpoint is None:
            log.cut(self.folder.log, 0)
            log.keep_rounds(self.folder.metrics, -1)
            return
        try:
            self._enter(self.stages.index(self.stages[-1].stage_named(checkpoint.facts.get("stage"))))
            self.game.load_state(checkpoint.tensors)
        except ValueError as error:
            raise RunError(
                f"{checkpoint.path} does not fit the networks this recipe builds: {error} "
                "Use the version of the recipe it was made with, or --fresh."
            ) from error
        self.images, self.saved = int(checkpoint.facts["images"]), self.round
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
        reading = self.game.read()
        signals = {f"{player}/skipped": count for player, count in reading.skipped.items()}
        record = {**self._stamp(), "terms": reading.terms, "signals": signals}
        self.display.terms(record)
        self._attempt("log", lambda: log.append(self.folder.log, record))
        for player, count in reading.skipped.items():
            made = reading.updates[player]
            if count:
                text = f"{count} of {made} updates of {player} were skipped: gradients not finite."
                self._event("skipped", text, player=player, skipped=count, updates=made)
            if count and count == made:
                raise Diverged(
                    f"training diverged: none of the last {made} updates of {player} had finite gradients; "
                    f"lower the learning rate or strengthen the penalty (round {self.round})."
                )

    def _picture(self) -> Path:
        spec = self.open_split("train").spec
        n = SHOWN_POINTS if spec.kind == "real" else SHOWN_IMAGES
        samples = self.experiment.sample(n, self.seed)
        reals = self.open_split("train").batch(0, n)["x"] if spec.kind == "real" else None
        path = self.folder.samples / f"round-{self.round:08d}.png"
        files.make_folder(path.parent)
        files.replace(path, pictures.png(pictures.picture(samples, reals)))
        return path

    def _save(self, last: bool = False) -> None:
        def save() -> Path:
            if self.folder.log.exists():
                files.sync(self.folder.log)
            facts = {
                "images": self.images,
                "seconds": self.seconds,
                "log": log.size(self.folder.log),
                "stage": self.experiment.stage,
            }
            return self.folder.checkpoints.save(self.round, self.game.state(), facts)

        if self.saved != self.round and self._attempt("checkpoint", save, last):
            self.saved = self.round
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
        for metric in self.experiment.metrics:
            result = judgements.find(self.folder.metrics, self.round, metric.name, self.seed)
            if result is None:
                try:
                    result = metric(self.experiment.sample, self.open_split, self.seed)
                except DataError as error:
                    self.display.note(f"{metric.name} is left out: {error}")
                    continue
                keep = functools.partial(judgements.keep, self.folder.metrics, self.round, result)
                self._attempt("judgement", keep)
            results.append(result)
        return results
