"""What is particular to a Wasserstein critic whose weights are clipped."""

import dataclasses

import pytest
import torch

from tests.games import play
from tests.recipes.test_contract import tiny
from zerosum import api
from zerosum.errors import ConfigError
from zerosum.recipes.objectives import wgan


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_after_its_turn_every_parameter_of_the_critic_lies_within_the_bound():
    """The generator's do not: nobody clips them."""
    experiment, builder = tiny("wgan", "ring", clip=0.02, warm_k=2)
    game = experiment.game
    assert float(weights(game.networks.discriminator).abs().max()) > 0.02
    play(game, builder, 3)
    assert float(weights(game.networks.discriminator).abs().max()) == pytest.approx(0.02)
    assert float(weights(game.networks.generator).abs().max()) > 0.1


def test_one_step_of_the_critic_is_clamp_of_rmsprop_by_hand():
    experiment, builder = tiny("wgan", "ring", clip=0.1, decay=0.75, learning_rate=0.01, warm_k=1)
    game, (batch, *_) = experiment.game, builder.batches(0, 0)[0]
    net = game.networks
    before = weights(net.discriminator)
    with torch.no_grad():
        fake = net.generator(batch["z"])
    loss = net.discriminator(fake).mean() - net.discriminator(batch["x"]).mean()
    slopes = torch.autograd.grad(loss, list(net.discriminator.parameters()))
    slope = torch.cat([s.flatten() for s in slopes])
    game.move(0, batch)
    # v = (1 - 3/4) g^2, so the step is 2 times the rate wherever the slope is not 0
    moved = (before - 0.02 * slope.sign()).clamp(-0.1, 0.1)
    seen = slope.abs() > 1e-4
    assert torch.allclose(weights(net.discriminator)[seen], moved[seen], atol=1e-5)


def test_the_slope_stays_below_the_bound_of_the_weights():
    """||W_1||_F ||W_2||_F ||W_3||_F, each at most c times the root of its entries: the K of K times W_1."""
    experiment, builder = tiny("wgan", "ring", clip=0.3, warm_k=5)
    play(experiment.game, builder, 20)
    critic = experiment.game.networks.discriminator
    k = 0.3**3 * (2 * 8 * 8 * 8 * 8) ** 0.5
    x = (4 * torch.randn(500, 2)).requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x)
    assert 0 < float(slope.norm(dim=1).max()) <= k


def test_the_critic_is_trained_far_at_first_and_every_500th_round():
    experiment, _ = tiny("wgan", "ring", warm_k=wgan.Config.warm_k)
    schedule = experiment.game.schedule
    for round, updates in {0: 100, 24: 100, 25: 5, 499: 5, 500: 100, 501: 5, 1000: 100}.items():
        assert schedule.pattern(round) == (updates, 1), round
        assert schedule.takes(round) == updates
    assert tiny("wgan", "ring", k=2, warm_k=3)[0].game.schedule.pattern(24) == (3, 1)


def test_the_loss_does_not_see_a_constant_so_the_critic_has_no_last_bias():
    experiment, builder = tiny("wgan", "ring")
    net, batch = experiment.game.networks, builder.batches(0, 0)[0][0]
    assert net.discriminator[1][-1].bias is None
    with torch.no_grad():
        plain = sum(experiment.game.schedule.turns[0].objective(net, batch).values())
        net.discriminator.register_forward_hook(lambda module, given, out: out + 3)
        assert float(sum(experiment.game.schedule.turns[0].objective(net, batch).values())) == pytest.approx(
            float(plain), abs=1e-6
        )


@pytest.mark.parametrize("setting", ["clip", "learning_rate", "warm_k"])
def test_a_setting_of_zero_is_refused(setting):
    assert setting in {field.name for field in dataclasses.fields(wgan.Config)}
    with pytest.raises(ConfigError, match=setting):
        api.checked(wgan.Config, {setting: 0}, "here")
