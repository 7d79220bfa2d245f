"""What a generator and a discriminator descend, in the recipes that take the usual pair."""

import pytest
import torch

from tests.recipes.test_contract import tiny
from zerosum.losses import r1


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [("implicit", {"comparison": "kliep"}), ("fgan", {"divergence": "total_variation"}), ("ml_gan", {})],
)
def test_r1_is_a_term_unless_its_weight_is_zero(recipe, settings):
    for gamma, names in ((2.0, {"real", "fake", "r1"}), (0.0, {"real", "fake"})):
        experiment, builder = tiny(recipe, "ring", gamma=gamma, **settings)
        net, batch = experiment.game.networks, builder.batches(0, 0)[0][0]
        terms = experiment.game.schedule.turns[0].objective(net, batch)
        assert set(terms) == names
        if gamma:
            assert torch.equal(terms["r1"], gamma * r1(net.discriminator, batch["x"]))
