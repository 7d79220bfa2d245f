"""What spectral normalisation rests on."""

import pytest
import torch

from tests.games import play
from tests.recipes.test_contract import tiny
from zerosum.errors import ConfigError


def normalised(discriminator):
    """The effective weights of its layers."""
    discriminator.eval()
    return [layer.weight for layer in discriminator[1] if hasattr(layer, "weight")]


def test_after_some_rounds_every_singular_value_is_at_most_one():
    experiment, builder = tiny("sngan", "ring", learning_rate=1e-4)
    play(experiment.game, builder, 30)
    for weight in normalised(experiment.game.networks.discriminator):
        assert float(torch.linalg.matrix_norm(weight.detach(), 2)) == pytest.approx(1, abs=1e-3)


def test_no_two_points_are_scored_further_apart_than_they_lie():
    experiment, builder = tiny("sngan", "ring", learning_rate=1e-4)
    play(experiment.game, builder, 30)
    generator = torch.Generator().manual_seed(0)
    one, other = (3 * torch.randn(500, 2, generator=generator) for _ in range(2))
    scored = [experiment.call("score", {"x": x}) for x in (one, other)]
    assert ((scored[0] - scored[1]).abs() <= 1.001 * (one - other).norm(dim=1)).all()


def test_convolutions_have_matrices_of_norm_one_and_play_images():
    experiment, builder = tiny("sngan", "digits", networks="convolutions", width=4, learning_rate=1e-4)
    play(experiment.game, builder, 10)
    discriminator = experiment.game.networks.discriminator.eval()
    weights = [layer.weight.detach() for layer in discriminator.modules() if hasattr(layer, "parametrizations")]
    assert len(weights) == 2  # a convolution and the dense layer
    for weight in weights:
        assert float(torch.linalg.matrix_norm(weight.flatten(1), 2)) == pytest.approx(1, abs=2e-2)
    samples = experiment.sample(8, seed=0)
    assert samples.shape == (8, 1, 8, 8)
    assert 0 <= float(samples.min()) < float(samples.max()) <= 1


def test_the_convolutions_discriminator_sees_the_range_its_generator_makes():
    """Both ends of [0, 1] reach it as -1 and 1."""
    experiment, builder = tiny("sngan", "digits", networks="convolutions", width=4)
    net, batch = experiment.game.networks, builder.batches(0, 0)[0][0]
    net.discriminator.eval()
    with torch.no_grad():
        real, fake = net.discriminator(2 * batch["x"] - 1), net.discriminator(net.generator(batch["z"]))
    terms = experiment.game.schedule.turns[0].objective(net, batch)
    assert float(terms["real"].detach()) == pytest.approx(float((1 - real).clamp(min=0).mean()))
    assert float(terms["fake"].detach()) == pytest.approx(float((1 + fake).clamp(min=0).mean()))


@pytest.mark.parametrize("data", ["ring", "gaussian"])
def test_convolutions_of_points_are_refused(data):
    with pytest.raises(ConfigError, match=r"take square images \(C, S, S\) .*; take networks mlp"):
        tiny("sngan", data, networks="convolutions")


def test_the_terms_are_the_margins_of_the_logits():
    experiment, builder = tiny("sngan", "ring")
    net, ((first, *_), (last,)) = experiment.game.networks, builder.batches(0, 0)
    net.discriminator.eval()  # where a pass leaves the estimate of the norms alone
    terms = experiment.game.schedule.turns[0].objective(net, first)
    with torch.no_grad():
        real, fake, last_fake = (
            net.discriminator(x) for x in (first["x"], net.generator(first["z"]), net.generator(last["z"]))
        )
    assert float(terms["real"].detach()) == pytest.approx(float((1 - real).clamp(min=0).mean()))
    assert float(terms["fake"].detach()) == pytest.approx(float((1 + fake).clamp(min=0).mean()))
    fool = experiment.game.schedule.turns[1].objective(net, last)["adversarial"]
    assert float(fool.detach()) == pytest.approx(-float(last_fake.mean()))


def test_the_discriminator_moves_five_times_a_round():
    _, builder = tiny("sngan", "ring")
    assert [len(batches) for batches in builder.batches(0, 0)] == [5, 1]


def test_residual_networks_have_matrices_of_norm_one_and_play_images():
    experiment, builder = tiny("sngan", "digits", networks="residual", width=4, learning_rate=1e-4)
    play(experiment.game, builder, 10)
    discriminator = experiment.game.networks.discriminator.eval()
    weights = [layer.weight.detach() for layer in discriminator.modules() if hasattr(layer, "parametrizations")]
    assert len(weights) == 3 + 2 + 1  # a block with its shortcut, one without, the dense layer
    for weight in weights:
        assert float(torch.linalg.matrix_norm(weight.flatten(1), 2)) == pytest.approx(1, abs=2e-2)
    samples = experiment.sample(8, seed=0)
    assert samples.shape == (8, 1, 8, 8)
    assert 0 <= float(samples.min()) < float(samples.max()) <= 1


def test_residual_networks_of_points_are_refused():
    with pytest.raises(ConfigError, match=r"take square images \(C, S, S\) .*; take networks mlp"):
        tiny("sngan", "ring", networks="residual")
