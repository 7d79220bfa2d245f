"""Terms that recipes share."""

import pytest
import torch

from tests.recipes.test_contract import tiny
from zerosum.adversarial import zero_centered_penalty
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


def test_the_penalty_from_logits_is_that_of_the_losses():
    x = torch.randn(5, 3).requires_grad_()
    critic = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    assert torch.equal(zero_centered_penalty(critic(x), x), r1(critic, x))
