"""The term accumulator: means of terms, updates, skipped updates."""

import math

import pytest
import torch
from torch import nn

from tests.games import copies, plain_gan, play, same
from zerosum.game import Game, Player, Turn, alternating
from zerosum.updates import sgd


def test_rule_11_terms_are_means_over_every_repeat_and_lazy_turn():
    seen = []

    def objective(net, batch):
        value = net.net(torch.ones(1, 1)).sum()
        seen.append(float(value.detach()))
        return {"t": value}

    lazy = lambda net, batch: {"lazy": net.net(torch.ones(1, 1)).sum()}  # noqa: E731
    game = Game(
        {"net": nn.Linear(1, 1)},
        {"one": Player(("net",), sgd(0.1))},
        alternating(Turn("one", objective, repeat=3), Turn("one", lazy, every=4)),
    )
    for r in range(5):
        game.play([[{}] * 3, [{}] if r % 4 == 0 else []], 1)
    assert game.accumulator._counts == {"one/t": 15, "one/lazy": 2}
    assert game.accumulator
    reading = game.read()
    assert not game.accumulator
    assert reading.terms["one/t"] == pytest.approx(sum(seen) / 15, rel=1e-5)
    assert reading.updates == {"one": 17}
    assert game.read().terms == {}


def test_rule_11_two_turns_of_a_player_may_not_log_the_same_term():
    objective = lambda net, batch: {"t": net.net(torch.ones(1, 1)).sum()}  # noqa: E731
    game = Game(
        {"net": nn.Linear(1, 1)},
        {"one": Player(("net",), sgd(0.1))},
        alternating(Turn("one", objective), Turn("one", objective)),
    )
    with pytest.raises(ValueError, match="two turns of 'one' log the term 't'"):
        game.play([[{}], [{}]], 1)


def test_updates_that_are_not_finite_are_skipped_and_counted():
    game, builder = plain_gan()
    play(game, builder, 1)
    before = copies(game.networks.discriminator)
    batches = builder.batches(1, 16)
    batches[0][0]["x"] = torch.full_like(batches[0][0]["x"], math.nan)
    game.play(batches, 16)
    assert same(before, copies(game.networks.discriminator))
    reading = game.read()
    assert reading.skipped == {"discriminator": 1, "generator": 0}
    assert reading.updates == {"discriminator": 2, "generator": 2}
    assert game.read().skipped == {"discriminator": 0, "generator": 0}
