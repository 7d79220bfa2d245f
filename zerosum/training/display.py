"""The progress of a training: a live display on a terminal, plain lines everywhere else.

Notes go to the logger ``zerosum`` as well, whatever is shown.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

LOGGER = logging.getLogger("zerosum")

PLAIN_EVERY = 5.0
"""Seconds between two plain lines."""


class Display(Protocol):
    """The calls of the loop."""

    def begin(self) -> None:
        """Training starts."""
        ...

    def tick(self, round: int, fraction: float, seconds: float) -> None:
        """A round was played.

        Arguments:
            round: Rounds of the whole run.
            fraction: How much of the goal is reached.
            seconds: Seconds of training.
        """
        ...

    def terms(self, record: Mapping[str, Any]) -> None:
        """A line was logged."""
        ...

    def note(self, text: str) -> None:
        """A sentence for the user."""
        ...

    def end(self) -> None:
        """Training has stopped."""
        ...


class Silent:
    """Shows nothing; notes are logged."""

    def begin(self) -> None: ...
    def tick(self, round: int, fraction: float, seconds: float) -> None: ...
    def terms(self, record: Mapping[str, Any]) -> None: ...
    def end(self) -> None: ...

    def note(self, text: str) -> None:
        """Log a sentence."""
        LOGGER.info("%s", text)


class Plain:
    """A line every few seconds.

    Arguments:
        stream: Of the lines; the standard output by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._last = 0.0
        self._left = ""

    def begin(self) -> None:
        self._last = 0.0

    def tick(self, round: int, fraction: float, seconds: float) -> None:
        self._left = left(fraction, seconds)

    def terms(self, record: Mapping[str, Any]) -> None:
        if time.monotonic() - self._last >= PLAIN_EVERY:
            self._last = time.monotonic()
            parts = [
                f"round {record['round']}",
                f"{record['examples']} examples",
                f"{record['seconds']:.1f} s",
                self._left,
            ]
            self._write("  ".join(filter(None, [*parts, _terms(record)])))

    def note(self, text: str) -> None:
        """Log a sentence, and write it as a line."""
        LOGGER.info("%s", text)
        self._write(text)

    def end(self) -> None: ...

    def _write(self, line: str) -> None:
        stream = self._stream or sys.stdout
        if stream is not None:  # a program without a console has none
            stream.write(f"{line}\n")
            stream.flush()


class Live:
    """A bar with the time left, and the terms below it."""

    def __init__(self, console: Any):
        import rich.live
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._bar = Progress(
            TextColumn("round {task.fields[round]:,}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            expand=True,
        )
        self._task = self._bar.add_task("train", total=1.0, round=0, left="")
        self._lines = ""
        # Drawn by a thread of its own, rarely: it takes time from a two-core training.
        self._live = rich.live.Live(console=console, get_renderable=self._show, refresh_per_second=4)
        self._last = 0.0

    def begin(self) -> None:
        """Draw, from here on."""
        self._live.start()

    def tick(self, round: int, fraction: float, seconds: float) -> None:
        """A round was played: the bar moves, a few times a second.

        Arguments:
            round: Rounds of the whole run.
            fraction: How much of the goal is reached.
            seconds: Seconds of training.
        """
        now = time.monotonic()
        if now - self._last >= 0.2 or fraction >= 1:
            self._last = now
            self._bar.update(self._task, completed=min(fraction, 1.0), round=round, left=left(fraction, seconds))

    def terms(self, record: Mapping[str, Any]) -> None:
        """A line was logged: its terms are shown, a line for each player."""
        players: dict[str, list[str]] = {}
        for name, value in record.get("terms", {}).items():
            player, _, term = name.partition("/")
            players.setdefault(player, []).append(f"{term} {value:.4g}")
        width = max(map(len, players), default=0)
        self._lines = "\n".join(f"{player:{width}}  {'  '.join(terms)}" for player, terms in players.items())

    def note(self, text: str) -> None:
        """Log a sentence, and write it above the bar."""
        LOGGER.info("%s", text)
        self._live.console.print(text, markup=False, highlight=False)

    def end(self) -> None:
        """Leave the bar as it stands."""
        self._live.stop()

    def _show(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        return Group(self._bar, Text(self._lines, style="dim"))


def display() -> Display:
    """The display for the standard output: live on a terminal, plain lines for NO_COLOR and pipes."""
    # Rich alone knows what is a terminal, but is not worth its import where nothing says that there may be one.
    if getattr(sys.stdout, "isatty", bool)() or {"FORCE_COLOR", "TTY_COMPATIBLE"} & os.environ.keys():
        console = _console()
        if console.is_terminal and not console.no_color:
            return Live(console)
    return Plain()


def _console() -> Any:
    """A console that raises when its reader has closed the pipe, where rich would end the program itself."""
    from rich.console import Console  # drawn by rich, which is imported for the live display alone

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Piped()


def duration(seconds: float) -> str:
    """A length of time as people say it.

    Examples:
        >>> duration(8.4), duration(100), duration(9000)
        ('8.4 s', '1 min 40 s', '2 h 30 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def left(fraction: float, seconds: float) -> str:
    """The time left, in words; empty where it is unknown.

    Arguments:
        fraction: How much of the goal is reached.
        seconds: Seconds of training it took.
    """
    if not 0 < fraction < 1:
        return ""
    return f"{duration(seconds * (1 - fraction) / fraction)} left"


def _terms(record: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in record.get("terms", {}).items())
