"""``zerosum sample``: pictures and arrays of a run's samples."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zerosum as zs
from tests.cli.commands import TRAIN, answer, opened


@pytest.mark.parametrize("recipe", ["vanilla", "mlp_gan"])
def test_sample_draws_pictures_and_arrays(capsys, recipe):
    answer(capsys, "train", recipe, "--out", "run", "--rounds", "3", "--batch-size", "16")
    code, out, _ = answer(capsys, "sample", "run", "--n", "9", "--out", "grid.png")
    assert code == 0
    assert "9 samples of round 3: grid.png" in out
    assert opened("grid.png").size == (152, 152)
    for words in (
        ["--n", "1203", "--out", "a.npz"],
        ["--n", "7", "--out", "b.npz"],
        ["--n", "7", "--out", "c.npz", "--seed", "1"],
    ):
        assert answer(capsys, "sample", "run", *words)[0] == 0
    a, b, c = (np.load(f"{name}.npz")["x"] for name in "abc")
    assert a.shape == (1203, 1, 8, 8)
    assert a.dtype == np.float32
    np.testing.assert_allclose(a[:7], b, atol=1e-6)
    assert not np.array_equal(b, c)
    from zerosum import load

    np.testing.assert_array_equal(load("run").sample(7).numpy(), b)


def test_samples_of_points_are_scattered(capsys):
    answer(capsys, "train", "vanilla", "--data", "ring", "--out", "run", "--rounds", "3")
    assert answer(capsys, "sample", "run", "--n", "300", "--out", "points.png")[0] == 0
    assert opened("points.png").mode == "RGB"
    grey = (np.asarray(opened("points.png")) == (170, 178, 189)).all(2)  # real points, which say how wide the data are
    assert grey.any()


def test_an_earlier_checkpoint_can_be_sampled(capsys):
    answer(capsys, *TRAIN, "--rounds", "6", "--save-every", "2")
    assert "of round 2" in answer(capsys, "sample", "run", "--checkpoint", "2", "--out", "two.png")[1]
    code, _, err = answer(capsys, "sample", "run", "--checkpoint", "3", "--out", "three.png")
    assert (code, "has no checkpoint of round 3" in err) == (4, True)


def test_ten_thousand_samples_need_bounded_memory():
    """64x64 colour: all of them are 470 MiB of float32; the process grows by a fraction of that."""
    code = """
import resource, sys, torch
from torch import nn
from zerosum.data import DataSpec
from zerosum import api
from tests.games import plain_gan
from zerosum.sources import Normal
from zerosum.training import Experiment
game, _ = plain_gan()
big = lambda net, batch: batch["z"][:, :1, None, None].sigmoid().expand(-1, 3, 64, 64)
experiment = Experiment(game, {"z": Normal(4)}, {"sample": big})
model = api.Model(experiment, "test", None, DataSpec.of("big", "image", (3, 64, 64)), 0)
api.sample(model, "warm.npz", 600)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
api.sample(model, "big.npz", 10000)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": root}
    )
    assert int(done.stdout.split()[-1]) < 150, "MiB"
    assert np.load("big.npz", mmap_mode="r")["x"].shape == (10000, 3, 64, 64)


def test_samples_of_a_label(capsys):
    """By name and by number: all of them of that label, from the latents of the same seed."""
    folder = Path("mine")
    for n in range(12):
        for label, value in (("dark", 10), ("light", 240)):
            (folder / label).mkdir(parents=True, exist_ok=True)
            Image.new("L", (8, 8), value + n).save(folder / label / f"{n}.png")
    settings = {"width": 4, "latent": 4, "batch_size": 8, "conditional": True, "progress": False}
    zs.train("r3gan", data="mine", rounds=2, out="run", **settings)
    model = zs.load("run")
    experiment = model.experiment
    z = model.latents(6)
    for name, number in (("dark", 0), ("light", 1)):
        told = experiment.call("sample", {"z": z, "fake_label": torch.full((6,), number)})
        assert torch.equal(model.sample(6, label=name), told)
    assert not torch.equal(model.sample(6, label="dark"), model.sample(6, label="light"))
    code, _, err = answer(capsys, "sample", "run", "--n", "4", "--label", "light", "--out", "light.npz")
    assert code == 0, err
    np.testing.assert_array_equal(np.load("light.npz")["x"], model.sample(4, label="light").numpy())
    code, _, err = answer(capsys, "sample", "run", "--label", "lihgt")
    assert code == 2
    assert "unknown label 'lihgt'; nearest: light" in err
    zs.train("dcgan", data="mine", rounds=1, out="plain", width=4, batch_size=8, progress=False)
    code, _, err = answer(capsys, "sample", "plain", "--label", "light")
    assert code == 2
    assert "this model makes no examples of a label: it was not trained with labels" in err


def test_truncated_samples(capsys):
    answer(capsys, "train", "mlp_gan", "--out", "run", "--rounds", "3", "--batch-size", "16")
    assert answer(capsys, "sample", "run", "--n", "9", "--out", "cut.npz", "--truncation", "0.5")[0] == 0
    model = zs.load("run", truncation=0.5)
    np.testing.assert_array_equal(np.load("cut.npz")["x"], model.sample(9).numpy())
    assert float(model.latents(9).abs().max()) <= 0.5
    assert answer(capsys, "explore", "run", "walk", "--out", "walk.png", "--truncation", "0.5")[0] == 0
    answer(capsys, "train", "vanilla", "--out", "other", "--rounds", "3", "--batch-size", "16")
    code, _, error = answer(capsys, "sample", "other", "--truncation", "0.5")
    assert (code, "truncation cuts off a normal latent z" in error) == (2, True)
