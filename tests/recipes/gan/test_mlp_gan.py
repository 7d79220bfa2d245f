"""What the relativistic recipe rests on."""

import pytest
import torch

from tests.recipes.test_contract import tiny
from zerosum.game import gradients
from zerosum.recipes.gan import mlp_gan


def test_a_bias_the_loss_does_not_depend_on_gets_no_gradient_at_all():
    """A unit that is on for every example shifts all logits alike; its gradient must be 0 and not rounding noise."""
    experiment, builder = tiny("mlp_gan")
    game = experiment.game
    with torch.no_grad():
        game.networks.discriminator[1][2].bias[:4] = 100.0
    (batch,) = builder.batches(0, 0)[0]
    _, slopes = gradients(game, game.schedule.turns[0], {**batch, "examples": game.examples})
    names = [name for name, _ in game.networks.discriminator.named_parameters()]
    slope = slopes[names.index("1.2.bias")]
    assert torch.equal(slope[:4], torch.zeros(4))
    assert slope[4:].abs().max() > 0


def test_the_critic_has_no_last_bias_and_its_score_is_the_logit():
    experiment, builder = tiny("mlp_gan")
    assert experiment.game.networks.discriminator[1][-1].bias is None
    x = builder.batches(0, 0)[0][0]["x"]
    expected = experiment.game.networks.discriminator(2 * x - 1).squeeze(1)
    assert torch.equal(experiment.call("score", {"x": x}), expected.detach())


def test_the_generator_pairs_with_real_examples_of_its_own():
    _, builder = tiny("mlp_gan")
    (first,), (second,) = builder.batches(0, 0)
    assert not torch.equal(first["x"], second["x"])
    assert builder.examples(0) == 32


def test_penalties_are_gamma_half_times_the_squared_slope():
    experiment, builder = tiny("mlp_gan")
    game, (batch,) = experiment.game, builder.batches(0, 0)[0]
    terms = game.schedule.turns[0].objective(game.networks, batch)
    x = (2 * batch["x"] - 1).requires_grad_()
    (slope,) = torch.autograd.grad(game.networks.discriminator(x).sum(), x)
    gamma = mlp_gan.Config().gamma
    assert float(terms["r1"].detach()) == pytest.approx(gamma / 2 * float(slope.square().flatten(1).sum(1).mean()))
