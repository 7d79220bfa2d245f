"""Evaluating a trained model: by name, with controls, kept once, refused where it makes no sense."""

import json
from pathlib import Path

import numpy as np
import pytest

import zerosum as zs
from tests.cli.commands import answer
from zerosum import api
from zerosum.api.evaluation import named
from zerosum.errors import ConfigError, DataError
from zerosum.metrics import METRICS
from zerosum.training import log

SMALL = {
    "data": "digits", "hidden": 8, "units": 8, "batch_size": 16, "learning_rate": 5.0, "average_halflife": 50.0,
    "out": "run", "progress": False,
}  # fmt: skip
NAME = "parzen[n=50, grid=fine, split=test]"


@pytest.fixture
def run():
    return zs.train("gan", rounds=3, **SMALL)


def kept():
    return [r for r in log.read(Path("run/metrics.jsonl")) if r["metric"] == NAME]


def test_a_run_is_evaluated_and_the_result_kept(run):
    (result,) = zs.evaluate("run", "parzen[n=50]")
    assert (result.metric, result.n, result.split, result.kind) == (NAME, 50, "test", "estimate")
    assert (result.data, result.subject) == ("digits", "model")
    assert result.facts["sigma"] > 0
    assert result.interval[1] - result.interval[0] == pytest.approx(2 * 1.96 * result.facts["error"])
    (record,) = kept()
    assert record["round"] == 3
    assert record["value"] == result.value
    assert zs.evaluate(run, ["parzen"], n=50) == [result]  # the same protocol and model: said once
    assert len(kept()) == 1
    (other,) = zs.evaluate("run", "parzen[n=50]", seed=1)
    assert other.value != result.value
    assert [r["seed"] for r in kept()] == [0, 1]


def test_the_recipe_s_own_metrics_by_default(run):
    assert [r.metric for r in zs.evaluate("run")] == [r.metric for r in run.results]
    assert [r.value for r in zs.evaluate("run")] == [r.value for r in run.results]


def test_controls_stand_beside_the_model(run):
    results = zs.evaluate("run", ["parzen[n=50]", "neighbour_distance[n=50]"], controls=True)
    assert [r.subject for r in results] == ["model", "real training images", "k-means centres of them", "model"]
    assert len({r.metric for r in results[:3]}) == 1
    model, real, centres, _ = results
    assert real.value > model.value  # after three rounds
    assert [r.n for r in results] == [50, 50, 50, 50]
    assert zs.evaluate("run", ["parzen[n=50]"], controls=True) == [model, real, centres]
    assert len(kept()) == 3
    difference, error = real.minus(model)
    assert difference == pytest.approx(real.value - model.value)
    assert error > 0


def test_a_longer_run_keeps_its_controls_and_its_old_results(run):
    before = zs.evaluate("run", "parzen[n=50]", controls=True)
    zs.train("gan", rounds=5, **SMALL)
    after = zs.evaluate("run", "parzen[n=50]", controls=True)
    assert after[1:] == before[1:]
    assert after[0].value != before[0].value
    assert sorted(r["round"] for r in kept()) == [0, 0, 3, 5]
    assert zs.evaluate("run", "parzen[n=50]", round=3) == before[:1]


def test_the_average_or_the_raw_networks():
    zs.train("mlp_gan", data="digits", rounds=30, hidden=8, batch_size=16, out="run", progress=False)
    shown, raw = (zs.evaluate("run", "parzen[n=50]", raw=raw)[0] for raw in (False, True))
    assert shown.value != raw.value
    assert (shown.subject, raw.subject) == ("model", "model, raw")
    cut = zs.evaluate("run", "parzen[n=50]", raw=True, truncation=0.5)[0]
    assert cut.subject == "model, raw, truncation=0.5"
    assert cut.value != raw.value
    assert zs.evaluate("run", "parzen[n=50]", raw=True, truncation=0.5) == [cut]


def test_by_other_data(run):
    np.save("other.npy", np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8))
    (result,) = zs.evaluate("run", "parzen[n=50]", data="other.npy")
    assert result.data == "other"
    assert kept()[-1]["own"] is False
    own, *_ = zs.evaluate("run", "parzen[n=50]")
    with pytest.raises(ValueError, match="unlike protocols do not compare: data is digits and other"):
        own.minus(result)
    with pytest.raises(
        DataError, match="this model makes 1x8x8, data 'ring' are 2; evaluate it with data of its shape"
    ):
        zs.evaluate("run", "parzen", data="ring")


def test_data_that_have_changed_since():
    path = Path("mine.npy")
    np.save(path, np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8))
    zs.train("gan", data="mine.npy", rounds=2, hidden=8, units=8, batch_size=8, out="run", progress=False)
    assert json.loads(Path("run/config.json").read_text())["source"] == str(path.resolve())
    zs.evaluate("run", "parzen[n=50]")
    np.save(path, np.random.default_rng(1).integers(0, 256, (61, 8, 8), dtype=np.uint8))
    with pytest.raises(DataError, match=r"mine.npy is no longer what run was trained on .*; give --data to"):
        zs.evaluate("run", "parzen[n=50]")


def test_published_rows_are_of_their_data_alone():
    result = zs.Result(named("parzen").name, 1.0, None, 10_000, "test", 0, data="mnist")
    rows = api.published(result)
    assert [(row.model, row.text) for row in rows] == [
        ("DBN", "138 ± 2"),
        ("Stacked CAE", "121 ± 1.6"),
        ("Deep GSN", "214 ± 1.1"),
        ("Adversarial nets", "225 ± 2"),
    ]
    assert all("2014" in row.source for row in rows)
    assert api.published(zs.Result(named("parzen").name, 1.0, None, 10_000, "test", 0, data="digits")) == ()


@pytest.mark.parametrize("name", METRICS)
def test_a_full_name_makes_the_metric_it_is_of(name):
    assert named(named(name).name).name == named(name).name
    assert named(name, n=123).n == 123


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("parzn", "unknown metric 'parzn'; nearest: parzen"),
        ("parzen[sigma=1]", "metric 'parzen': unknown parameter 'sigma'"),
        ("parzen[grid=2015]", "metric 'parzen': grid must be fine or 2014, got '2015'"),
        ("parzen[n=many]", "metric 'parzen': n must be a whole number, got 'many'"),
        ("parzen[n=0]", "metric 'parzen': n must be at least 1, got 0"),
        ("parzen[split=train]", "metric 'parzen': unknown parameter 'split'"),
        ("frechet[n=1]", "metric 'frechet': n must be at least 2, as one sample has no covariance, got 1"),
        ("frechet[features=random-con]", "metric 'frechet': unknown features 'random-con'; nearest: random-conv"),
        ("frechet[features=random-conv-00000000]", "features random-conv-00000000 have other weights than these"),
        ("frechet[resizer=nearest]", "metric 'frechet': unknown parameter 'resizer'"),
        ("frechet[side=7]", "metric 'frechet': side must be from 16 to 256 pixels, got 7"),
        ("parzen[", "a metric is a name or name.parameter=value, ....*got 'parzen\\['"),
    ],
)
def test_names_nobody_knows(name, message):
    with pytest.raises(ConfigError, match=message):
        named(name)


def test_features_are_of_the_metrics_that_have_them(run):
    name = named("frechet[n=40, side=16]").name
    assert named("frechet[n=40, side=16]", features="random-conv").name == name
    results = zs.evaluate("run", ["neighbour_distance[n=40]", "frechet[n=40, side=16]"], features="random-conv")
    assert [r.metric for r in results] == ["neighbour_distance[n=40, split=test]", name]
    assert results[1].features in name
    assert zs.evaluate("run", name, controls=True)[0] == results[1]
    with pytest.raises(ConfigError, match=r"--features is of metrics .*\(frechet\), got parzen\[n=50.*; name one with"):
        zs.evaluate("run", "parzen[n=50]", features="random-conv")
    with pytest.raises(ConfigError, match="unknown features 'random-covn'; nearest: random-conv"):
        zs.evaluate("run", "frechet", features="random-covn")


def test_metrics_that_do_not_suit():
    zs.train("gan", data="ring", rounds=2, hidden=8, units=8, batch_size=8, out="run", progress=False)
    with pytest.raises(
        ConfigError, match=r"parzen\[.*\] needs images, got ring.* \(points\); see zerosum list metrics"
    ):
        zs.evaluate("run", "parzen")
    with pytest.raises(ConfigError, match=r"neighbour_classes\[.*\] needs images with labels"):
        zs.evaluate("run", "neighbour_classes")
    zs.train("gan", data="digits", rounds=2, hidden=8, units=8, batch_size=8, out="two", progress=False)
    with pytest.raises(ConfigError, match=r"modes\[.*\] needs a toy with modes, got digits"):
        zs.evaluate("two", "modes")


def test_too_few_examples_to_hold_any_out(capsys):
    """One image, and fewer than a batch: it trains, says loudly what will come of it, and leaves the metrics out."""
    np.save("one.npy", np.zeros((1, 4, 4), np.uint8))
    words = ("train", "gan", "--data", "one.npy", "--rounds", "2", "--out", "run", "--hidden", "8", "--units", "8")
    code, out, _ = answer(capsys, *words)
    assert code == 0
    text = " ".join(out.split())
    assert "1 training examples only: the networks will learn them by heart (overfit)" in text
    assert "batch size 100 is more than the 1 examples; training on batches of 1" in text
    assert "parzen[n=10000, grid=fine, split=test] is left out: one.npy has no" in text
    assert answer(capsys, "evaluate", "run", "--metrics", "parzen")[0] == 3


def test_the_command_line(capsys, run):
    code, out, err = answer(capsys, "evaluate", "run", "--metrics", "parzen[n=50]", "parzen[n=50,grid=2014]")
    assert code == 0
    assert "k-means centres of them ..." in err
    lines = out.splitlines()
    assert lines[0] == f"{NAME} on digits, estimate"
    assert lines[1].split()[0] == "model"
    assert "95 %" in lines[1]
    assert "sigma" in lines[1]
    assert lines[2].strip().startswith("real training images")
    assert lines[4] == "parzen[n=50, grid=2014, split=test] on digits, estimate"
    assert answer(capsys, "evaluate", "run", "--metrics", "parzen[n=50]", "--no-controls")[1].count("\n") == 2


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "zerosum evaluate RUN needs the folder of a run"),
        (("nowhere",), 4, "nowhere is no run folder"),
        (("run", "--metrics", "parzn"), 2, "unknown metric 'parzn'; nearest: parzen"),
        (
            ("run", "--features", "random-conv"),
            2,
            "--features is of metrics that see images through a network (frechet)",
        ),
        (
            ("run", "--metrics", "frechet", "--features", "random-cov"),
            2,
            "unknown features 'random-cov'; nearest: random-",
        ),
        (("run", "--n", "0"), 2, "n must be greater than or equal to 1, got 0"),
        (("run", "--checkpoint", "77"), 4, "no checkpoint of round 77"),
        (("run", "--data", "./none"), 3, "there is no data at './none'"),
        (("run", "--metrix", "parzen"), 2, "unknown option '--metrix'; nearest: --metrics"),
    ],
)
def test_mistakes_on_the_command_line(capsys, run, words, code, message):
    got, _, err = answer(capsys, "evaluate", *words)
    assert got == code
    assert message in err
    assert "Traceback" not in err


def test_a_loaded_model_is_evaluated_as_its_run_is(run):
    model = zs.load(run)
    assert zs.evaluate(model, "parzen[n=50]") == zs.evaluate(run, "parzen[n=50]")
    assert len(kept()) == 1
    free = zs.Model(model.experiment, model.recipe, model.config, model.spec, model.round)
    assert zs.evaluate(free, "parzen[n=50]") == zs.evaluate(run, "parzen[n=50]")
    assert len(kept()) == 1


def test_metrics_that_a_model_has_no_output_for(run):
    with pytest.raises(
        ConfigError, match=r"psnr\[.* needs an output 'reconstruct', and this model has sample, decode, s"
    ):
        zs.evaluate(run, "psnr")
