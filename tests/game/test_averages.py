"""Averages of networks over training."""

import pytest
import torch
from torch import nn

from tests.games import copies, noisy_experiment, one_player
from zerosum.game import Game, linear


def test_rule_7_half_life_in_examples():
    """After a half-life of examples the initial weight counts half (identity 37)."""
    game = one_player(lambda net, batch: {"t": 0 * net.net(torch.ones(1, 1)).sum()}, nn.Linear(1, 1, bias=False))
    averaged = Game(dict(game.networks), game.players, game.schedule, averages={"net": 1000})
    with torch.no_grad():
        averaged.networks.net.weight.fill_(1.0)
        averaged.averages["net"].weight.fill_(0.0)
    for _ in range(10):
        averaged.play([[{}]], 100)
    assert float(averaged.averages["net"].weight) == pytest.approx(0.5, abs=1e-6)


def test_rule_7_a_ramped_half_life_and_a_constant_stream():
    game = one_player(lambda net, batch: {"t": 0 * net.net(torch.ones(1, 1)).sum()}, nn.Linear(1, 1))
    averaged = Game(dict(game.networks), game.players, game.schedule, averages={"net": linear(0, 1000, examples=500)})
    with torch.no_grad():
        averaged.averages["net"].weight.fill_(-5.0)
    averaged.play([[{}]], 100)  # a half-life of 0 is no memory at all
    assert torch.equal(averaged.averages["net"].weight, averaged.networks.net.weight.detach())
    averaged.play([[{}]], 100)
    assert torch.equal(averaged.averages["net"].weight, averaged.networks.net.weight.detach())
    with torch.no_grad():
        averaged.networks.net.weight.fill_(1.0)
        averaged.averages["net"].weight.fill_(0.0)
    averaged.play([[{}]], 100)  # 200 examples were seen, and the half-life is 400
    assert float(averaged.averages["net"].weight) == pytest.approx(1 - 2 ** (-100 / 400))


def test_rule_7_averages_are_copies_moved_once_a_round_with_buffers_copied():
    experiment, builder = noisy_experiment()
    game = experiment.game
    average, network = game.averages["generator"], game.networks.generator
    assert average is not network
    assert not any(p.requires_grad for p in average.parameters())
    assert not average.training
    start = copies(average)
    game.play(builder.batches(0, 0), builder.examples(0))
    weight = 1 - 0.5 ** (builder.examples(0) / 500)
    for s, a, p in zip(start, average.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(a, s + weight * (p.detach() - s))
    assert torch.equal(average[1].running_mean, network[1].running_mean)


def test_shown_networks_are_averages_unless_raw():
    experiment, _ = noisy_experiment()
    game = experiment.game
    assert game.shown().generator is game.averages["generator"]
    assert game.shown(raw=True).generator is game.networks.generator
    assert game.shown().discriminator is game.networks.discriminator
