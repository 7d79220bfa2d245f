"""Every recipe learns something, at full size: a stated number on a toy, by its own judges."""

import pytest

from tests.games import play
from tests.recipes.test_contract import RECIPES
from zerosum import api, recipes
from zerosum.data import open_data
from zerosum.training import BatchBuilder, Evaluated

# recipe, data, rounds, seeds, {judge: (at least, at most)}; held-out digits have ten classes and distance 1
LEARNS = [
    (
        "gan",
        "digits",
        6_000,
        3,
        {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.5), "parzen": (5, 60)},
    ),
    ("laplacian", "digits", 1_500, 1, {"neighbour_classes": (8, 10), "neighbour_distance": (0, 1.5)}),
    ("dcgan", "digits", 1_500, 1, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.7)}),
    ("wgan", "digits", 5_000, 1, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.5)}),
    ("wgan_gp", "digits", 2_500, 1, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.5)}),
    ("fgan", "digits", 10_000, 1, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.5)}),
    ("vanilla", "digits", 10_000, 3, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.5)}),
    ("mlp_gan", "digits", 3_000, 3, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.5)}),
    ("mlp_gan", "grid", 20_000, 5, {"modes": (25, 25), "high_quality": (0.5, 1)}),
    ("r1gan", "digits", 6_000, 1, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.3)}),
    ("r1gan", "ring", 4_000, 1, {"modes": (7, 8), "high_quality": (0.2, 1)}),
    ("sngan", "ring", 2_000, 1, {"modes": (7, 8), "high_quality": (0.08, 1)}),
    ("unrolled", "ring", 1_800, 1, {"modes": (7, 8), "high_quality": (0.2, 1)}),
    ("ml_gan", "digits", 3_000, 1, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.3)}),
    ("ml_gan", "ring", 3_000, 1, {"modes": (8, 8), "high_quality": (0.5, 1)}),
    ("implicit", "digits", 3_000, 1, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.3)}),
    ("relativistic", "digits", 3_000, 1, {"neighbour_classes": (8, 10), "neighbour_distance": (0, 1.5)}),
    ("relativistic", "ring", 5_000, 1, {"modes": (7, 8), "high_quality": (0.5, 1)}),
    ("ganhacks", "digits", 6_000, 1, {"neighbour_classes": (8, 10), "neighbour_distance": (0, 1.5)}),
    ("r3gan", "digits", 400, 1, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.5)}),
    ("stylegan2", "digits", 1_000, 1, {"neighbour_classes": (8, 10), "neighbour_distance": (0, 1.5)}),
    ("conditional", "digits", 5_000, 1, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.5)}),
    ("lsgan", "digits", 10_000, 3, {"neighbour_classes": (8, 10), "neighbour_distance": (0, 1.5)}),
    ("acgan", "digits", 1_500, 1, {"neighbour_classes": (9, 10), "neighbour_distance": (0, 1.7)}),
    ("projection", "digits", 300, 1, {"neighbour_classes": (8, 10), "neighbour_distance": (0, 2.0)}),
    ("biggan", "digits", 300, 1, {"neighbour_classes": (8, 10), "neighbour_distance": (0, 2.0)}),
    ("sagan", "digits", 350, 1, {"neighbour_classes": (8, 10), "neighbour_distance": (0, 2.0)}),
]
CASES = [
    pytest.param(name, data, rounds, seed, bounds, id=f"{name} {data} {seed}")
    for name, data, rounds, seeds, bounds in LEARNS
    for seed in range(seeds)
]


def test_every_recipe_has_a_row():
    assert {name for name, *_ in LEARNS} == set(RECIPES)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "data", "rounds", "seed", "bounds"), CASES)
def test_it_learns(name, data, rounds, seed, bounds):
    module, source = recipes.find(name), open_data(data, seed=seed)
    config = module.Config()
    experiment = api.build(module, config, source.spec, seed)
    experiment.begin(lambda: open_data(data))
    game = experiment.game
    play(game, BatchBuilder(source, experiment.priors, game.schedule, config.batch_size, seed, game.device), rounds)
    for judge in experiment.metrics:
        least, most = bounds[judge.name.partition("[")[0]]
        value = judge(Evaluated(experiment, source.spec), lambda split: open_data(data, split)).value
        assert least <= value <= most, judge.name
