"""Exact resume: however a run was stopped, the bits are those of the unbroken one."""

import contextlib
import os
import random
import re
import signal
import time
from pathlib import Path

import pytest

from tests.children import command_line, die_at, finish, noisy, output, start, wait_for
from zerosum.training import log

ROUNDS = 60
RECIPES = ("mlp_gan", "vanilla")


def words(recipe, rounds=ROUNDS, out="run", *more):
    return ("train", recipe, "--out", out, "--rounds", str(rounds), "--batch-size", "16", "--log-every", "10", *more)


def weights(out="run", rounds=ROUNDS):
    return (Path(out) / "checkpoints" / f"round-{rounds}" / "game.safetensors").read_bytes()


def saved(out="run"):
    """Rounds with a committed checkpoint."""
    found = (re.fullmatch(r"round-(\d+)", path.name) for path in Path(out).glob("checkpoints/*"))
    return [int(match[1]) for match in found if match]


def lines(out="run"):
    """The log without times and without events."""
    kept = [{k: v for k, v in record.items() if k != "seconds"} for record in log.read(Path(out) / "log.jsonl")]
    return [record for record in kept if "event" not in record]


def judgements(out):
    """What the judges said, as read by whoever comes next."""
    return list(log.read(Path(out) / "metrics.jsonl"))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The weights and the log of each recipe trained in one go."""
    with contextlib.chdir(tmp_path_factory.mktemp("unbroken")):
        for recipe in RECIPES:
            assert finish(command_line, *words(recipe, ROUNDS, recipe)) == 0
        assert finish(noisy, ROUNDS) == 0
        return {name: (weights(name), lines(name)) for name in (*RECIPES, "noisy")}


def same_as(unbroken, name, out="run"):
    data, records = unbroken
    assert weights(out) == data
    assert lines(out) == records
    pictures = [path.name for path in (Path(out) / "samples").iterdir()]
    assert f"round-{ROUNDS:08d}.png" in pictures


@pytest.mark.parametrize("recipe", RECIPES)
def test_stopped_and_resumed_at_five_random_offsets(unbroken, recipe):
    stops = sorted(random.Random(1).sample(range(1, ROUNDS), 5))
    for stop in (*stops, ROUNDS):
        assert finish(command_line, *words(recipe, stop)) == 0, output()
    same_as(unbroken[recipe], recipe)


@pytest.mark.parametrize("recipe", RECIPES)
def test_half_the_goal_then_all_of_it(unbroken, recipe):
    assert finish(command_line, *words(recipe, ROUNDS // 2)) == 0
    assert finish(command_line, *words(recipe)) == 0
    same_as(unbroken[recipe], recipe)


def test_dropout_batch_normalisation_lazy_turns_and_averages_resume_too(unbroken):
    for stop in (7, 23, 31, 32, 49, ROUNDS):
        assert finish(noisy, stop) == 0, output()
    same_as(unbroken["noisy"], "noisy", "noisy")


ENDLESS = 10**7


def killed_at_random(times, seed, target, *arguments):
    """Start an endless run, kill -9 at a random instant, start it again; the newest checkpoint that is left."""
    generator = random.Random(seed)
    for _ in range(times):
        child = start(target, *arguments)
        time.sleep(generator.uniform(0.05, 0.5))
        assert child.exitcode is None, output()
        child.kill()
        child.join(60)
    return max(saved(), default=0)


@pytest.mark.fault
@pytest.mark.timeout(900)
@pytest.mark.parametrize("times", [5, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("recipe", [*RECIPES, "noisy"])
def test_fault_1_kill_9_at_random_instants(recipe, times):
    """A checkpoint after every round, so that many a kill finds one half written."""
    if recipe == "noisy":
        run = lambda rounds, out, save=None: (noisy, rounds, save, out)  # noqa: E731
    else:
        run = lambda rounds, out, save=None: (  # noqa: E731
            command_line,
            *words(recipe, rounds, out, *(["--save-every", str(save)] if save else [])),
        )
    last = killed_at_random(times, times + len(recipe), *run(ENDLESS, "run", 1)) + 20
    assert finish(*run(last, "run")) == 0, output()
    assert finish(*run(last, "unbroken")) == 0
    assert weights("run", last) == weights("unbroken", last)
    assert lines("run") == lines("unbroken")
    assert not list(Path("run").rglob("*.tmp*"))


def calls_of_a_run():
    """How many calls to the disk a short run with one checkpoint on the way makes."""
    from zerosum.cli import main
    from zerosum.training import files

    made = []
    names = ("write", "append", "truncate", "sync", "make_folder", "rename", "replace", "remove")
    real = {name: getattr(files, name) for name in names}
    for name in names:
        setattr(files, name, lambda *args, name=name: (made.append(name), real[name](*args))[1])
    main([*words("vanilla", 12, "counted", "--save-every", "3", "--sample-every", "100")])
    Path("calls").write_text(str(len(made)))
    return 0


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_fault_1_kill_9_at_every_call_to_the_disk():
    """Every point of the commit protocol and every other write of a run, torn half way where it writes."""
    short = words("vanilla", 12, "run", "--save-every", "3", "--sample-every", "100")
    assert finish(calls_of_a_run) == 0
    calls = int(Path("calls").read_text())
    assert calls > 40
    expected = weights("counted", 12), lines("counted")
    for call in range(1, calls + 1):
        out = f"run{call}"
        arguments = tuple(out if word == "run" else word for word in short)
        assert finish(die_at, call, *arguments) == -signal.SIGKILL, call
        assert finish(command_line, *arguments) == 0, (call, output()[-2000:])
        assert (weights(out, 12), lines(out)) == expected, call
        assert judgements(out) == judgements("counted"), call
        left = [path.name for path in Path(out).rglob("*") if "tmp" in path.name or "probe" in path.name]
        assert left == [], call


def long_run(*more):
    return words("vanilla", ENDLESS, "run", "--save-every", "1000000", *more)


def started(child):
    wait_for(lambda: Path("run/log.jsonl").exists() or child.exitcode is not None)
    assert child.exitcode is None, output()


@pytest.mark.fault
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 75), ("SIGUSR1", 75), ("SIGINT", 130)])
def test_fault_21_a_signal_finishes_the_round_saves_and_leaves(name, code):
    child = start(command_line, *long_run())
    started(child)
    os.kill(child.pid, signal.Signals[name])
    child.join(30)
    assert child.exitcode == code, output()
    assert f"stopped by {name} and saved" in output()
    (last,) = saved()
    assert finish(command_line, *words("vanilla", last + 5)) == 0
    assert finish(command_line, *words("vanilla", last + 5, "unbroken")) == 0
    assert weights("run", last + 5) == weights("unbroken", last + 5)
    assert lines("run") == lines("unbroken")


def slow_saves(seconds, *arguments):
    """Train with a disk that takes its time over a checkpoint."""
    from zerosum.training import files

    real = files.write

    def write(path, data):
        if path.name == "game.safetensors":
            Path("saving").touch()
            time.sleep(seconds)
            Path("waited").touch()
        real(path, data)

    files.write = write
    return command_line(*arguments)


@pytest.mark.fault
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 75), ("SIGINT", 130)])
def test_fault_21_a_signal_during_a_save(name, code):
    child = start(slow_saves, 1, *words("vanilla", ENDLESS, "run", "--save-every", "20"))
    wait_for(lambda: Path("saving").exists())
    os.kill(child.pid, signal.Signals[name])
    child.join(60)
    assert child.exitcode == code, output()
    assert finish(command_line, *words("vanilla", 45)) == 0
    assert finish(command_line, *words("vanilla", 45, "unbroken")) == 0
    assert weights("run", 45) == weights("unbroken", 45)


@pytest.mark.fault
def test_fault_21_a_second_ctrl_c_leaves_at_once_with_the_disk_valid():
    assert finish(command_line, *words("vanilla", 30)) == 0
    child = start(slow_saves, 30, *words("vanilla", ENDLESS, "run", "--save-every", "20"))
    wait_for(lambda: Path("saving").exists())
    os.kill(child.pid, signal.SIGINT)
    wait_for(lambda: "Ctrl-C again to leave at once" in output())
    os.kill(child.pid, signal.SIGINT)
    child.join(60)
    assert child.exitcode == 130
    assert not Path("waited").exists(), "it waited for the save"
    assert "left at once" in output()
    assert finish(command_line, *words("vanilla", 45)) == 0
    assert finish(command_line, *words("vanilla", 45, "unbroken")) == 0
    assert weights("run", 45) == weights("unbroken", 45)
