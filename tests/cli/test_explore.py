"""``zerosum explore`` as a user meets it: pictures, animations, ends that are samples, one sentence per mistake."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zerosum as zs
from tests.cli.commands import answer
from tests.games import plain_gan
from zerosum import api, latent
from zerosum.api import explore
from zerosum.data import DataSpec
from zerosum.errors import ConfigError, Unsupported
from zerosum.sources import Normal, Uniform
from zerosum.training import Experiment


def train(recipe="gan", **settings):
    small = {"hidden": 16, "latent": 2} | ({"units": 8} if recipe == "gan" else {})
    zs.train(recipe, **{"data": "digits", "rounds": 3, "out": "run", "progress": False} | small | settings)


def frames_of(path):
    """Every frame of an animation as grey values, and how long all of them stay."""
    with Image.open(path) as image:
        frames, duration = [], 0
        for i in range(image.n_frames):
            image.seek(i)
            frames.append(np.asarray(image.convert("L")))
            duration += image.info["duration"]
        return np.stack(frames), duration


def decoding(answers, priors=None, shape=(1, 4, 4)):
    """A run's model without a run: what it answers is made of the latents alone."""
    experiment = Experiment(plain_gan()[0], priors or {"z": Normal(2)}, answers)
    return api.Model(experiment, "test", None, DataSpec.of("made", "image", shape), 0)


def ramp(net, batch):
    """An image that is brighter the larger the first coordinate."""
    return torch.special.ndtr(batch["z"][:, :1, None, None]).expand(-1, 1, 4, 4)


def both(net, batch):
    """An image of which the upper half shows the first coordinate and the lower half the second."""
    return torch.special.ndtr(batch["z"])[:, None, :, None].repeat_interleave(2, 2).expand(-1, 1, 4, 4)


def test_help_of_the_verb_and_of_each_way(capsys):
    assert "usage: zerosum explore RUN walk|grid" in answer(capsys, "explore", "--help")[1]
    for words, options in (
        (("run", "walk", "--help"), ("--keyframes", "--steps", "--closed", "--path", "--seed")),
        (("grid", "-h"), ("--side", "--out", "--raw", "--checkpoint", "--device")),
    ):
        code, out, _ = answer(capsys, "explore", *words)
        assert code == 0
        assert all(option in out for option in options)


def test_a_walk_is_a_picture_with_a_row_from_each_end_to_the_next(capsys):
    train()
    code, out, _ = answer(capsys, "explore", "run", "walk", "--keyframes", "4", "--steps", "6")
    assert code == 0
    assert "19 frames of round 3: walk.png\n" in out
    assert "times the mean one (fading pixel by pixel: " in out
    with Image.open("walk.png") as image:
        assert (image.size, image.mode) == ((7 * 50 + 2, 3 * 50 + 2), "L")
        pixels = np.asarray(image)
    cells = [pixels[2 + 50 * r : 50 + 50 * r, 2 + 50 * c : 50 + 50 * c] for r in range(3) for c in (0, 6)]
    expected = (zs.load("run").sample(4) * 255).round().byte().squeeze(1).numpy().repeat(6, 1).repeat(6, 2)
    for cell, end in zip(cells, (0, 1, 1, 2, 2, 3), strict=True):
        np.testing.assert_array_equal(cell, expected[end])


@pytest.mark.parametrize("recipe", ["gan", "vanilla", "mlp_gan"])
@pytest.mark.parametrize("closed", [False, True])
def test_frames_at_the_ends_are_the_samples_bit_for_bit(recipe, closed):
    train(recipe)
    model = zs.load("run")
    walk = api.walk("run", "walk.png", keyframes=5, steps=3, closed=closed, seed=7)
    assert len(walk.frames) == len(walk.latents) == (16 if closed else 13)
    assert torch.equal(walk.frames[::3][:5], model.sample(5, seed=7))
    assert torch.equal(walk.latents[::3][:5], model.latents(5, seed=7))
    if closed:
        assert torch.equal(walk.frames[-1], walk.frames[0])
    torch.testing.assert_close(walk.frames, model.decode(walk.latents), rtol=0, atol=1e-5)


@pytest.mark.parametrize("n", [1, 18, 500, 503])
def test_latents_decode_to_the_samples_bit_for_bit(n):
    train(hidden=64)
    model = zs.load("run")
    assert torch.equal(model.decode(model.latents(n, seed=2)), model.sample(n, seed=2))
    assert model.latents(n, seed=2).shape == (n, 2)
    assert not torch.equal(model.latents(n, seed=3), model.latents(n, seed=2))
    assert torch.equal(model.latents(503, seed=2)[:n], model.latents(n, seed=2))
    assert isinstance(model.priors["z"], Uniform)


def test_the_average_walks_unless_raw():
    train("mlp_gan", rounds=30)
    model = zs.load("run")
    smooth, raw = (api.walk("run", "walk.png", keyframes=2, raw=raw).frames for raw in (False, True))
    assert torch.equal(smooth[::10], model.sample(2))
    assert torch.equal(raw[::10], model.sample(2, raw=True))
    assert not torch.equal(smooth, raw)


def test_a_walk_between_samples_that_were_picked(capsys):
    train()
    words = ("--keyframes", "3", "17", "3", "--steps", "4", "--seed", "1", "--out", "picked.png")
    code, out, _ = answer(capsys, "explore", "run", "walk", *words)
    assert code == 0
    assert "9 frames of round 3: picked.png" in out
    walk = api.walk("run", "walk.png", keyframes=(3, 17, 3), steps=4, seed=1)
    assert torch.equal(walk.frames[::4], zs.load("run").sample(18, seed=1)[[3, 17, 3]])


def test_the_way_is_the_arc_for_a_normal_prior_and_the_line_for_a_uniform_one():
    for recipe, path in (("gan", "linear"), ("mlp_gan", "spherical")):
        train(recipe, out=recipe)
        ends = zs.load(recipe).latents(5)
        assert torch.equal(api.walk(recipe, "walk.png").latents, latent.walk(ends, 10, path=path))
        for other in latent.PATHS:
            assert torch.equal(api.walk(recipe, "walk.png", path=other).latents, latent.walk(ends, 10, path=other))


def test_an_animation_has_the_frames_and_a_closed_one_no_end_twice(capsys, monkeypatch):
    monkeypatch.setattr(explore, "load", lambda *args: decoding({"sample": both, "decode": both}))
    for words, n in (((), 31), (("--closed",), 40)):
        code, *_ = answer(capsys, "explore", "run", "walk", "--keyframes", "4", "--out", "walk.gif", *words)
        assert code == 0
        frames, duration = frames_of("walk.gif")
        assert frames.shape == (n, 224, 224)
        assert duration == n * explore.DURATION
        walk = api.walk("run", "walk.png", keyframes=4, closed=bool(words))
        np.testing.assert_array_equal(frames[:, ::56, ::56], (walk.frames[:n, 0] * 255).round())


def test_an_animation_of_a_run(capsys):
    """Frames of equal bytes are kept as one that stays longer."""
    train()
    assert answer(capsys, "explore", "run", "walk", "--keyframes", "3", "--steps", "4", "--out", "walk.gif")[0] == 0
    frames, duration = frames_of("walk.gif")
    assert duration == 9 * explore.DURATION
    assert frames.shape[1:] == (224, 224)
    expected = (zs.load("run").sample(3)[0, 0] * 255).round().numpy().repeat(28, 0).repeat(28, 1)
    np.testing.assert_array_equal(frames[0], expected)


def test_an_animation_in_colour(monkeypatch):
    model = decoding({"decode": lambda net, batch: both(net, batch).expand(-1, 3, 4, 4)}, shape=(3, 4, 4))
    monkeypatch.setattr(explore, "load", lambda *args: model)
    api.grid("run", "grid.gif", side=3)
    assert frames_of("grid.gif")[0].shape == (9, 224, 224)


def test_the_smoothness_of_a_walk_and_of_its_cross_fade(monkeypatch):
    def cut(net, batch):
        return (batch["z"][:, :1, None, None] > 0).float().expand(-1, 1, 4, 4)

    for made, smooth in ((ramp, True), (cut, False)):
        monkeypatch.setattr(explore, "load", lambda *args, made=made: decoding({"sample": made, "decode": made}))
        first = zs.api.explore.load().latents(50)[:, 0]
        walk = api.walk("run", "walk.png", keyframes=(int(first.argmin()), int(first.argmax())))
        assert walk.crossfade == pytest.approx(1, abs=1e-4)
        assert walk.smoothness == pytest.approx(latent.smoothness(walk.frames))
        assert (walk.smoothness < 5) == smooth
    assert walk.smoothness == 10


@pytest.mark.slow
def test_a_trained_generator_walks_smoothly():
    """Card A8: the largest step is less than 5 times the mean one."""
    zs.train("mlp_gan", rounds=3000, out="run", progress=False)
    for seed in range(4):
        walk = api.walk("run", "walk.png", seed=seed)
        assert 1 <= walk.crossfade < walk.smoothness < 5


@pytest.mark.parametrize("recipe", ["gan", "mlp_gan"])
def test_a_grid_is_the_prior_swept(capsys, recipe):
    train(recipe)
    code, out, _ = answer(capsys, "explore", "run", "grid", "--side", "6")
    assert (code, out) == (0, "6 x 6 latents at round 3: grid.png\n")
    with Image.open("grid.png") as image:
        assert image.size == (6 * 50 + 2, 6 * 50 + 2)
        pixels = np.asarray(image)
    model = zs.load("run")
    plane = latent.manifold(model.priors["z"], 6)
    expected = (model.decode(plane.flatten(0, 1)) * 255).round().byte().view(6, 6, 8, 8).numpy()
    np.testing.assert_array_equal(pixels[2 + 50 : 50 + 50 : 6, 2 + 200 : 50 + 200 : 6], expected[1, 4])


def test_an_animated_grid_goes_there_and_back(monkeypatch):
    monkeypatch.setattr(explore, "load", lambda *args: decoding({"decode": ramp}))
    api.grid("run", "grid.gif", side=4)
    values = frames_of("grid.gif")[0][:, 0, 0]
    there = [32, 96, 159, 223]  # (i + 1/2) / 4 of 255; the two frames at each turn are one that stays longer
    assert values.tolist() == [*there, *there[-2::-1], *there[1:], *there[-2::-1]]


def test_points_are_scattered_and_not_animated(capsys):
    train("vanilla", data="ring")
    for way in ("walk", "grid"):
        assert answer(capsys, "explore", "run", way, "--out", "points.png")[0] == 0
        with Image.open("points.png") as image:
            assert image.size == (480, 480)
        code, _, err = answer(capsys, "explore", "run", way, "--out", "points.gif")
        assert code == 2
        assert err.startswith("zerosum: an animation is of images, which ring[")
        assert err.endswith(" are not; write a .png.\n")
    assert not Path("points.gif").exists()


def test_an_earlier_checkpoint_can_be_explored(capsys):
    train(rounds=4, save_every=2)
    for way in ("walk", "grid"):
        assert "round 2: two.png" in answer(capsys, "explore", "run", way, "--checkpoint", "2", "--out", "two.png")[1]
        code, _, err = answer(capsys, "explore", "run", way, "--checkpoint", "3", "--out", "three.png")
        assert (code, "has no checkpoint of round 3" in err) == (4, True)


def test_a_grid_needs_a_latent_of_2_dimensions(capsys):
    train(latent=3)
    code, _, err = answer(capsys, "explore", "run", "grid")
    assert code == 2
    assert err == (
        "zerosum: a grid sweeps a latent of 2 dimensions, and this model's has 3; train one with --latent 2.\n"
    )
    assert not Path("grid.png").exists()


def test_models_that_cannot_be_explored(monkeypatch):
    def made(n, generator):
        return torch.rand(n, 2, generator=generator)

    for way, model, message in (
        (api.walk, decoding({"sample": ramp}), r"no output 'decode' \(it has: sample\)"),
        (api.grid, decoding({"sample": ramp}), "no output 'decode'"),
        (api.walk, decoding({}, {"code": Normal(2)}), r"this model has no latent z \(its priors: code\)"),
        (api.grid, decoding({}, {"code": Normal(2)}), "a grid sweeps a uniform or normal latent z, and the priors"),
        (api.grid, decoding({}, {"z": made}), "a grid sweeps a uniform or normal latent z"),
    ):
        monkeypatch.setattr(explore, "load", lambda *args, model=model: model)
        with pytest.raises(Unsupported, match=message):
            way("run", "out.png")
    with pytest.raises(ConfigError, match="n must be at least 1, got 0"):
        model.latents(0)
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "zerosum explore RUN walk|grid needs the folder of a run."),
        (("nowhere",), 2, "zerosum explore RUN needs a way to explore after the folder: walk or grid."),
        (("nowhere", "--steps", "3"), 2, "needs a way to explore after the folder: walk or grid."),
        (("nowhere", "wlak"), 2, "unknown way to explore 'wlak'; nearest: walk."),
        (("nowhere", "walk"), 4, "nowhere is no run folder"),
        (("nowhere", "grid"), 4, "nowhere is no run folder"),
        (("nowhere", "walk", "--step", "3"), 2, "unknown option '--step'; nearest: --steps, --seed, --trust"),
        (("nowhere", "grid", "--sides", "3"), 2, "unknown option '--sides'; nearest: --side"),
        (("nowhere", "walk", "--steps", "0"), 2, "steps must be greater than or equal to 1, got 0 (zerosum explore"),
        (("nowhere", "walk", "--keyframes", "1"), 2, "a walk has at least 2 keyframes, got 1."),
        (("nowhere", "walk", "--keyframes", "4", "10000"), 2, "goes between samples 0 to 9999, got 4 to 10000."),
        (("nowhere", "walk", "--keyframes", "x", "5"), 2, "keyframes must be a whole number, got 'x' (see"),
        (("nowhere", "walk", "--steps", "2500"), 2, "a walk has at most 10000 frames, got 10001; take fewer keyframes"),
        (("nowhere", "walk", "--path", "curved"), 2, "unknown path 'curved'; there are: linear, spherical"),
        (("nowhere", "walk", "--seed", "-1"), 2, "seed must be greater than or equal to 0, got -1"),
        (("nowhere", "grid", "--side", "101"), 2, "a grid has at most 10000 cells, got 101 times 101; take a smaller"),
        (("nowhere", "walk", "--out", "walk.jpg"), 2, "what is explored goes into a .png or a .gif, got 'walk.jpg'."),
        (("nowhere", "grid", "--out", "grid.npz"), 2, "what is explored goes into a .png or a .gif, got 'grid.npz'."),
        (("nowhere", "walk", "--out", "no/walk.gif"), 2, "there is no folder 'no' for 'no/walk.gif'."),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else None,
)
def test_a_mistake_is_one_sentence_an_exit_code_and_nothing_written(capsys, words, code, message):
    Path("file").write_text("mine")
    got, _, err = answer(capsys, "explore", *words)
    assert got == code, err
    assert message in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err
    assert [p.name for p in Path.cwd().iterdir()] == ["file"]


def test_python_is_told_what_the_command_line_checks():
    train()
    with pytest.raises(ConfigError, match="a walk goes between samples 0 to 9999, got -1 to 3"):
        api.walk("run", "walk.png", keyframes=(-1, 3))
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        api.walk("run", "walk.png", steps=0)
    with pytest.raises(ValueError, match="unknown path 'curved'"):
        api.walk("run", "walk.png", path="curved")
    with pytest.raises(ValueError, match="side must be at least 1, got 0"):
        api.grid("run", "grid.png", side=0)
