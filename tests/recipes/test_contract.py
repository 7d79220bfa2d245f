"""What every recipe keeps, at tiny size and on every kind of data it takes."""

import dataclasses
import typing

import pytest
import torch

from tests.children import command_line, finish, output
from tests.games import play
from zerosum import api, recipes
from zerosum.adversarial import ImageOptions
from zerosum.api.contract import CHECKS, Trial, broken
from zerosum.cli.parse import option, parse
from zerosum.data import open_data
from zerosum.errors import ConfigError
from zerosum.networks import AdaptiveAugmentation
from zerosum.training import BatchBuilder

RECIPES = recipes.names()
DATA = {"examples": ("digits", "ring", "gaussian"), "images": ("digits",), "images with labels": ("digits",)}
"""Small data of every kind, by what a recipe needs."""
CASES = [(name, data) for name in RECIPES for data in DATA[recipes.needs(name)]]
TINY = {"batch_size": 16, "width": 4, "hidden": 8, "units": 8, "latent": 4, "warm_k": 7}


def small(module):
    """Of the tiny settings, those a recipe has."""
    return {f.name: TINY[f.name] for f in dataclasses.fields(module.Config) if f.name in TINY}


def tiny(name, data="digits", seed=0, **settings):
    """A recipe at tiny size, as it stands before the first round: its experiment and its builder."""
    module = recipes.find(name)
    config = module.Config(**{**small(module), **settings})
    source = open_data(data, seed=seed)
    experiment = api.build(module, config, source.spec, seed)
    experiment.begin(lambda: open_data(data))
    return experiment, BatchBuilder(
        source, experiment.priors, experiment.game.schedule, config.batch_size, seed, experiment.game.device
    )


@pytest.mark.parametrize("sentence", CHECKS)
@pytest.mark.parametrize(("name", "data"), CASES)
def test_every_recipe_keeps(name, data, sentence):
    """What ``zerosum check`` asks of anybody's."""
    module = recipes.find(name)
    trial = Trial(module, module.Config(**small(module)), data)
    assert broken(CHECKS[sentence], trial) is None


@pytest.mark.parametrize("name", RECIPES)
def test_a_command_stopped_and_continued_is_exact(name):
    words = ("train", name, "--out", "run", "--batch-size", "16")
    for rounds in (3, 8):
        assert finish(command_line, *words, "--rounds", str(rounds)) == 0, output()
    assert finish(command_line, "train", name, "--out", "whole", "--batch-size", "16", "--rounds", "8") == 0
    from pathlib import Path

    weights = [Path(out, "checkpoints/round-8/game.safetensors").read_bytes() for out in ("run", "whole")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("name", [name for name in RECIPES if recipes.needs(name) != "examples"])
def test_data_it_cannot_take_are_refused_in_a_sentence(name):
    module = recipes.find(name)
    with pytest.raises(ConfigError, match=r"ring|label"):
        api.build(module, module.Config(), open_data("ring").spec, 0)


OF_IMAGES = [
    *((name, {}) for name in RECIPES if recipes.needs(name) != "examples"),
    ("sngan", {"networks": "convolutions"}),
    ("sngan", {"networks": "residual", "learning_rate": 1e-4}),
    ("wgan_gp", {"networks": "residual"}),
]


@pytest.mark.parametrize(("name", "networks"), OF_IMAGES)
def test_options_of_images_are_played(name, networks):
    """Augmentation of either kind and the sliced head: the same contract, and other numbers than without."""
    module = recipes.find(name)
    assert issubclass(module.Config, ImageOptions)
    plain, builder = tiny(name, **networks)
    play(plain.game, builder, 2, 0)
    for options in ({"augment": "diffaugment"}, {"augment": "adaptive", "augment_examples": 100}, {"san": True}):
        experiment, builder = tiny(name, **networks, **options)
        adaptive = [
            network for network in experiment.game.networks.values() if isinstance(network, AdaptiveAugmentation)
        ]
        assert bool(adaptive) == (options.get("augment") == "adaptive")
        for ada in adaptive:
            ada.p.fill_(0.5)
        play(experiment.game, builder, 2, 0)
        for generator in (name for name in plain.game.networks if name.startswith("generator")):
            weights, other = (e.game.networks[generator].parameters() for e in (plain, experiment))
            assert not all(torch.equal(a, b) for a, b in zip(weights, other, strict=True))
        for sentence, look in CHECKS.items():
            trial = Trial(module, module.Config(**small(module), **networks, **options), "digits")
            assert broken(look, trial) is None, sentence


@pytest.mark.parametrize("name", ["sngan", "wgan_gp"])
@pytest.mark.parametrize("switched", [{"augment": "diffaugment"}, {"san": True}, {"average_rampup": 0.5}])
def test_options_of_images_are_refused_for_other_networks(name, switched):
    with pytest.raises(ConfigError, match=f"{next(iter(switched))} is an option of image networks, got .* residual"):
        tiny(name, **switched)


def test_only_wgan_gp_averages_mlps():
    """sngan's would say nothing."""
    with pytest.raises(ConfigError, match=r"average_halflife is an option of image networks, got 7\.0"):
        tiny("sngan", average_halflife=7.0)
    assert tiny("wgan_gp", average_halflife=7.0)[0].game.halflives == {"generator": 7.0}


def another(hint, value):
    """A value of a field of this type that is not its default."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 if value else 0.5
    for kind in typing.get_args(hint) or (hint,):  # of an optional one, the first that is not None
        if typing.get_origin(kind) is typing.Literal:
            return another(kind, value)
        if isinstance(kind, str):
            if kind != value:
                return kind
        elif kind in (int, float):
            return kind(7)
    raise AssertionError(f"no other value than {value!r} of {hint}")


@pytest.mark.parametrize("name", RECIPES)
def test_the_configuration_round_trips_through_the_command_line(name):
    config = recipes.find(name).Config
    hints = typing.get_type_hints(config)
    changed = config(**{f.name: another(hints[f.name], f.default) for f in dataclasses.fields(config)})
    words = []
    for f in dataclasses.fields(config):
        value = getattr(changed, f.name)
        flags = {True: [option(f.name)], False: [option(f"no_{f.name}")]}
        words += flags[value] if isinstance(value, bool) else [option(f.name), str(value)]
    assert parse({"recipe": config}, words, "test", "").recipe == changed
    assert parse({"recipe": config}, [], "test", "").recipe == config()
    assert api.checked(config, dataclasses.asdict(changed), "here") == changed


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_stands_in_a_branch(name, capsys):
    from zerosum.cli import main

    heading = recipes.BRANCHES[recipes.branch(name)]
    assert main(["list", "recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    above = lines[: next(i for i, line in enumerate(lines) if line.startswith(f"  {name} "))]
    assert [line for line in above if not line.startswith(" ")][-1] == heading


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_names_its_paper(name):
    assert "https://arxiv.org/abs/" in recipes.find(name).__doc__


@pytest.mark.parametrize("name", RECIPES)
def test_it_has_a_docs_page(name):
    from pathlib import Path

    page = Path(__file__).parents[2] / "docs" / "recipes" / recipes.group_of(name) / f"{name}.md"
    assert page.is_file()
    assert "check" in page.read_text().lower()
