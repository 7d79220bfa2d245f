"""The game: players, one round, its state."""

import copy

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.games import bilinear, copies, noisy_experiment, one_player, plain_gan, play, same, values
from zerosum.game import Game, Networks, Player, Turn, alternating, evaluating, gradients
from zerosum.updates import adam, sgd


def test_a_turn_changes_only_its_players_parameters():
    game, builder = plain_gan()
    before = {name: copies(network) for name, network in game.networks.items()}
    turn = game.schedule.turns[0]
    _, found = gradients(game, turn, builder.batches(0, 0)[0][0])
    game.descend("discriminator", found)
    assert same(copies(game.networks.generator), before["generator"])
    assert not same(copies(game.networks.discriminator), before["discriminator"])


def test_two_players_may_move_the_same_network_each_with_its_own_state():
    objective = lambda net, batch: {"size": net.net(torch.ones(2, 3)).square().mean()}  # noqa: E731
    game = Game(
        {"net": nn.Linear(3, 2)},
        {"fast": Player(("net",), adam(0.1)), "slow": Player(("net",), sgd(0.01))},
        alternating(Turn("fast", objective), Turn("slow", lambda net, batch: {"other": objective(net, batch)["size"]})),
    )
    assert game.moved_by("fast")[0] is game.moved_by("slow")[0]
    before = copies(game.networks.net)
    game.play([[{}], [{}]], 2)
    assert not same(before, copies(game.networks.net))
    assert set(game.states["fast"]) == {"step", "first", "second"}
    assert game.states["slow"] == {}


def test_a_network_nobody_moves_is_evaluated_and_left_alone():
    game, builder = plain_gan(judge=nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
    assert not game.networks.judge.training
    assert game.networks.generator.training
    before = copies(game.networks.judge)
    play(game, builder, 3)
    assert same(before, copies(game.networks.judge))


def test_a_shared_parameter_is_moved_once():
    shared = nn.Linear(3, 3)
    game = Game(
        {"a": nn.Sequential(shared, nn.Linear(3, 1)), "b": nn.Sequential(shared, nn.Linear(3, 2))},
        {"one": Player(("a", "b"), sgd(0.1))},
        alternating(
            Turn("one", lambda net, batch: {"t": net.a(torch.ones(1, 3)).sum() + net.b(torch.ones(1, 3)).sum()})
        ),
    )
    assert len(game.moved_by("one")) == 6
    game.play([[{}]], 1)


def test_projection_after_every_step():
    """Weight clipping, as in WGAN."""
    game = one_player(
        lambda net, batch: {"t": -100 * net.net(torch.ones(1, 3)).sum()},
        nn.Linear(3, 2),
        project=lambda name, value: value.clamp(-0.01, 0.01) if name == "net.weight" else value,
    )
    game.play([[{}]], 1)
    assert float(game.networks.net.weight.detach().abs().max()) == pytest.approx(0.01)
    assert float(game.networks.net.bias.detach().abs().max()) > 1


def test_rule_4_passes_of_a_resting_player_write_buffers_but_no_parameters():
    experiment, builder = noisy_experiment()
    game = experiment.game
    before, running = copies(game.networks.generator), game.networks.generator[1].running_mean.clone()
    _, found = gradients(game, game.schedule.turns[0], builder.batches(0, 0)[0][0])
    game.descend("discriminator", found)
    assert same(before, copies(game.networks.generator))
    assert not torch.equal(running, game.networks.generator[1].running_mean)


class HostReads(TorchDispatchMode):
    """Counts operations that copy a value to the host."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket in (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero, torch.ops.aten.equal):
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("fused", [True, False])
def test_no_host_synchronisation_in_a_round(fused):
    experiment, builder = noisy_experiment()
    game = experiment.game
    if not fused:
        game._fused = dict.fromkeys(game._fused, False)
    examples = play(game, builder, 1)
    with HostReads() as reads:
        play(game, builder, 4, examples)
    assert reads.seen == []
    with HostReads() as reads:
        game.read()
    assert reads.seen == []  # a list comes over in one copy, not value by value


def test_state_round_trip_continues_bit_for_bit():
    (one, builder), (other, _) = noisy_experiment(), noisy_experiment(seed=9)
    examples = play(one.game, builder, 7)
    kept = {name: t.clone() for name, t in one.game.state().items()}
    other.game.load_state(kept)
    assert other.game.round == 7
    play(one.game, builder, 5, examples)
    play(other.game, builder, 5, examples)
    a, b = one.game.state(), other.game.state()
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_evaluating_restores_every_module():
    network = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2)))
    network[1].eval()
    with evaluating(Networks({"net": network})):
        assert not any(m.training for m in network.modules())
    assert network.training
    assert network[0].training
    assert not network[1].training
    assert network[1][0].training is False


def test_deep_copies_are_games_of_their_own():
    game, builder = plain_gan()
    examples = play(game, builder, 1)
    other = copy.deepcopy(game)
    before = copies(game.networks.generator)
    play(other, builder, 2, examples)
    assert same(before, copies(game.networks.generator))
    assert not same(before, copies(other.networks.generator))


def test_bilinear_alternating_by_hand():
    """Identity 34: in alternating play the second mover sees the first one's move."""
    game = bilinear(1.0, 1.0, rate=0.1)
    game.play([[{}], [{}]], 1)
    assert values(game) == pytest.approx((1 - 0.1 * 1.1, 1.1), abs=1e-12)
