"""Options that recipes share: they come last, with their defaults and their docstrings."""

import dataclasses
from dataclasses import dataclass

import pytest

from zerosum import recipes
from zerosum.adversarial import ImageOptions, check_options
from zerosum.adversarial.options import AugmentOptions, SlicedOptions
from zerosum.cli import main
from zerosum.errors import ConfigError

SHARED = ["augment", "augment_target", "augment_examples", "average_halflife", "average_rampup", "san"]


@dataclass(frozen=True)
class Config(ImageOptions):
    batch_size: int = 8
    width: int = 4


def names(kind):
    return [field.name for field in dataclasses.fields(kind)]


def test_a_recipes_own_settings_come_first():
    assert names(Config) == ["batch_size", "width", *SHARED]
    assert Config(san=True, width=2) == Config(8, 2, san=True)
    assert Config().average_halflife == 10_000


def test_groups_compose():
    @dataclass(frozen=True)
    class Both(AugmentOptions, SlicedOptions):
        k: int = 1

    @dataclass(frozen=True)
    class Own(ImageOptions):
        average_halflife: float = 5.0
        k: int = 1

    assert names(Both) == ["k", "augment", "augment_target", "augment_examples", "san"]
    assert names(Own)[:2] == ["average_halflife", "k"]
    assert Own().average_halflife == 5


@pytest.mark.parametrize("name", recipes.names())
def test_options_are_the_last_settings_of_every_image_recipe(name):
    kind = recipes.find(name).Config
    if issubclass(kind, ImageOptions):
        own = names(kind).index("batch_size")
        last = [option for option in SHARED if names(kind).index(option) > own]
        first = {"average_halflife"} if name == "wgan_gp" else set()  # with a default of its own
        assert names(kind)[-len(SHARED) + len(first) :] == [option for option in last if option not in first]


def test_the_help_of_a_recipe_begins_with_the_papers_settings(capsys):
    with pytest.raises(SystemExit):
        main(["train", "dcgan", "--help"])
    text = capsys.readouterr().out
    places = [text.index(f"--{option.replace('_', '-')}") for option in ("batch_size", "kernel", *SHARED)]
    assert places == sorted(places)
    assert "Half-life of a weight in the generator's average" in " ".join(text.split())


def test_options_are_checked_where_the_networks_are_others():
    check_options(Config(), "take others")
    check_options(Config(average_halflife=7.0), "take others", taken=("average_halflife",))
    with pytest.raises(ConfigError, match=r"san is an option of image networks, got True; take others\."):
        check_options(Config(san=True), "take others")
