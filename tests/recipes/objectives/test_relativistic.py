"""What is particular to a critic of differences."""

import math

import pytest
import torch

from tests.recipes.test_contract import tiny
from zerosum import api
from zerosum.errors import ConfigError
from zerosum.losses import ADVERSARIAL
from zerosum.recipes.objectives import relativistic

LOSSES = [name for name, loss in ADVERSARIAL.items() if loss.relativistic]
LOGISTIC = ("relativistic_pairing", "relativistic_average")


def told(experiment, builder):
    """The terms of both objectives in round 0."""
    (first,), (second,) = builder.batches(0, 0)
    turns, net = experiment.game.schedule.turns, experiment.game.networks
    with torch.no_grad():
        return {**turns[0].objective(net, first), **turns[1].objective(net, second)}


@pytest.mark.parametrize("loss", LOSSES)
def test_at_a_constant_critic_either_player_has_f_of_zero(loss):
    """log 2 for the logistic ones, 1 for squares and hinges."""
    experiment, builder = tiny("relativistic", "ring", loss=loss)
    with torch.no_grad():
        experiment.game.networks.discriminator[1][-1].weight.zero_()
    terms = told(experiment, builder)
    fool, expected = terms.pop("adversarial"), math.log(2) if loss in LOGISTIC else 1.0
    assert float(fool) == pytest.approx(expected)
    assert float(sum(terms.values())) == pytest.approx(expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_constant_on_every_logit_changes_nothing(loss):
    experiment, builder = tiny("relativistic", "ring", loss=loss)
    plain = told(experiment, builder)
    experiment.game.networks.discriminator.register_forward_hook(lambda module, given, out: out + 5)
    for name, value in told(experiment, builder).items():
        assert float(value) == pytest.approx(float(plain[name]), abs=1e-5), name


@pytest.mark.parametrize("loss", LOSSES)
def test_the_generators_loss_is_the_discriminators_with_the_sides_exchanged(loss):
    """By hand, on the generator's own batch."""
    experiment, builder = tiny("relativistic", "ring", loss=loss)
    batch, net = builder.batches(0, 0)[1][0], experiment.game.networks
    with torch.no_grad():
        a, b = net.discriminator(net.generator(batch["z"])), net.discriminator(batch["x"])
        if loss.endswith("least_squares"):
            f = lambda t: (t - 1) ** 2  # noqa: E731
        elif loss.endswith("hinge"):
            f = lambda t: (1 - t).clamp(min=0)  # noqa: E731
        else:
            f = lambda t: (1 + (-t).exp()).log()  # noqa: E731
        average = (f(a - b.mean()).mean() + f(a.mean() - b).mean()) / 2
        expected = f(a - b).mean() if "pairing" in loss else average
        fool = experiment.game.schedule.turns[1].objective(net, batch)["adversarial"]
    assert float(fool) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("k", [1, 3])
def test_the_generator_sees_real_examples_the_discriminator_has_not_seen(k):
    _, builder = tiny("relativistic", "ring", k=k)
    seen, (own,) = builder.batches(0, 0)
    assert len(seen) == k
    for batch in seen:
        assert not set(batch["x"][:, 0].tolist()) & set(own["x"][:, 0].tolist())


def test_the_mean_over_real_examples_counts_in_the_generators_pull():
    """d L_G / d a(fake) of averaging, logistic: minus sigmoid of either difference; a frozen mean would halve it."""
    experiment, builder = tiny("relativistic", "ring", loss="relativistic_average")
    game, batch = experiment.game, builder.batches(0, 0)[1][0]
    seen = []
    game.networks.discriminator.register_forward_hook(lambda module, given, out: seen.append(out))
    loss = game.schedule.turns[1].objective(game.networks, batch)["adversarial"]
    (pull,) = torch.autograd.grad(loss, seen[0], retain_graph=True)
    fake, real = (logits.detach() for logits in seen)
    n = len(fake)
    expected = -(torch.sigmoid(real.mean() - fake) + torch.sigmoid(real - fake.mean()).mean()) / (2 * n)
    assert torch.allclose(pull, expected, atol=1e-7)


def test_the_critic_has_no_last_bias():
    assert tiny("relativistic", "ring")[0].game.networks.discriminator[1][-1].bias is None


def test_a_loss_that_is_separable_is_refused():
    with pytest.raises(ConfigError, match="loss"):
        api.checked(relativistic.Config, {"loss": "nonsaturating"}, "here")
