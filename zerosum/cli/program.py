"""The program: it finds the verb, and turns its errors into sentences and exit codes.

A verb's module is imported when it is called for, so ``zerosum --help`` imports neither torch nor the verbs.
"""

from __future__ import annotations

import gc
import importlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from zerosum import __version__
from zerosum.errors import ConfigError, Interrupted, ZerosumError, unknown

VERBS = {
    "train": "train a recipe on data; the same command again continues",
    "sample": "draw samples from a run, as a picture or as arrays",
    "apply": "apply the model of a run to images, one result for each",
    "explore": "walk through the latents of a run, or see a plane of them",
    "evaluate": "evaluate a run by metrics, beside reference values",
    "report": "write a run as one page that can be mailed",
    "replay": "play a round of a run again, to find the cause of a divergence",
    "data": "scan images of your own, or pack them into shards",
    "list": "list recipes, data or metrics",
    "show": "describe a recipe: its networks, players, turns and settings",
    "copy": "copy a recipe into a file of your own, to be changed",
    "lab": "play a scene of the theory: a page, a picture and numbers",
    "bench": "measure this machine, and the speed of a recipe on it",
    "check": "check a recipe against the contract of all recipes",
}

USAGE = """\
usage: zerosum VERB ...

Adversarial learning in PyTorch.

verbs:
{verbs}

options:
  -h, --help  this page; after a verb, the verb's
  --version   the version
  --debug     with any verb: show the traceback of an error

begin with:
  zerosum train mlp_gan --data digits --out runs/first --budget 30s
  zerosum sample runs/first --n 64 --out grid.png
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0 done, 2 a wrong option, 3 data, 4 run folder or checkpoint, 5 diverged, 6 ranks, 75 preempted (start it again),
    130 Ctrl-C, 141 the reader left.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    if debug:
        words.remove("--debug")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"zerosum: {message}", file=sys.stderr)
            return _verb(words)
    except ZerosumError as error:
        if debug:
            raise
        print(f"zerosum: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as error:
        print(f"zerosum: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as error:
        print(f"zerosum: {error or 'interrupted.'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has closed it
        sys.stdout = None  # or the interpreter complains once more on closing it
        return 141  # as a shell says of a program the pipe's signal ended: a training is not done
    except OSError as error:
        if debug or error.filename is None:
            raise
        print(f"zerosum: {error.filename}: {error.strerror}.", file=sys.stderr)
        return 4
    except Exception as error:
        from zerosum import recipes

        where = recipes.place(error)
        if debug or where is None:
            raise
        print(f"zerosum: {where}: {recipes.reason(error)}", file=sys.stderr)
        return 2


def _verb(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(USAGE.format(verbs="\n".join(f"  {verb:8} {text}" for verb, text in VERBS.items())), end="")
        return 0 if words else 2
    if words[0] == "--version":
        print(f"zerosum {__version__}")
        return 0
    if words[0] not in VERBS:
        raise ConfigError(unknown("verb", words[0], VERBS))
    with uncollected():
        module = importlib.import_module(f"zerosum.cli.{words[0]}")
    return int(module.run(words[1:]))


@contextmanager
def uncollected() -> Iterator[None]:
    """Import libraries without the garbage collector, which would walk the million objects of torch again and again.

    They stay until the program ends, so later collections are spared them too.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
