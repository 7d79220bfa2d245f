"""Outputs: what models of every kind return, what they read, and what a model lacks."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import zerosum as zs
from tests.cli.commands import answer, opened
from tests.games import plain_gan
from zerosum import api
from zerosum.data import open_data
from zerosum.errors import ConfigError, Unsupported
from zerosum.sources import Normal
from zerosum.training import Density, Experiment, Output, log

MODELS = Path(__file__).parents[1] / "models"
KINDS = ("autoencoder", "vae", "translator", "classifier")


def train(kind, out="run", rounds=6, **options):
    recipe = Path(f"{kind}.py")
    if not recipe.exists():
        shutil.copy(MODELS / recipe, recipe)
    return zs.train(str(recipe), data="digits", out=out, rounds=rounds, threads=1, progress=False, **options)


def digits(n=20):
    return open_data("digits", "test").batch(0, n)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_any_kind_trains_resumes_to_the_bit_reports_and_loads(kind):
    run = train(kind, "whole")
    train(kind, "parts", rounds=3)
    train(kind, "parts")
    whole, parts = (Path(out, "checkpoints/round-6/game.safetensors").read_bytes() for out in ("whole", "parts"))
    assert whole == parts
    assert (run.picture is None) == (kind == "classifier")
    assert run.picture is None or run.picture.is_file()
    assert (run.path / "report.html").is_file()
    assert api.report("whole").is_file()
    assert zs.load("whole").round == 6


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_any_kind_keeps_what_every_recipe_keeps(capsys, kind):
    code, out, _ = answer(capsys, "check", str(MODELS / f"{kind}.py"))
    assert code == 0, out


def test_an_autoencoder():
    train("autoencoder")
    model, x = zs.load("run"), digits()["x"]
    z = model.encode(x)
    assert z.shape == (20, 4)
    assert torch.equal(model.decode(z), model.reconstruct(x))
    assert torch.equal(model.call("reconstruct", x), model.call("reconstruct", x=x))
    with pytest.raises(
        Unsupported,
        match=r"'sample': an autoencoder has no distribution of codes \(it has: encode, decode, reconstruct\)",
    ):
        model.sample(3)
    with pytest.raises(Unsupported, match=r"no output 'log_prob': it has no density"):
        model.log_prob(x)
    with pytest.raises(Unsupported, match=r"no output 'score' \(it has: "):
        model.score(x)


def test_a_vae_encodes_to_a_mean_and_a_variance():
    train("vae")
    model, x = zs.load("run"), digits(300)["x"]
    code = model.encode(x)
    assert {name: value.shape for name, value in code.items()} == {"mean": (300, 4), "variance": (300, 4)}
    assert float(code["variance"].min()) > 0
    assert torch.equal(model.decode(code["mean"][:9]), model.reconstruct(x[:9]))
    assert torch.equal(model.decode(model.latents(5)), model.sample(5))
    found = model.log_prob(x)
    assert (found.kind, found.measure, found.method) == ("lower bound", "mass", "ELBO k=1")
    assert (found.value.dtype, found.value.shape) == (torch.float64, (300,))
    assert torch.equal(found.value, model.log_prob(x).value)
    assert not torch.equal(found.value, model.log_prob(x, seed=1).value)
    assert not torch.equal(found.value, model.log_prob(x, z=torch.zeros(300, 4)).value)


def test_a_translator_applies_with_a_label_or_without():
    train("translator")
    model, batch = zs.load("run"), digits(250)
    plain = model.apply(batch["x"])
    assert plain.shape == (250, 1, 8, 8)
    threes = model.apply(batch["x"], label=3)
    assert torch.equal(threes, model.apply(batch["x"], label=torch.full((250,), 3)))
    assert not torch.equal(threes, plain)
    with pytest.raises(ConfigError, match="unknown label '12'"):
        model.apply(batch["x"], label=12)
    with pytest.raises(Unsupported, match="no output 'sample': it maps examples to examples"):
        model.sample(1)


def test_the_preview_of_a_translator_shows_input_output_and_target():
    run = train("translator", rounds=200)
    sheet = np.asarray(opened(run.picture))
    assert sheet.shape == (12 * 50 + 2, 3 * 50 + 2)
    cells = [sheet[2:50, 2 + 50 * column : 50 + 50 * column].astype(int) for column in range(3)]
    x = open_data("digits").batch(0, 1)["x"]
    expected = (x * 255).round().byte()[0, 0].numpy().repeat(6, 0).repeat(6, 1)
    np.testing.assert_array_equal(cells[0], expected)
    np.testing.assert_array_equal(cells[2], 255 - expected)
    assert np.abs(cells[1] - cells[2]).mean() < np.abs(cells[1] - cells[0]).mean()


def test_a_classifier_has_no_picture_and_the_log_says_so_once():
    run = train("classifier")
    events = [line["event"] for line in log.read(run.path / "log.jsonl") if "event" in line]
    assert [event["text"] for event in events if event["kind"] == "preview"] == [
        "no pictures are drawn: no output of this model returns a field of the data (classify)."
    ]
    assert not list(run.path.glob("samples/*"))
    assert zs.load("run").classify(digits()["x"]).shape == (20, 10)


def experiment(**about):
    return Experiment(plain_gan()[0], {"z": Normal(4)}, **about)


def test_priors_that_are_not_given_are_drawn_and_other_inputs_are_named():
    made = experiment(
        outputs={
            "apply": Output(lambda net, batch: batch["x"] + batch["z"][:, :1], inputs=("x", "z"), chunk=3),
            "sample": Output(lambda net, batch: batch["z"] + batch["caption"], inputs=("z", "caption")),
        }
    )
    model = api.Model(made, "test", None, open_data("ring").spec, 0)
    x = torch.zeros(8, 1)
    seen = model.apply(x)
    assert len(set(seen.flatten().tolist())) == 8
    assert torch.equal(model.apply(x[:4])[:3], seen[:3])
    assert torch.equal(model.apply(x, z=torch.ones(8, 4)), torch.ones(8, 1))
    with pytest.raises(ConfigError, match=r"the output 'apply' reads 'x', which is neither given nor a prior"):
        model.call("apply", z=torch.zeros(2, 4))
    with pytest.raises(ConfigError, match=r"samples of this model need 'caption'; give caption=, a row for each"):
        model.sample(3)
    caption = torch.arange(501.0)[:, None].expand(-1, 4)
    assert torch.equal(model.sample(501, caption=caption), caption + model.latents(501))
    with pytest.raises(ConfigError, match="was given 'x' by position and by name"):
        model.call("apply", x, x=x)
    with pytest.raises(ConfigError, match="reads x, z; give at least one of them as a tensor"):
        model.call("apply")


def test_what_an_output_must_be():
    with pytest.raises(ValueError, match="the output 'log_prob' must state what its numbers are"):
        experiment(outputs={"log_prob": lambda net, batch: batch["x"]})
    assert experiment(
        outputs={"log_prob": Output(lambda net, batch: batch["x"], density=Density("exact", "mass", "chain rule"))}
    )
    with pytest.raises(ValueError, match="chunk of an output must be a whole number above 0, got 0"):
        Output(lambda net, batch: batch["x"], chunk=0)
    with pytest.raises(ValueError, match=r"inputs of an output are names such as .* got 'x'"):
        Output(lambda net, batch: batch["x"], inputs="x")
    with pytest.raises(ValueError, match="the output 'score' is called with"):
        experiment(outputs={"score": Output(lambda net: net)})
    wrong = experiment(
        outputs={
            "sample": lambda net, batch: {"x": batch["z"]},
            "encode": Output(lambda net, batch: {"mean": batch["x"]}, ("x",), returns={"variance": "z"}),
            "score": Output(lambda net, batch: batch["x"], ("x",), returns={"logit": "score"}),
        }
    )
    batch = {"x": torch.zeros(2, 2)}
    with pytest.raises(ValueError, match="the output 'sample' must return a tensor, got a dict of x"):
        wrong.sample(3)
    with pytest.raises(ValueError, match=r"the output 'encode' must return an entry 'variance' \(it has: mean\)"):
        wrong.call("encode", batch)
    with pytest.raises(ValueError, match="the output 'score' must return a dict with logit, got a tensor"):
        wrong.call("score", batch)


def test_check_finds_an_output_that_writes_buffers(capsys):
    text = (MODELS / "autoencoder.py").read_text()
    norm = text.replace("nn.Flatten(), mlp", "nn.Flatten(), nn.BatchNorm1d(size), mlp")
    counted = norm.replace(
        'return net.encoder(batch["x"])\n', 'net.encoder[1].num_batches_tracked += 1\n        return batch["x"]\n'
    )
    assert counted != norm != text
    Path("mine.py").write_text(counted)
    code, out, _ = answer(capsys, "check", "mine.py")
    assert code == 2
    assert "encode writes the buffer encoder.1.num_batches_tracked; what an output changes is not saved." in out


def test_an_output_calls_networks_in_evaluation_mode():
    made = experiment(outputs={"encode": lambda net, batch: nn.functional.dropout(batch["x"], 0.5, net.extra.training)})
    made.game.networks._modules["extra"] = nn.Identity()
    assert torch.equal(made.call("encode", {"x": torch.ones(99)}), torch.ones(99))


def test_a_result_is_of_a_field_only_where_the_output_says_so():
    x = torch.zeros(3, 1)
    score = Output(lambda net, batch: x, ("x",), returns="score")
    assert score.of_field(x, ("x", "label")) is None
    assert score.of_field(x, ("score",)) is x
    both = Output(lambda net, batch: {}, ("x",), returns={"mean": "z", "image": "x"})
    assert both.of_field({"mean": x, "image": x + 1}, ("x",)).tolist() == [[1.0]] * 3
    assert (score.returns_one_of(("x",)), both.returns_one_of(("x",))) == (False, True)
