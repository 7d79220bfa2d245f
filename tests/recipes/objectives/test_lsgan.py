"""What is particular to regression on targets."""

import pytest
import torch

from tests.recipes.test_contract import tiny
from zerosum.errors import ConfigError

CODINGS = {"least_squares": (0.0, 1.0, 1.0), "least_squares_pearson": (-1.0, 1.0, 0.0)}


@pytest.mark.parametrize("coding", CODINGS)
def test_terms_are_halves_of_squared_distances_to_the_targets(coding):
    low, high, wanted = CODINGS[coding]
    experiment, builder = tiny("lsgan", "ring", coding=coding)
    net, turns = experiment.game.networks, experiment.game.schedule.turns
    (told,), (fool,) = builder.batches(0, 0)
    with torch.no_grad():
        terms, fooled = turns[0].objective(net, told), turns[1].objective(net, fool)
        real, fake = net.discriminator(told["x"]), net.discriminator(net.generator(told["z"]))
        hoped = net.discriminator(net.generator(fool["z"]))
    assert float(terms["real"]) == pytest.approx(float((real - high).pow(2).mean()) / 2)
    assert float(terms["fake"]) == pytest.approx(float((fake - low).pow(2).mean()) / 2)
    assert float(fooled["adversarial"]) == pytest.approx(float((hoped - wanted).pow(2).mean()) / 2)


@pytest.mark.parametrize("coding", CODINGS)
def test_the_pull_grows_with_the_distance_from_the_wanted_value(coding):
    """Linearly and without end, where the pull of a logistic loss is at most 1 and fades on the right side."""
    experiment, builder = tiny("lsgan", "ring", coding=coding)
    game, batch = experiment.game, builder.batches(0, 0)[1][0]
    seen = []
    hook = game.networks.discriminator.register_forward_hook(lambda module, given, out: seen.append(out))
    loss = game.schedule.turns[1].objective(game.networks, batch)["adversarial"]
    hook.remove()
    (pull,) = torch.autograd.grad(loss, seen[0])
    assert torch.allclose(pull, (seen[0].detach() - CODINGS[coding][2]) / 16)


def test_the_codings_are_one_game_up_to_scale_for_the_critic_alone():
    """2 a - 1 turns 0, 1 into -1, 1: its losses are then four times as large; those of the generators differ."""
    made = [tiny("lsgan", "ring", coding=coding)[0] for coding in CODINGS]
    batch = tiny("lsgan", "ring")[1].batches(0, 0)[0][0]
    with torch.no_grad():
        last = made[1].game.networks.discriminator[1][-1]
        last.weight.mul_(2)
        last.bias.mul_(2).sub_(1)
        first, second = (e.game.schedule.turns[0].objective(e.game.networks, batch) for e in made)
        fools = [float(e.game.schedule.turns[1].objective(e.game.networks, batch)["adversarial"]) for e in made]
    for name in ("real", "fake"):
        assert float(second[name]) == pytest.approx(4 * float(first[name]), rel=1e-5)
    assert fools[1] != pytest.approx(4 * fools[0], rel=1e-2)


def test_a_coding_that_is_none_is_refused():
    from zerosum import api
    from zerosum.recipes.objectives import lsgan

    with pytest.raises(ConfigError, match="coding"):
        api.checked(lsgan.Config, {"coding": "least_square"}, "here")
