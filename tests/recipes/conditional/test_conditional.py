"""What is special about the conditional system: labels in both networks, in their shares; and its updates."""

import pytest
import torch

from tests.games import play
from tests.recipes.test_contract import tiny
from zerosum.data import DataSpec, open_data
from zerosum.game import gradients
from zerosum.recipes.conditional import conditional
from zerosum.sources import Labels


def test_both_networks_are_told_the_label():
    experiment, builder = tiny("conditional")
    play(experiment.game, builder, 5)
    z, x = torch.rand(10, 4), open_data("digits").batch(0, 10)["x"]
    made = [experiment.call("sample", {"z": z, "fake_label": torch.full((10,), y)}) for y in (0, 1)]
    assert not torch.equal(*made)
    scored = [experiment.call("score", {"x": x, "label": torch.full((10,), y)}) for y in (0, 1)]
    assert not torch.equal(*scored)


def test_asked_for_labels_come_in_the_datas_shares():
    shares = (0.5, *[0.5 / 9] * 9)
    spec = DataSpec.of("digits", "image", (1, 8, 8), 10, shares=shares)
    assert conditional.build(conditional.Config(hidden=6, units=2), spec).priors["fake_label"] == Labels(10, shares)


def test_a_discriminator_that_is_told_nothing_plays_the_plain_game():
    """Where nothing of the label goes on, the terms are the same for all labels of the real examples."""
    experiment, builder = tiny("conditional")
    net, ((batch,), _) = experiment.game.networks, builder.batches(0, 0)
    net.discriminator.eval()  # nothing is dropped
    turn = experiment.game.schedule.turns[0]
    other = {**batch, "label": (batch["label"] + 1) % 10}
    told = [turn.objective(net, b) for b in (batch, other)]
    assert told[0]["real"] != told[1]["real"]
    with torch.no_grad():
        for layer in (net.discriminator.head.label, net.generator.label):
            for parameter in layer.parameters():
                parameter.zero_()
    untold = [turn.objective(net, b) for b in (batch, other)]
    assert untold[0]["real"] == untold[1]["real"]
    assert untold[0]["fake"] == untold[1]["fake"]


def test_the_discriminator_descends_half_its_objective():
    experiment, builder = tiny("conditional")
    game, ((batch,), _) = experiment.game, builder.batches(0, 0)
    game.networks.discriminator.eval()
    turn = game.schedule.turns[0]
    _, slopes = gradients(game, turn, batch)
    whole = sum(turn.objective(game.networks, batch).values())
    expected = torch.autograd.grad(whole / 2, game.moved_by("discriminator"))
    for slope, other in zip(slopes, expected, strict=True):
        torch.testing.assert_close(slope, other)


@pytest.mark.parametrize("examples", [0, 16 * 1000, 16 * 10_000_000])
def test_steps_shrink_in_every_round_and_momentum_rises(examples):
    experiment, _ = tiny("conditional", horizon=10)
    count = open_data("digits").spec.count
    rule = experiment.game.players["generator"].update
    state = {"velocity": [torch.tensor([2.0])]}
    (moved,), _ = rule.plain([torch.tensor([1.0])], state, [torch.tensor([0.0])], torch.tensor(examples))
    rate = max(0.1 * 1.00004 ** -(examples / 16), 1e-6)
    decay = 0.5 + 0.2 * min(examples / (10 * count), 1)
    assert float(moved) == pytest.approx(-rate * (2 * decay + 1), rel=1e-4)


def test_before_the_first_round_pixels_have_their_means():
    """Where nothing but the output's bias is left, a generated image is the mean of the real ones."""
    experiment, _ = tiny("conditional")
    with torch.no_grad():
        experiment.game.networks.generator.out.weight.zero_()
    data = open_data("digits")
    mean = data.batch(0, data.count)["x"].mean(0)
    experiment.game.restart_averages()
    torch.testing.assert_close(experiment.sample(1, seed=0)[0], mean, atol=1e-5, rtol=0)
