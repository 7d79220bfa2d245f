"""What training shows on a terminal: a live display, drawn by rich, which is imported for it alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import rich.live
from rich.console import Console, Group
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

from zerosum.training.progress import left


class Paper(Console):
    """A console whose reader may leave: the error goes to the caller, where rich would end the program itself."""

    def on_broken_pipe(self) -> None:
        """The reader has left: BrokenPipeError."""
        raise BrokenPipeError


class Live:
    """A bar with the time left, and the terms below it."""

    def __init__(self, console: Console):
        self._bar = Progress(
            TextColumn("round {task.fields[round]:,}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            expand=True,
        )
        self._task = self._bar.add_task("train", total=1.0, round=0, left="")
        self._said = ""
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
        self._said = "\n".join(f"{player:{width}}  {'  '.join(terms)}" for player, terms in players.items())

    def note(self, text: str) -> None:
        """Write a text above the bar."""
        self._live.console.print(text, markup=False, highlight=False)

    def end(self) -> None:
        """Leave the bar as it stands."""
        self._live.stop()

    def _show(self) -> Group:
        return Group(self._bar, Text(self._said, style="dim"))
