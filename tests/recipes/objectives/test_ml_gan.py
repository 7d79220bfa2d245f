"""What is particular to a generator that weighs its examples by the ratio."""

import math

import pytest
import torch

from tests.recipes.test_contract import tiny
from zerosum.api import checked
from zerosum.errors import ConfigError
from zerosum.losses import ADVERSARIAL
from zerosum.recipes.objectives import ml_gan

COSTS = ["maximum_likelihood", "reverse_kl", "nonsaturating", "minimax"]


def fooled(logit, **settings):
    """The generator's loss and the slope of it in each logit, the discriminator's answer put in place of its own."""
    experiment, builder = tiny("ml_gan", "ring", **settings)
    game, batch = experiment.game, builder.batches(0, 0)[1][0]
    seen = torch.as_tensor(logit).expand(16, 1).clone().requires_grad_()
    hook = game.networks.discriminator.register_forward_hook(lambda module, given, out: seen + 0 * out)
    loss = game.schedule.turns[1].objective(game.networks, batch)["adversarial"]
    hook.remove()
    return float(loss.detach()), torch.autograd.grad(loss, seen)[0]


@pytest.mark.parametrize("logit", [-3.0, 0.0, 2.0])
def test_the_pull_of_each_cost(logit):
    """D = sigmoid(a): the ratio D / (1 - D), 1, 1 - D and D, each over the 16 examples, upward in the logit."""
    d = 1 / (1 + math.exp(-logit))
    for cost, pull in zip(COSTS, (d / (1 - d), 1, 1 - d, d), strict=True):
        _, slope = fooled(logit, cost=cost)
        torch.testing.assert_close(slope, torch.full_like(slope, -pull / 16), rtol=1e-5, atol=1e-7)


def test_a_limit_of_the_ratio_is_off_by_default_and_holds_what_is_above():
    value, slope = fooled(5.0)
    assert value == pytest.approx(-math.exp(5), rel=1e-5)
    assert (slope < 0).all()
    value, slope = fooled(5.0, ratio_limit=10.0)
    assert value == pytest.approx(-10, rel=1e-5)
    assert not slope.any()
    assert fooled(2.0, ratio_limit=10.0)[0] == fooled(2.0)[0]


@pytest.mark.parametrize("cost", COSTS)
def test_the_discriminator_descends_cross_entropy_and_r1_whatever_the_cost(cost):
    experiment, builder = tiny("ml_gan", "ring", cost=cost, gamma=3.0)
    game, (batch, *others) = experiment.game, builder.batches(0, 0)[0]
    assert len(others) == 4  # k = 5
    net = game.networks
    terms = game.schedule.turns[0].objective(net, batch)
    x = batch["x"].clone().requires_grad_()
    (slopes,) = torch.autograd.grad(net.discriminator(x).sum(), x)
    assert float(terms["r1"].detach()) == pytest.approx(1.5 * float(slopes.square().sum(1).mean()), rel=1e-5)
    expected = ADVERSARIAL["minimax"].discriminator(net.discriminator(x), net.discriminator(net.generator(batch["z"])))
    assert all(torch.equal(terms[side], expected[side]) for side in ("real", "fake"))


def test_without_r1_there_is_no_term_of_it():
    experiment, builder = tiny("ml_gan", "ring", gamma=0.0)
    terms = experiment.game.schedule.turns[0].objective(experiment.game.networks, builder.batches(0, 0)[0][0])
    assert set(terms) == {"real", "fake"}


@pytest.mark.parametrize("cost", ["maximum_likelihood", "reverse_kl"])
def test_at_the_exact_discriminator_the_recipe_descends_its_divergence(cost):
    """P = N(0, 1), an affine generator of N(0.7, 1), the logit log P/Q put in place: the gradient of either KL, 0.7 in
    the mean, as a mean over enough latents."""
    experiment, _ = tiny("ml_gan", "gaussian", cost=cost)
    net, turn = experiment.game.networks, experiment.game.schedule.turns[1]
    z = torch.erfinv(torch.linspace(-1, 1, 20_001, dtype=torch.float64)[1:-1]).unsqueeze(1) * math.sqrt(2)
    mean = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    hooks = [
        net.generator.register_forward_hook(lambda module, given, out: z + mean),
        net.discriminator.register_forward_hook(lambda module, given, out: 0.7 * (0.35 - given[0])),
    ]
    net.generator.double(), net.discriminator.double()
    batch = {"z": torch.zeros(len(z), 4, dtype=torch.float64)}
    loss = turn.objective(net, batch)["adversarial"]
    (slope,) = torch.autograd.grad(loss, mean)
    for hook in hooks:
        hook.remove()
    assert float(slope) == pytest.approx(0.7, abs=2e-3)


def test_a_limit_that_is_no_ratio_is_refused():
    with pytest.raises(ConfigError, match="ratio_limit"):
        checked(ml_gan.Config, {"ratio_limit": 0.0}, "here")
