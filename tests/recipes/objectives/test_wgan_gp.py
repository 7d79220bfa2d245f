"""What is particular to a Wasserstein critic whose slope is penalised."""

import pytest
import torch

from tests.games import play
from tests.recipes.test_contract import tiny
from zerosum.errors import ConfigError


def test_the_penalty_is_lambda_times_the_squared_gap_of_the_slope_to_one():
    """At a point of its own for every pair, written out."""
    experiment, builder = tiny("wgan_gp", "ring", penalty=3.0)
    game, batch = experiment.game, builder.batches(0, 0)[0][0]
    net = game.networks
    x, fake, epsilon = batch["x"], net.generator(batch["z"]).detach(), batch["epsilon"]
    assert epsilon.shape == (16, 1)
    expected = 0.0
    for i in range(16):
        point = (epsilon[i] * x[i] + (1 - epsilon[i]) * fake[i]).unsqueeze(0).requires_grad_()
        (slope,) = torch.autograd.grad(net.discriminator(point).sum(), point)
        expected += 3 * (float(slope.norm()) - 1) ** 2 / 16
    terms = game.schedule.turns[0].objective(net, batch)
    assert float(terms["penalty"].detach()) == pytest.approx(expected, rel=1e-4)
    assert float(terms["real"].detach()) == pytest.approx(-float(net.discriminator(x).detach().mean()), rel=1e-5)
    assert float(terms["fake"].detach()) == pytest.approx(float(net.discriminator(fake).detach().mean()), rel=1e-5)


def test_the_critic_has_no_bias_its_loss_does_not_depend_on():
    experiment, _ = tiny("wgan_gp", "ring")
    names = [name for name, _ in experiment.game.networks.discriminator.named_parameters()]
    assert names[-1].endswith("weight")


def test_identity_38_one_time_scale_is_the_plain_rule_bit_for_bit():
    def played(**settings):
        experiment, builder = tiny("wgan_gp", "ring", **settings)
        play(experiment.game, builder, 3)
        return [p.detach() for network in experiment.game.networks.values() for p in network.parameters()]

    one, plain, other = played(ttur_ratio=1.0), played(), played(ttur_ratio=2.0)
    assert all(torch.equal(a, b) for a, b in zip(one, plain, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(other, plain, strict=True))


def test_every_update_of_the_critic_has_examples_of_its_own():
    _, builder = tiny("wgan_gp", "ring")
    critic, generator = builder.batches(0, 0)
    assert (len(critic), len(generator)) == (5, 1)
    for field in ("x", "z", "epsilon"):
        assert len({tuple(batch[field].flatten().tolist()) for batch in critic}) == 5


def test_residual_networks_are_penalised_image_by_image():
    experiment, builder = tiny("wgan_gp", "digits", networks="residual", width=4)
    net, batch = experiment.game.networks, builder.batches(0, 0)[0][0]
    net.generator.eval()
    x, fake, epsilon = 2 * batch["x"] - 1, net.generator(batch["z"]).detach(), batch["epsilon"]
    expected = 0.0
    for i in range(16):
        point = (epsilon[i] * x[i] + (1 - epsilon[i]) * fake[i]).unsqueeze(0).requires_grad_()
        (slope,) = torch.autograd.grad(net.discriminator(point).sum(), point)
        expected += (float(slope.norm()) - 1) ** 2 / 16
    terms = experiment.game.schedule.turns[0].objective(net, batch)
    assert float(terms["penalty"].detach()) == pytest.approx(expected, rel=1e-4)
    assert -1 <= float(fake.min()) < 0 < float(fake.max()) <= 1
    images = experiment.sample(16, 0)
    assert 0 <= float(images.min()) < float(images.max()) <= 1


def test_residual_networks_of_points_are_refused():
    with pytest.raises(ConfigError, match=r"take square images \(C, S, S\) .*; take networks mlp"):
        tiny("wgan_gp", "ring", networks="residual")
