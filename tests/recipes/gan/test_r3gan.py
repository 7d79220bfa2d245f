"""What R3GAN rests on: pairs, two penalties, networks that begin as linear maps, and half cosines."""

import pytest
import torch

from tests.games import play
from tests.recipes.test_contract import tiny


def first(experiment, builder, examples=0):
    """The first batch of either turn, with the examples seen."""
    (told,), (fooled,) = builder.batches(0, examples)
    for batch in (told, fooled):
        batch["examples"] = torch.tensor(examples)
    return told, fooled


def test_a_new_discriminator_has_one_slope_everywhere():
    """Identity 25: every block is the identity, so both penalties are gamma / 2 times one squared slope."""
    experiment, builder = tiny("r3gan", gamma=3.0)
    net, (batch, _) = experiment.game.networks, first(experiment, builder)
    terms = experiment.game.schedule.turns[0].objective(net, batch)
    x = torch.zeros(1, 1, 8, 8, requires_grad=True)
    (slope,) = torch.autograd.grad(net.discriminator(x).sum(), x)
    for name in ("r1", "r2"):
        torch.testing.assert_close(terms[name].detach(), 1.5 * slope.square().sum())


def test_what_one_loses_the_other_gains():
    """Identity 24: on one batch L_G - L_D = mean(a(x) - a(G(z))); neither sees a constant added to all logits."""
    experiment, builder = tiny("r3gan")
    net, turns = experiment.game.networks, experiment.game.schedule.turns
    examples = play(experiment.game, builder, 3)
    batch, _ = first(experiment, builder, examples)
    told = turns[0].objective(net, batch)["pairing"].detach()
    fooled = turns[1].objective(net, batch)["adversarial"].detach()
    with torch.no_grad():
        real, fake = net.discriminator(2 * batch["x"] - 1), net.discriminator(net.generator(batch["z"]))
    torch.testing.assert_close(fooled - told, (real - fake).mean(), rtol=1e-4, atol=1e-5)
    net.discriminator.head.register_forward_hook(lambda module, inputs, logits: logits + 7)
    torch.testing.assert_close(turns[0].objective(net, batch)["pairing"].detach(), told)
    torch.testing.assert_close(turns[1].objective(net, batch)["adversarial"].detach(), fooled)


def test_either_player_sees_real_images_of_its_own():
    experiment, builder = tiny("r3gan")
    assert experiment.game.schedule.takes(0) == 2
    told, fooled = first(experiment, builder)
    assert not torch.equal(told["x"], fooled["x"])
    assert not torch.equal(told["z"], fooled["z"])


@pytest.mark.parametrize(("examples", "share"), [(0, 1.0), (500, 0.5), (1000, 0.0), (5000, 0.0)])
def test_penalties_and_updates_follow_half_cosines(examples, share):
    experiment, builder = tiny(
        "r3gan", horizon=1000, gamma=4.0, final_gamma=1.0, learning_rate=0.1, final_learning_rate=0.01
    )
    net, (batch, _) = experiment.game.networks, first(experiment, builder, examples)
    terms = experiment.game.schedule.turns[0].objective(net, batch)
    x = torch.zeros(1, 1, 8, 8, requires_grad=True)
    (slope,) = torch.autograd.grad(net.discriminator(x).sum(), x)
    torch.testing.assert_close(terms["r1"].detach(), (1 + 3 * share) / 2 * slope.square().sum())
    rule, begin = experiment.game.players["generator"].update, [torch.zeros(1)]
    one, state = rule.plain([torch.ones(1)], rule.init(begin), begin, torch.tensor(examples))
    two, _ = rule.plain([torch.full((1,), 3.0)], state, one, torch.tensor(examples))
    rate, b = 0.01 + 0.09 * share, 0.99 - 0.09 * share
    assert float(-one[0]) == pytest.approx(rate, rel=1e-4)
    expected = rate * 3 / ((b * (1 - b) + (1 - b) * 9) / (1 - b**2)) ** 0.5  # no first moment
    assert float(one[0] - two[0]) == pytest.approx(expected, rel=1e-4)


def test_labels_are_those_of_the_pair():
    """With --conditional a generated image is judged as its pair's label, whatever was drawn beside."""
    experiment, builder = tiny("r3gan", conditional=True)
    net, turns = experiment.game.networks, experiment.game.schedule.turns
    for turn, batch in zip(turns, first(experiment, builder), strict=True):
        other = {**batch, "fake_label": (batch["fake_label"] + 1) % 10}
        for name, term in turn.objective(net, batch).items():
            assert torch.equal(term, turn.objective(net, other)[name])
