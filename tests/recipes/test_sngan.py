"""What spectral normalisation rests on."""

import pytest
import torch

from tests.games import play
from tests.recipes.test_contract import tiny


def normalised(discriminator):
    """The effective weights of its layers."""
    discriminator.eval()
    return [layer.weight for layer in discriminator[1] if hasattr(layer, "weight")]


def test_after_some_rounds_every_singular_value_is_at_most_one():
    experiment, feed = tiny("sngan", "ring", learning_rate=1e-4)
    play(experiment.game, feed, 30)
    for weight in normalised(experiment.game.networks.discriminator):
        assert float(torch.linalg.matrix_norm(weight.detach(), 2)) == pytest.approx(1, abs=1e-3)


def test_no_two_points_are_scored_further_apart_than_they_lie():
    experiment, feed = tiny("sngan", "ring", learning_rate=1e-4)
    play(experiment.game, feed, 30)
    generator = torch.Generator().manual_seed(0)
    one, other = (3 * torch.randn(500, 2, generator=generator) for _ in range(2))
    scored = [experiment.ask("score", {"x": x}) for x in (one, other)]
    assert ((scored[0] - scored[1]).abs() <= 1.001 * (one - other).norm(dim=1)).all()


def test_the_terms_are_the_margins_of_the_logits():
    experiment, feed = tiny("sngan", "ring")
    net, ((first, *_), (last,)) = experiment.game.networks, feed.batches(0, 0)
    net.discriminator.eval()  # where a pass leaves the estimate of the norms alone
    terms = experiment.game.schedule.turns[0].objective(net, first)
    with torch.no_grad():
        real, fake, last_fake = (
            net.discriminator(x) for x in (first["x"], net.generator(first["z"]), net.generator(last["z"]))
        )
    assert float(terms["real"].detach()) == pytest.approx(float((1 - real).clamp(min=0).mean()))
    assert float(terms["fake"].detach()) == pytest.approx(float((1 + fake).clamp(min=0).mean()))
    fool = experiment.game.schedule.turns[1].objective(net, last)["fool"]
    assert float(fool.detach()) == pytest.approx(-float(last_fake.mean()))


def test_the_discriminator_moves_five_times_a_round():
    _, feed = tiny("sngan", "ring")
    assert [len(batches) for batches in feed.batches(0, 0)] == [5, 1]
