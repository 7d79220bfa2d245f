"""The loop: logs, intervals, failing disks, divergence."""

import errno
import json
import math
import os
from pathlib import Path

import pytest
import torch

import zerosum as zs
from tests.games import noisy_experiment, points
from zerosum.errors import Diverged, RunError
from zerosum.report.pictures import preview
from zerosum.training import Goal, Intervals, RunFolder, Training, files, log, play_round
from zerosum.training.display import Silent
from zerosum.training.folder import checkpoints_of

RECORD = {"recipe": "noisy", "config": {}, "data": {}, "seed": 0}


class Told(Silent):
    """Remembers what the user was told."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def run(goal, out="run", told=None, experiment=None, **intervals):
    experiment, builder = experiment or noisy_experiment()
    folder = RunFolder.claim(Path(out), RECORD)
    try:
        intervals = Intervals(**intervals)
        return Training(
            experiment, builder, folder, goal, lambda split: points(), intervals, told, picture=preview
        ).run()
    finally:
        folder.release()


def records(out="run"):
    return list(log.read(Path(out) / "log.jsonl"))


def test_goals():
    assert Goal(rounds=10).fraction(5, 0, 0) == 0.5
    assert Goal(examples=100).fraction(5, 150, 0) == 1.5
    assert Goal(seconds=10).fraction(5, 0, 1) == 0.1
    assert run(Goal(rounds=7)).round == 7
    assert run(Goal(examples=7 * 48 + 1), "examples").round == 8
    outcome = run(Goal(seconds=0.3), "seconds")
    assert outcome.round > 1
    assert outcome.seconds >= 0.3


def test_the_log_says_what_happened_every_so_many_rounds():
    outcome = run(Goal(rounds=25), log=10)
    assert [r["round"] for r in records()] == [10, 20, 25]
    assert records()[-1]["examples"] == outcome.examples == 25 * 48
    assert set(records()[0]["terms"]) == {
        "discriminator/real",
        "discriminator/fake",
        "discriminator/r1",
        "generator/adversarial",
    }
    assert records()[0]["signals"] == {"discriminator/skipped": 0, "generator/skipped": 0}
    seconds = [r["seconds"] for r in records()]
    assert seconds == sorted(seconds)


def test_pictures_and_checkpoints_at_their_intervals():
    run(Goal(rounds=25), sample=10, save=10)
    assert sorted(p.name for p in Path("run/samples").iterdir()) == [f"round-{r:08d}.png" for r in (0, 10, 20, 25)]
    assert sorted(p.name for p in Path("run/checkpoints").iterdir()) == ["latest", "round-10", "round-20", "round-25"]


def test_intervals_change_nothing_in_training():
    run(Goal(rounds=25), "often", log=1, sample=1, save=1)
    run(Goal(rounds=25), "seldom", log=1000, sample=1000)
    loaded = [checkpoints_of(Path(out), RECORD).load().tensors for out in ("often", "seldom")]
    for name in loaded[0]:
        if not name.startswith("accumulator/"):
            assert torch.equal(loaded[0][name], loaded[1][name]), name


def test_the_same_goal_again_is_reached_already():
    run(Goal(rounds=12), log=5)
    before = {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()}
    told = Told()
    assert run(Goal(rounds=12), told=told, log=5).round == 12
    assert told.notes == [n for n in told.notes if n.startswith("the goal is reached already: round 12")]
    after = {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()}
    assert after.keys() == before.keys()
    changed = [p.name for p in after if after[p] != before[p]]
    assert set(changed) <= {"log.jsonl", "report.html"}  # the last line has another time, which the report tells
    assert [r["terms"] for r in records()] == [
        json.loads(x)["terms"] for x in before[Path("run/log.jsonl")].decode().split("\n")[:-1]
    ]


def test_a_damaged_checkpoint_is_told_set_aside_and_logged():
    run(Goal(rounds=20), save=10)
    target = Path("run/checkpoints/round-20/game.safetensors")
    target.write_bytes(target.read_bytes()[:-1])
    told = Told()
    run(Goal(rounds=20), told=told)
    run(Goal(rounds=20), "unbroken")
    assert "round-20 is damaged: game.safetensors has" in told.notes[0]
    assert "Continuing from round-10." in told.notes[0]
    assert [r["event"]["kind"] for r in records() if "event" in r] == ["damaged", "resumed"]
    assert target.read_bytes() == Path("unbroken/checkpoints/round-20/game.safetensors").read_bytes()
    assert Path("run/checkpoints/round-20.damaged-1").is_dir()


def test_a_checkpoint_of_other_networks_is_an_error():
    run(Goal(rounds=3))
    experiment, builder = noisy_experiment()
    experiment.game.networks.generator[0] = torch.nn.Linear(5, 16)
    with pytest.raises(RunError, match=r"round-3 does not fit the networks this recipe builds: .*generator/0.weight"):
        run(Goal(rounds=5), experiment=(experiment, builder))


def test_a_log_that_is_too_short_is_told():
    run(Goal(rounds=20), log=5)
    Path("run/log.jsonl").write_bytes(b"")
    told = Told()
    run(Goal(rounds=30), told=told, log=5)
    assert "log.jsonl is shorter than the checkpoint says" in told.notes[0]
    assert [r["round"] for r in records() if "terms" in r] == [25, 30]


# Disks that refuse while training (fault 2), injected at our own file calls


def refusing(monkeypatch, call, name, times):
    real = getattr(files, call)
    refused = []

    def function(path, *args):
        if name in str(path) and len(refused) < times:
            refused.append(path)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, *args)

    monkeypatch.setattr(files, call, function)


@pytest.mark.fault
def test_fault_2_no_room_is_found_before_round_1(monkeypatch):
    monkeypatch.setattr(files, "free", lambda path: 1 << 19)
    with pytest.raises(
        RunError, match=r"run has no room for this run \(a checkpoint needs 1.0 MiB, the disk has 0.5 MiB\)"
    ):
        run(Goal(rounds=5))
    assert not Path("run/checkpoints").exists()
    monkeypatch.undo()
    assert run(Goal(rounds=5)).round == 5


@pytest.mark.fault
def test_fault_2_training_goes_on_over_a_few_failed_checkpoints(monkeypatch):
    told = Told()
    refusing(monkeypatch, "write", "game.safetensors", 3)
    run(Goal(rounds=10), told=told, save=2, failures=3)
    run(Goal(rounds=10), "unbroken")
    assert told.notes == [
        f"the checkpoint of round {r} could not be written (No space left on device); training goes on."
        for r in (2, 4, 6)
    ]
    name = "checkpoints/round-10/game.safetensors"
    assert (Path("run") / name).read_bytes() == (Path("unbroken") / name).read_bytes()


@pytest.mark.fault
def test_fault_2_too_many_failed_checkpoints_stop_training_and_keep_the_old(monkeypatch):
    run(Goal(rounds=4), save=2)
    refusing(monkeypatch, "write", "game.safetensors", 100)
    with pytest.raises(
        RunError, match=r"the checkpoint of round 12 .*No space left .*; what was saved before is intact"
    ):
        run(Goal(rounds=100), save=2, failures=3)
    monkeypatch.undo()
    assert run(Goal(rounds=6)).round == 6


@pytest.mark.fault
def test_fault_2_the_last_checkpoint_may_not_fail(monkeypatch):
    refusing(monkeypatch, "rename", "round-5", 1)
    with pytest.raises(RunError, match="the checkpoint of round 5 could not be written"):
        run(Goal(rounds=5))


@pytest.mark.fault
def test_fault_2_a_full_disk_loses_lines_of_the_log_and_no_more(monkeypatch):
    told = Told()
    refusing(monkeypatch, "append", "log.jsonl", 2)
    run(Goal(rounds=25), told=told, log=5)
    assert [r["round"] for r in records()] == [15, 20, 25]
    assert told.notes[0] == "the log of round 5 could not be written (No space left on device); training goes on."
    assert len(told.notes) == 2


# Numbers that leave the finite


class Poisoned:
    """Data with a NaN in some batches."""

    def __init__(self, bad):
        self.data, self.bad = points(), bad
        self.spec, self.count, self.fingerprint = self.data.spec, self.data.count, self.data.fingerprint

    def locate(self, position, size):
        batch = self.data.batch(position, size)
        if self.bad(position):
            batch["x"] = torch.full_like(batch["x"], math.nan)
        return batch

    def gather(self, located):
        return located


def without_batch_norm():
    from tests.games import plain_gan
    from zerosum.sources import Normal
    from zerosum.training import Experiment

    game, builder = plain_gan()
    return Experiment(game, {"z": Normal(4)}, {"sample": lambda net, b: net.generator(b["z"])}), builder


def test_the_log_says_what_networks_without_parameters_count():
    told = {"augment": "adaptive", "augment_examples": 640, "log_every": 4, "progress": False}
    zs.train("dcgan", rounds=4, batch_size=16, width=2, kernel=4, out="run", **told)
    (record,) = (r for r in records() if "terms" in r)
    (p,) = (value for name, value in record["signals"].items() if not name.endswith("skipped"))
    assert list(record["signals"]) == ["discriminator/skipped", "generator/skipped", "ada/p"]
    assert p == pytest.approx(float(zs.load("run").experiment.game.networks["ada"].p))


def test_a_few_skipped_updates_are_told():
    experiment, builder = without_batch_norm()
    builder._data = Poisoned(lambda position: position == 16 * 3)
    told = Told()
    run(Goal(rounds=10), told=told, experiment=(experiment, builder), log=5)
    assert told.notes == ["1 of 5 updates of discriminator were skipped: gradients not finite."]
    (event,) = (r for r in records() if "event" in r)
    assert event["event"]["data"] == {"player": "discriminator", "skipped": 1, "updates": 5}
    assert records()[0]["signals"] == {"discriminator/skipped": 1, "generator/skipped": 0}
    assert records()[0]["terms"]["discriminator/real"] is None


def test_a_player_that_cannot_move_any_more_ends_the_run():
    experiment, builder = without_batch_norm()
    builder._data = Poisoned(lambda position: position >= 16 * 10)
    with pytest.raises(Diverged, match=r"none of the last 5 updates of discriminator had finite gradients; lower the"):
        run(Goal(rounds=100), experiment=(experiment, builder), log=5, save=5)
    assert Path("run/checkpoints/round-10").is_dir()


def test_memory_does_not_grow_over_rounds():
    """Nothing is kept from round to round but what the first rounds made: tensors and objects stay as many."""
    import gc

    experiment, builder = noisy_experiment()

    def alive():
        gc.collect()
        objects = gc.get_objects()
        return len(objects), sum(issubclass(type(o), torch.Tensor) for o in objects)

    examples, counts = 0, []
    for _ in range(3):
        for _ in range(300):
            examples = play_round(experiment.game, builder, examples)
        experiment.game.read()
        counts.append(alive())
    assert counts[2][1] == counts[1][1]
    assert counts[2][0] - counts[1][0] < 50
