"""Checks of a recipe in round 0, and of names and states that do not fit."""

import pytest
import torch
from torch import nn

from tests.games import one_player, plain_gan
from zerosum.game import Game, Player, Turn, alternating
from zerosum.updates import sgd


def test_rule_3_a_parameter_no_turn_reaches_is_named():
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    game = one_player(lambda net, batch: {"t": net.net[0](torch.ones(1, 3)).sum()}, network)
    with pytest.raises(ValueError, match=r"no objective of 'one' reaches its parameter 'net.1.weight'; use it in one"):
        game.play([[{}]], 1)


def test_rule_3_a_turn_that_reaches_nothing_is_an_error():
    outside = torch.ones(3, requires_grad=True)
    game = one_player(lambda net, batch: {"t": outside.sum()}, nn.Linear(3, 1))
    with pytest.raises(ValueError, match=r"objective of 'one' reaches no parameter of net; look for a torch.no_grad"):
        game.play([[{}]], 1)


def test_rule_3_a_detached_term_is_an_error():
    game = one_player(
        lambda net, batch: {"t": net.net(torch.ones(1, 3)).sum(), "dead": torch.ones(())}, nn.Linear(3, 1)
    )
    with pytest.raises(ValueError, match="term 'dead' of 'one' is detached"):
        game.play([[{}]], 1)


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (lambda y: y, r"term 't' of 'one' has shape \(4, 1\); objectives return scalar tensors, take .mean"),
        (lambda y: float(y.detach().sum()), "term 't' of 'one' has type float"),
    ],
)
def test_rule_3_a_term_is_a_scalar_tensor(term, message):
    game = one_player(lambda net, batch: {"t": term(net.net(torch.ones(4, 3)))}, nn.Linear(3, 1))
    with pytest.raises(ValueError, match=message):
        game.play([[{}]], 1)


def test_an_objective_without_terms_is_an_error():
    with pytest.raises(ValueError, match="objective of 'one' returned no terms"):
        one_player(lambda net, batch: {}, nn.Linear(3, 1)).play([[{}]], 1)


def test_names_that_do_not_fit_are_refused():
    net, objective = {"net": nn.Linear(2, 1)}, lambda net, batch: {"t": net.net(torch.ones(1, 2)).sum()}
    one = {"one": Player(("net",), sgd(0.1))}
    turn = alternating(Turn("one", objective))
    with pytest.raises(ValueError, match=r"player 'one' moves 'nat', which is not a network \(networks: net\)"):
        Game(net, {"one": Player(("nat",), sgd(0.1))}, turn)
    with pytest.raises(ValueError, match="a turn of 'two', who is no player"):
        Game(net, one, alternating(Turn("one", objective), Turn("two", objective)))
    with pytest.raises(ValueError, match="player 'two' has no turn"):
        Game(net, {**one, "two": Player(("net",), sgd(0.1))}, turn)
    with pytest.raises(ValueError, match="player 'one' moves no parameters"):
        Game({"net": nn.ReLU()}, one, turn)
    with pytest.raises(ValueError, match="average of 'nat', which is not a network"):
        Game(net, one, turn, averages={"nat": 10})
    with pytest.raises(ValueError, match="half-life of an average must be positive, got 0"):
        Game(net, one, turn, averages={"net": 0})
    with pytest.raises(AttributeError, match=r"the game has no network 'critic' \(it has: net\)"):
        _ = Game(net, one, turn).networks.critic


def test_state_of_another_game_is_refused():
    game, _ = plain_gan()
    kept = {name: t.clone() for name, t in game.state().items()}
    kept["networks/generator/0.weight"] = torch.zeros(3, 3)
    with pytest.raises(
        ValueError, match=r"'networks/generator/0.weight' is float32 \(3, 3\) in the state and float32 \(16, 4\)"
    ):
        game.load_state(kept)
    del kept["networks/generator/0.weight"]
    with pytest.raises(ValueError, match=r"the state lacks 'networks/generator/0.weight'"):
        game.load_state(kept)
    with pytest.raises(ValueError, match="has an unknown 'networks/extra/weight'"):
        game.load_state({**game.state(), "networks/extra/weight": torch.zeros(1)})
