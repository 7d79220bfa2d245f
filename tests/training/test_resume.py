"""Exact resume: however a run was stopped, the bits are those of the unbroken one."""

import random
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


def lines(out="run"):
    """The log without times and without events."""
    kept = [{k: v for k, v in record.items() if k != "seconds"} for record in log.read(Path(out) / "log.jsonl")]
    return [record for record in kept if "event" not in record]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The weights and the log of each recipe trained in one go."""
    import os

    before = os.getcwd()
    folder = tmp_path_factory.mktemp("unbroken")
    os.chdir(folder)
    try:
        for recipe in RECIPES:
            assert finish(command_line, *words(recipe, ROUNDS, recipe)) == 0
        assert finish(noisy, ROUNDS) == 0
        return {name: (weights(name), lines(name)) for name in (*RECIPES, "noisy")}
    finally:
        os.chdir(before)


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


def killed_at_random(times, seed, target, *arguments):
    """Start, kill -9 at a random instant, start again; in the end let it finish. How many kills found it running."""
    generator = random.Random(seed)
    kills = 0
    for _ in range(times):
        child = start(target, *arguments)
        time.sleep(generator.uniform(0.05, 0.5))
        kills += child.exitcode is None
        child.kill()
        child.join(60)
    assert finish(target, *arguments) == 0, output()
    return kills


@pytest.mark.fault
@pytest.mark.parametrize(
    ("times", "rounds"),
    [
        pytest.param(5, 400, id="5 kills"),
        pytest.param(50, 4000, id="50 kills", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
@pytest.mark.parametrize("recipe", [*RECIPES, "noisy"])
def test_fault_1_kill_9_at_random_instants(recipe, times, rounds):
    """A checkpoint after every round, so that many a kill finds one half written."""
    seed = times + len(recipe)
    if recipe == "noisy":
        kills = killed_at_random(times, seed, noisy, rounds, 1, "run")
        assert finish(noisy, rounds, None, "unbroken") == 0
    else:
        kills = killed_at_random(times, seed, command_line, *words(recipe, rounds, "run", "--save-every", "1"))
        assert finish(command_line, *words(recipe, rounds, "unbroken")) == 0
    assert kills >= 0.8 * times, "too few rounds to be killed in"
    assert weights("run", rounds) == weights("unbroken", rounds)
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
        left = [path.name for path in Path(out).rglob("*") if "tmp" in path.name or "probe" in path.name]
        assert left == [], call


def long_run(*more):
    return words("vanilla", 10**7, "run", "--save-every", "1000000", *more)


def started(child):
    wait_for(lambda: Path("run/log.jsonl").exists() or child.exitcode is not None)
    assert child.exitcode is None, output()


@pytest.mark.fault
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 75), ("SIGUSR1", 75), ("SIGINT", 130)])
def test_fault_21_a_signal_finishes_the_round_saves_and_leaves(name, code):
    child = start(command_line, *long_run())
    started(child)
    asked = time.monotonic()
    import os

    os.kill(child.pid, signal.Signals[name])
    child.join(30)
    assert child.exitcode == code, output()
    assert time.monotonic() - asked < 30
    assert f"stopped by {name} and saved" in output()
    (saved,) = (int(path.name.removeprefix("round-")) for path in Path("run/checkpoints").glob("round-*"))
    assert finish(command_line, *words("vanilla", saved + 5)) == 0
    assert finish(command_line, *words("vanilla", saved + 5, "unbroken")) == 0
    assert weights("run", saved + 5) == weights("unbroken", saved + 5)
    assert lines("run") == lines("unbroken")


def slow_saves(*arguments):
    """Train with a disk that takes its time over a checkpoint."""
    from zerosum.training import files

    real = files.write

    def write(path, data):
        if path.name == "game.safetensors":
            Path("saving").touch()
            time.sleep(1.5)
        real(path, data)

    files.write = write
    return command_line(*arguments)


@pytest.mark.fault
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 75), ("SIGINT", 130)])
def test_fault_21_a_signal_during_a_save(name, code):
    import os

    child = start(slow_saves, *words("vanilla", 10**7, "run", "--save-every", "20"))
    wait_for(lambda: Path("saving").exists())
    os.kill(child.pid, signal.Signals[name])
    child.join(60)
    assert child.exitcode == code, output()
    assert finish(command_line, *words("vanilla", 45)) == 0
    assert finish(command_line, *words("vanilla", 45, "unbroken")) == 0
    assert weights("run", 45) == weights("unbroken", 45)


@pytest.mark.fault
def test_fault_21_a_second_ctrl_c_leaves_at_once_with_the_disk_valid():
    import os

    assert finish(command_line, *words("vanilla", 30)) == 0
    child = start(slow_saves, *words("vanilla", 10**7, "run", "--save-every", "20"))
    wait_for(lambda: Path("saving").exists())
    asked = time.monotonic()
    os.kill(child.pid, signal.SIGINT)
    time.sleep(0.1)
    os.kill(child.pid, signal.SIGINT)
    child.join(60)
    assert child.exitcode == 130
    assert time.monotonic() - asked < 1.4, "it waited for the save"
    assert "left at once" in output()
    assert finish(command_line, *words("vanilla", 45)) == 0
    assert finish(command_line, *words("vanilla", 45, "unbroken")) == 0
    assert weights("run", 45) == weights("unbroken", 45)
