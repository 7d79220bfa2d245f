"""Real processes that train, to be killed, stopped and signalled.

They are forked from a server that has torch imported, so that one costs milliseconds instead of seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["zerosum.cli.train", "zerosum.api", "tests.games", "tests.children"])


def start(target, *args):
    """Start a function in a child."""
    child = _server.Process(target=_run, args=(os.getcwd(), target, args))
    child.start()
    return child


def finish(target, *args, timeout=120):
    """Run a function in a child; its exit code, negative for a signal."""
    child = start(target, *args)
    child.join(timeout)
    assert child.exitcode is not None, "the child did not end"
    return child.exitcode


def _run(folder, target, args):
    import torch

    os.chdir(folder)
    torch.set_num_threads(1)
    with open(f"child-{os.getpid()}.out", "w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    sys.exit(target(*args))


def output():
    """What the children of this folder said."""
    return "".join(path.read_text() for path in sorted(Path.cwd().glob("child-*.out"), key=os.path.getmtime))


def command_line(*words):
    """``zerosum ...``"""
    from zerosum.cli import main

    return main([*words])


def die_at(call, *words):
    """``zerosum ...``, killed at the given call to the disk, half way through it where it writes."""
    from zerosum.training import files

    made = 0

    def deadly(real):
        def function(*args):
            nonlocal made
            made += 1
            if made == call:
                if real.__name__ in ("write", "append", "replace"):
                    path = args[0].with_name(args[0].name + ".new") if real.__name__ == "replace" else args[0]
                    with path.open("ab" if real.__name__ == "append" else "wb") as file:
                        file.write(args[1][: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        return function

    for name in ("write", "append", "truncate", "sync", "make_folder", "rename", "replace", "remove"):
        setattr(files, name, deadly(getattr(files, name)))
    return command_line(*words)


def noisy(rounds, save_every=None, out="noisy"):
    """Train the game with dropout and batch normalisation."""
    from tests.games import noisy_experiment
    from zerosum.report.pictures import preview
    from zerosum.training import Goal, Intervals, RunFolder, Training

    experiment, builder = noisy_experiment()
    folder = RunFolder.claim(Path(out), {"recipe": "noisy", "config": {}, "data": {}, "seed": 0})
    try:
        intervals = Intervals(10, 50, save_every)
        Training(
            experiment, builder, folder, Goal(rounds=rounds), lambda split: builder._data, intervals, picture=preview
        ).run()
    finally:
        folder.release()
    return 0


def wait_for(condition, timeout=60):
    """Wait until something holds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
