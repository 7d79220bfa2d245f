"""Loading the model of a run, and what it can be asked."""

import shutil
from pathlib import Path

import pytest
import torch

import zerosum as zs
from tests.api.runs import edit, train
from zerosum.errors import ConfigError, RunError, Unsupported


def test_train_load_sample():
    run = train(rounds=20)
    assert (run.round, run.examples, run.path) == (20, 320, Path("run"))
    assert run.picture.is_file()
    assert [r.metric.partition("[")[0] for r in run.results] == ["neighbour_classes", "neighbour_distance"]
    model = zs.load("run")
    images = model.sample(64, seed=0)
    assert images.shape == (64, 1, 8, 8)
    assert images.dtype == torch.float32
    assert 0 <= images.min() <= images.max() <= 1
    assert torch.equal(images, zs.load(run).sample(64, seed=0))
    assert not torch.equal(images, model.sample(64, seed=1))
    assert torch.equal(torch.cat(list(model.samples(64))), images)
    assert (model.recipe, model.round, model.config.batch_size, model.spec.name) == ("vanilla", 20, 16, "digits")
    assert tuple(model.outputs) == ("sample", "decode", "score")
    assert model.score(images).shape == (64,)


def test_averages_are_shown_and_raw_is_the_other():
    train("mlp_gan", rounds=30)
    model = zs.load("run")
    assert not torch.equal(model.sample(8), model.sample(8, raw=True))


def test_an_earlier_checkpoint():
    train(rounds=6, save_every=2)
    assert zs.load("run").round == 6
    early = zs.load("run", round=2)
    assert early.round == 2
    assert not torch.equal(early.sample(4), zs.load("run").sample(4))
    with pytest.raises(RunError, match="has no checkpoint of round 3"):
        zs.load("run", round=3)


def test_a_model_says_what_it_cannot_do():
    train()
    said = r"has no output 'log_prob': its density is implicit; .* \(it has: sample, decode, score\)"
    with pytest.raises(Unsupported, match=said):
        zs.load("run").log_prob(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ConfigError, match="n must be at least 1, got 0"):
        zs.load("run").sample(0)


def test_loading_what_is_no_run():
    with pytest.raises(RunError, match=r"nowhere is no run folder"):
        zs.load("nowhere")
    Path("empty").mkdir()
    with pytest.raises(RunError, match=r"empty is no run folder \(there is no config.json in it\)"):
        zs.load("empty")
    train()

    shutil.rmtree("run/checkpoints")
    with pytest.raises(RunError, match="run has no checkpoint yet"):
        zs.load("run")


def test_loading_needs_no_data_and_changes_nothing():
    train("vanilla", data="ring")
    before = {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()}
    assert zs.load("run").sample(3).shape == (3, 2)
    assert {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()} == before


def test_a_damaged_checkpoint_is_passed_over_with_a_warning_and_left_in_place():
    train(rounds=4, save_every=2)
    (Path("run") / "checkpoints/round-4/game.safetensors").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"round-4 is damaged: game.safetensors has 0 bytes of .* Using round-2\."):
        assert zs.load("run").round == 2
    assert Path("run/checkpoints/round-4").is_dir()


@pytest.mark.fault
def test_fault_4_a_changed_record_is_not_silent():
    """The learning rate in config.json is what the checkpoints say it was."""
    train()
    edit("0.001", "0.003")
    with pytest.raises(RunError, match=r"does not belong to the config.json of its run"):
        zs.load("run")
    with pytest.raises(ConfigError, match=r"learning_rate was 0.003, now 0.001"):
        train()
