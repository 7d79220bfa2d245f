"""Signals that ask training to stop: once is asked politely, twice is not."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

PREEMPTED = 75
CTRL_C = 130


class Interrupts:
    """While entered, SIGINT, SIGTERM and SIGUSR1 are remembered instead of acted on.

    A second SIGINT raises :class:`KeyboardInterrupt` wherever the program is: what is on the disk is valid at every
    instant. Does nothing outside the main thread, where Python takes no signal handlers. The handlers before are
    restored at the end.

    Attributes:
        signal: The first signal that came, or None.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 75 ("restart me") after the others."""
        return CTRL_C if self.signal == signal.SIGINT else PREEMPTED

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
                if hasattr(signal, name):
                    number = signal.Signals[name]
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.signal == signal.SIGINT:
            raise KeyboardInterrupt("left at once; the last checkpoint is valid.")
        if self.signal is None:
            self.signal = signal.Signals(number)
            if number == signal.SIGINT:
                # Straight to the descriptor: a handler may run in the middle of another write to stderr.
                os.write(2, b"\nfinishing the round and saving; Ctrl-C again to leave at once.\n")
