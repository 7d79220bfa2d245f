"""Training from Python: exact resume, interrupts, the caller's state."""

import shutil
from pathlib import Path

import pytest
import torch

import zerosum as zs
from tests.api.runs import read_weights, train
from zerosum.training.folder import read_record


def test_the_record_says_what_made_the_numbers():
    train()
    record = read_record(Path("run"))
    assert record["executions"] == {"discriminator": "fused", "generator": "fused"}
    assert record["mode"] == "eager"
    assert record["torch"] == torch.__version__
    assert {"host", "processor", "cores", "python", "zerosum", "device", "threads", "seed", "config", "data"} <= set(
        record
    )


def test_training_leaves_the_callers_randomness_and_threads_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(threads=2)
    zs.load("run").sample(3)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == 1


def test_interrupts_of_a_script_are_keyboard_interrupts(monkeypatch):
    import os
    import signal

    from zerosum.game import Game

    real = Game.play

    def play(self, *args):
        real(self, *args)
        if self.round == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Game, "play", play)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="stopped by SIGINT and saved: round 3"):
        train(rounds=100)
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.undo()
    assert train(rounds=4).round == 4


@pytest.mark.parametrize(
    "way",
    [
        {"precision": "bfloat16"},
        {"micro_batches": 4},
        {"activation_checkpointing": True},
        {"precision": "bfloat16", "micro_batches": 2, "activation_checkpointing": True},
    ],
    ids=str,
)
def test_resume_is_exact_however_rounds_are_played(way):
    train(out="whole", rounds=23, threads=1, **way)
    train(out="parts", rounds=9, threads=1, **way)
    train(out="parts", rounds=23, activation_checkpointing=way.get("activation_checkpointing", False))
    whole, parts = (read_weights(out) for out in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    record = read_record(Path("parts"))
    assert record["precision"] == way.get("precision", "float32")
    assert record["micro_batches"] == way.get("micro_batches", 1)
    assert "amendments" not in record


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="the compiler of torch.compile needs g++")
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")
def test_resume_is_exact_where_rounds_are_compiled():
    train(out="whole", rounds=23, mode="compile")
    train(out="parts", rounds=9, mode="compile")
    torch._dynamo.reset()  # as a new process
    train(out="parts", rounds=23)
    whole, parts = (read_weights(out) for out in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_activations_computed_again_are_the_same_run():
    train(out="kept", rounds=9)
    train(out="again", rounds=9, activation_checkpointing=True)
    kept, again = (read_weights(out) for out in ("kept", "again"))
    assert all(torch.equal(kept[name], again[name]) for name in kept)
