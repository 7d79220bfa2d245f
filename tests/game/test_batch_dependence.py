"""Rule 10: batch-dependent objectives are found."""

import pytest
import torch
from torch import nn

from tests.games import copies, noisy_experiment, plain_gan, same
from zerosum.game import Game, Player, Turn, alternating, batch_dependent_turns
from zerosum.updates import sgd


def test_rule_10_separable_games_are_not_batch_dependent():
    game, builder = plain_gan()
    assert batch_dependent_turns(game, builder.batches(0, 0)) == []


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(4), nn.Dropout(0.5)], ids=lambda m: type(m).__name__)
def test_rule_10_layers_that_mix_or_draw_are_found(layer):
    game = Game(
        {"net": nn.Sequential(nn.Linear(2, 4), layer, nn.Linear(4, 1))},
        {"one": Player(("net",), sgd(0.1))},
        alternating(Turn("one", lambda net, batch: {"t": net.net(batch["x"]).square().mean()})),
    )
    assert batch_dependent_turns(game, [[{"x": torch.randn(8, 2)}]]) == [0]


def test_rule_10_the_game_is_left_as_it_is():
    experiment, builder = noisy_experiment()
    game = experiment.game
    before, running = copies(game.networks.generator), game.networks.generator[1].running_mean.clone()
    assert batch_dependent_turns(game, builder.batches(0, 0)) == [0, 1, 2]
    assert same(before, copies(game.networks.generator))
    assert torch.equal(running, game.networks.generator[1].running_mean)
