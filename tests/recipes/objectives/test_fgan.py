"""What is particular to f-GAN: its row of 2014 is that game, and its losses are the bound."""

import pytest
import torch

from tests.recipes.test_contract import tiny
from zerosum.api import checked
from zerosum.errors import ConfigError
from zerosum.game import gradients
from zerosum.losses import DIVERGENCES, minimax, nonsaturating
from zerosum.recipes.objectives import fgan


def slopes(experiment, builder):
    game = experiment.game
    return [
        gradients(game, turn, {**batches[0], "examples": game.examples})[1]
        for turn, batches in zip(game.schedule.turns, builder.batches(0, 0), strict=True)
    ]


@pytest.mark.parametrize(("trick", "loss"), [(True, nonsaturating), (False, minimax)])
def test_the_row_of_2014_is_that_game_bit_for_bit(trick, loss, monkeypatch):
    ours = slopes(*tiny("fgan", divergence="gan", trick=trick))
    monkeypatch.setattr(type(DIVERGENCES["gan"]), "pair", lambda self, trick: loss)
    theirs = slopes(*tiny("fgan"))
    for mine, other in zip(ours, theirs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine, other, strict=True))


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_terms_are_the_bound(name):
    experiment, builder = tiny("fgan", divergence=name)
    game, (batch,) = experiment.game, builder.batches(0, 0)[0]
    terms = game.schedule.turns[0].objective(game.networks, batch)
    real = game.networks.discriminator(batch["x"])
    fake = game.networks.discriminator(game.networks.generator(batch["z"]))
    bound = DIVERGENCES[name].bound(real, fake)
    assert float(-(terms["real"] + terms["fake"]).detach()) == pytest.approx(float(bound.detach()), abs=1e-6)


def test_a_critic_sure_of_everything_holds_total_variation_still_and_no_bound_that_is_unbounded():
    """T = tanh(v) / 2 is flat in float32 from v = 10 on; the other side of the 2014 bound is not."""
    for name, trick, still in (
        ("total_variation", False, True),
        ("total_variation", True, True),
        ("gan", False, False),
    ):
        experiment, builder = tiny("fgan", divergence=name, trick=trick)
        *_, last = experiment.game.networks.discriminator.parameters()
        with torch.no_grad():
            last += 30
        moved = [any(bool(slope.any()) for slope in mine) for mine in slopes(experiment, builder)]
        assert moved == [not still] * 2, name


def test_an_unknown_divergence_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="reverse_kl"):
        checked(fgan.Config, {"divergence": "reverse-kl"}, "here")
