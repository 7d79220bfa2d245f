"""The run logger: log, pictures, metrics, report and TensorBoard of a training, beside its checkpoints.

Nothing here changes what is trained, so a disk that refuses is a warning at first.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from zerosum.data import Data
from zerosum.errors import DataError, RunError, Unsupported
from zerosum.game import Reading
from zerosum.metrics import Result
from zerosum.training import files, log
from zerosum.training.display import Display
from zerosum.training.evaluated import Evaluated
from zerosum.training.experiment import Experiment
from zerosum.training.folder import FACTS, RunFolder
from zerosum.training.stages import Stages
from zerosum.training.tensorboard import TensorBoard

Picture = Callable[[Experiment, Data, int], bytes | None]
"""Draws the preview of an experiment, ``(experiment, training data, seed) -> PNG``, or None where it has none."""

Report = Callable[[Path, Mapping[str, Any], Experiment], object]
"""Writes the report of a run folder with a record."""


class RunLogger:
    """The records of a run, and the clock they are stamped with.

    Arguments:
        stages: What is trained; records are of where it stands.
        folder: Where they go, held by this process.
        open_split: Opens a split of the data in stored order, for pictures and metrics.
        display: Told what the user should know.
        seed: Of the latents of pictures and metrics.
        failures: Writes of one kind in a row that may fail before training stops.
        picture: Draws the preview; none is drawn by default.
        report: Writes the report; none is written by default.
    """

    def __init__(
        self,
        stages: Stages,
        folder: RunFolder,
        open_split: Callable[[str], Data],
        display: Display,
        seed: int,
        failures: int,
        picture: Picture | None = None,
        report: Report | None = None,
    ):
        self._stages, self._folder, self._open_split, self._display = stages, folder, open_split, display
        self._seed, self._limit = seed, failures
        self._draw, self._write_report = picture, report
        self._failures: dict[str, int] = {}
        self._board: TensorBoard | None = None
        self._without_preview: set[str] = set()
        self._before, self._started = 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of training in the whole run."""
        return self._before + time.monotonic() - self._started

    @property
    def where(self) -> str:
        """The position of the run, in words."""
        return f"round {self._stages.round}, {self._stages.examples} examples, {self.seconds:.1f} s of training"

    def start_clock(self, before: float) -> None:
        """Training begins, after so many seconds of it in earlier processes."""
        self._before, self._started = before, time.monotonic()

    def open_board(self) -> None:
        """Write for TensorBoard as well, from here on; its import is no training."""
        path, begun = self._folder.path / "tensorboard", time.monotonic()
        self._board = self.attempt("tensorboard", lambda: TensorBoard(path, self._stages.examples))
        self._started += time.monotonic() - begun

    def close_board(self) -> None:
        """Let TensorBoard have all of it."""
        self._on_board(lambda board: board.close())

    def event(self, kind: str, text: str, **data: Any) -> None:
        """Something happened: said to the user, and a line of the log."""
        self._display.note(text)
        event = {"kind": kind, "text": text, "data": data}
        self.attempt("log", lambda: log.append(self._folder.log, {**self._stamp(), "event": event}))

    def line(self, reading: Reading) -> None:
        """A line of the log: terms, what was skipped, and what networks keep count of."""
        skipped = {f"{player}/skipped": count for player, count in reading.skipped.items()}
        signals = {**skipped, **_scalars(self._stages.game.networks)}
        record = {**self._stamp(), "terms": reading.terms, "signals": signals}
        self._display.terms(record)
        self.attempt("log", lambda: log.append(self._folder.log, record))
        self._on_board(lambda board: board.terms(record))

    def picture(self) -> Path | None:
        """Draw the preview; returns its file, or None where nothing was drawn."""
        if self._draw is None or self._stages.experiment.stage in self._without_preview:
            return None
        path: Path | None = self.attempt("picture", self._picture)
        return path

    def evaluate(self) -> list[Result]:
        """Results of the experiment's metrics; one that is kept already is not computed again."""
        results: list[Result] = []
        if not self._stages.experiment.metrics:
            return results
        model = Evaluated(self._stages.experiment, self._open_split("train").spec)
        for metric in self._stages.experiment.metrics:
            result = log.find_result(self._folder.metrics, self._stages.round, metric.name, self._seed)
            if result is None:
                try:
                    result = metric(model, self._open_split, self._seed)
                except (DataError, Unsupported) as error:
                    self._display.note(f"{metric.name} is left out: {error}")
                    continue
                keep = functools.partial(log.keep_result, self._folder.metrics, self._stages.round, result)
                self.attempt("metrics", keep)
            self._on_board(functools.partial(TensorBoard.result, result=result, examples=self._stages.examples))
            results.append(result)
        return results

    def report(self) -> None:
        """Write the report of the run."""
        if self._write_report is not None:
            folder, write = self._folder, self._write_report
            self.attempt("report", lambda: write(folder.path, folder.record, self._stages.experiment))

    def dump(self, player: str, reading: Reading) -> None:
        """Write the batches of the last round, and all that is needed to replay it."""
        self.attempt("dump", functools.partial(self._dump, player, reading))

    def attempt(self, what: str, write: Callable[[], Any], last: bool = False) -> Any:
        """Write something; a disk that refuses is a warning at first, and the end when it goes on.

        Arguments:
            what: Its kind, in words.
            write: Does it.
            last: Whether nothing can be lost any more.

        Returns:
            What ``write`` does, or None where the disk refused.

        Raises:
            RunError: It refused too often.
        """
        try:
            result = write()
        except OSError as error:
            self._failures[what] = self._failures.get(what, 0) + 1
            failed = f"the {what} of round {self._stages.round} could not be written ({error.strerror or error})"
            if last or self._failures[what] > self._limit:
                raise RunError(
                    f"{failed}; what was saved before is intact: make room and give the same command again."
                ) from error
            self._display.note(f"{failed}; training goes on.")
            return None
        self._failures[what] = 0
        return result

    def _stamp(self) -> dict[str, Any]:
        return {"round": self._stages.round, "examples": self._stages.examples, "seconds": round(self.seconds, 3)}

    def _on_board(self, write: Callable[[TensorBoard], None]) -> None:
        if self._board is not None:
            self.attempt("tensorboard", functools.partial(write, self._board))

    def _picture(self) -> Path | None:
        assert self._draw is not None
        path = self._folder.samples / f"round-{self._stages.round:08d}.png"
        experiment = self._stages.experiment
        png = self._draw(experiment, self._open_split("train"), self._seed)
        if png is None:
            self._without_preview.add(experiment.stage)
            has = ", ".join(experiment.outputs) or "none"
            self.event(
                "preview", f"no pictures are drawn: no output of this model returns a field of the data ({has})."
            )
            return None
        files.make_folder(path.parent)
        files.replace(path, png)
        self._on_board(lambda board: board.picture(path, self._stages.examples))
        return path

    def _dump(self, player: str, reading: Reading) -> None:
        game, builder, folder = self._stages.game, self._stages.builder, self._folder.diverged
        last = game.round - 1
        before = self._stages.examples - builder.examples(last)
        tensors = {
            f"turn-{place}/repeat-{number}/{name}": value.detach().to("cpu", copy=True).contiguous()
            for place, repeats in enumerate(builder.batches(last, before))
            for number, batch in enumerate(repeats)
            for name, value in batch.items()
        }
        facts = {
            "round": self._stages.round,
            "player": player,
            "stage": self._stages.experiment.stage,
            "seed": builder.seed,
            "examples_before": before,
            "terms": reading.terms,
            "skipped": reading.skipped,
            "updates": reading.updates,
            "last_clean_checkpoint": self._folder.checkpoints.last_clean(),
        }
        files.make_folder(folder)
        files.replace(folder / "batches.safetensors", safetensors.torch.save(tensors))
        files.replace(folder / FACTS, (json.dumps(log.plain(facts), indent=2) + "\n").encode())


def _scalars(networks: Mapping[str, nn.Module]) -> dict[str, float]:
    """The 0-d buffers of networks without parameters, ``network/buffer``: the probability of augmentation, say."""
    return {
        f"{name}/{buffer}": float(value)
        for name, network in networks.items()
        if not any(True for _ in network.parameters())
        for buffer, value in network.named_buffers()
        if value.dim() == 0
    }
