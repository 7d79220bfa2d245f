"""Names, options and settings become a checked plan."""

import re
import shutil
from pathlib import Path

import pytest
import torch

import zerosum as zs
from tests.api.runs import train
from tests.cli.commands import answer
from zerosum import api, recipes
from zerosum.api import plans
from zerosum.data import open_data
from zerosum.errors import ConfigError, DataError
from zerosum.recipes.gan.vanilla import Config
from zerosum.training.folder import read_record


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"recipe": "vanila"}, ConfigError, "unknown recipe 'vanila'; nearest: vanilla"),
        ({"learning_rat": 1}, ConfigError, r"unknown option 'learning_rat'; nearest: learning_rate \(recipe vanilla\)"),
        ({"round": 1}, ConfigError, "unknown option 'round'; nearest: rounds"),
        ({"k": 0}, ConfigError, "k must be greater than or equal to 1, got 0"),
        ({"rounds": -5}, ConfigError, "rounds must be greater than or equal to 1, got -5"),
        ({"learning_rate": float("nan")}, ConfigError, "learning_rate must be a finite number, got nan"),
        ({"learning_rate": float("inf")}, ConfigError, "learning_rate must be a finite number, got inf"),
        ({"beta1": 1.0}, ConfigError, "beta1 must be less than 1, got 1.0"),
        ({"k": 0, "hidden": -1}, ConfigError, r"k must be .* got 0 .*\. hidden must be .* got -1"),
        ({"k": "many"}, ConfigError, "k must be a valid integer"),
        ({"epochs": 3}, ConfigError, "one goal, got --rounds and --epochs"),
        ({"data": "ring", "rounds": None, "epochs": 3}, ConfigError, "is endless and has no epochs"),
        ({"rounds": None, "budget": "soon"}, ConfigError, "budget must be a time above 0 such as 60s"),
        ({"data": "dgits"}, DataError, "unknown data set 'dgits'; nearest: digits"),
        ({"device": "tpu"}, ConfigError, "device must be 'auto', 'cpu', 'cuda' or 'mps', got 'tpu'"),
    ],
)
def test_wrong_calls_write_nothing(kwargs, error, message):
    with pytest.raises(error, match=message):
        train(**kwargs)
    assert list(Path.cwd().iterdir()) == []


def test_goals():
    assert train(rounds=None, epochs=1, batch_size=100, out="epochs").examples == 1300
    assert train(rounds=None, budget="0.2s", out="budget").seconds >= 0.2


def test_a_batch_larger_than_the_data_trains_on_all_of_it_and_says_so(capsys):
    run = train(batch_size=5000, rounds=2, progress=True)
    assert run.examples == 2 * 1297
    assert "batch size 5000 is more than the 1297 examples; training on batches of 1297." in capsys.readouterr().out
    assert read_record(run.path)["config"]["batch_size"] == 1297
    assert train(batch_size=5000, rounds=3).round == 3


def test_the_default_folder_is_named_after_recipe_and_data():
    assert train(out=None).path == Path("runs/vanilla-digits")
    assert train(out=None, data="ring[modes=3]").path == Path("runs/vanilla-ring-modes=3")


def test_the_same_call_with_a_toy_spelled_otherwise_is_the_same_run():
    train(data="ring")
    assert train(data="ring[modes=8]", rounds=6).round == 6


@pytest.mark.parametrize("options", [{}, {"mode": "auto"}, {"micro_batches": 2}], ids=str)
def test_a_run_opens_a_split_once(monkeypatch, options):
    """Trials, the batch builder, pictures and metrics share it."""
    opened = []
    real = plans.open_data

    def open_data(name, split, **kwargs):
        opened.append(split)
        return real(name, split, **kwargs)

    monkeypatch.setattr(plans, "open_data", open_data)
    torch.set_num_threads(2)
    train(**options)
    assert sorted(opened) == ["test", "train"]


@pytest.mark.parametrize("data", ["digits", "ring"])
def test_an_opened_split_in_the_order_of_a_seed_is_the_one_opened_with_it(data):
    plan = api.resolve("vanilla", api.Options(data=data))
    shared, fresh = plan.open("train", 3, torch.device("cpu")), open_data(data, "train", 3)
    for position in (0, 1290, 5000):
        batches = [split.batch(position, 16) for split in (shared, fresh)]
        assert all(torch.equal(batches[0][name], batches[1][name]) for name in batches[1])
    assert shared.fingerprint == plan.open("train").fingerprint == fresh.fingerprint
    if data == "digits":
        assert shared.x.data_ptr() == plan.open("train").x.data_ptr()


@pytest.mark.parametrize("config", [Config(hidden=8, k=2), {"hidden": 8, "k": 2}], ids=["instance", "dict"])
def test_the_settings_may_be_one_config(config):
    train(config=config, rounds=2, out="config", k=3)
    assert read_record(Path("config"))["config"] == {
        "k": 3, "batch_size": 16, "learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "latent": 100, "hidden": 8,
    }  # fmt: skip


def test_a_config_of_a_users_own_recipe():
    shutil.copy(recipes.path_of("vanilla"), "mine.py")
    config = recipes.find("mine.py").Config(hidden=8)
    zs.train("mine.py", config, rounds=2, out="mine", progress=False)
    assert read_record(Path("mine"))["config"]["hidden"] == 8


@pytest.mark.parametrize(
    ("recipe", "config", "message"),
    [
        ("mlp_gan", Config(), r"config must be an instance of the recipe's Config or a dict, got .*vanilla\.Config"),
        ("vanilla", 3, r"config must be .* got builtins\.int \(recipe vanilla\)"),
        ("vanilla", {"hiden": 3}, "unknown option 'hiden'; nearest: hidden"),
        ("vanilla", {"rounds": 3}, "unknown option 'rounds'"),
        ("auto", {"hidden": 3}, "auto chooses the recipe and its settings, got config; name a recipe"),
    ],
)
def test_a_config_that_is_none(recipe, config, message):
    with pytest.raises(ConfigError, match=message):
        zs.train(recipe, config, progress=False)
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("name", ["rounds", "data", "device", "progress", "dry_run"])
def test_a_setting_named_like_an_option_is_refused(capsys, name):
    text = recipes.path_of("vanilla").read_text().replace("    hidden: ", f"    {name}: Count = 3\n    hidden: ")
    Path("mine.py").write_text(text)
    message = f"a setting must not have the name of an option, got '{name}' (Config of mine.py); rename the field."
    with pytest.raises(ConfigError, match=re.escape(message)):
        zs.train("mine.py", progress=False)
    for verb in ("train", "bench", "check"):
        code, _, err = answer(capsys, verb, "mine.py")
        assert (code, err) == (2, f"zerosum: {message}\n")
    code, _, err = answer(capsys, "train", "mine.py", "--help")
    assert (code, err) == (2, f"zerosum: {message}\n")
