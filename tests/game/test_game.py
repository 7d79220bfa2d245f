"""The game: gradients, descents, averages, accumulated terms, state, and the rules the design rests on."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.games import bilinear, copies, generator, noisy_experiment, plain_gan, play, same, values
from zerosum.game import Game, Networks, Player, Turn, alternating, evaluating, gradients, linear
from zerosum.losses import r1
from zerosum.updates import adam, sgd


def one_player(objective, network, **player):
    return Game({"net": network}, {"one": Player(("net",), sgd(0.1), **player)}, alternating(Turn("one", objective)))


# Objectives and gradients


def test_gradients_are_those_of_the_sum_of_terms_for_the_mover_alone():
    game, builder = plain_gan()
    turn = game.schedule.turns[1]
    (batch,) = builder.batches(0, 0)[1]
    terms, found = gradients(game, turn, batch)
    assert list(terms) == ["adversarial"]
    expected = torch.autograd.grad(
        generator(game.networks, batch)["adversarial"], list(game.networks.generator.parameters())
    )
    assert same(found, expected)
    assert all(p.grad is None for n in game.networks.values() for p in n.parameters())


def test_gain_scales_the_gradient_but_not_the_term():
    game, builder = plain_gan()
    (batch,) = builder.batches(0, 0)[1]
    terms, found = gradients(game, Turn("generator", generator, gain=3.0), batch)
    plain_terms, plain_found = gradients(game, Turn("generator", generator), batch)
    assert torch.equal(terms["adversarial"], plain_terms["adversarial"])
    for a, b in zip(found, plain_found, strict=True):
        torch.testing.assert_close(a, 3 * b)


def test_identity_23_a_lazy_penalty_has_the_mean_of_one_in_every_round():
    """Due in one round of four, with gain 4: over any four rounds the gradients add up to the same."""
    game, builder = plain_gan()

    def penalty(net, batch):
        return {"r1": r1(net.discriminator, batch["x"])}

    eager, lazy = Turn("discriminator", penalty), Turn("discriminator", penalty, every=4, gain=4)
    (batch,) = builder.batches(0, 0)[0]
    for first in (0, 3, 10):
        sums = []
        for turn in (eager, lazy):
            due = [round for round in range(first, first + 4) if turn.due(round)]
            sums.append([sum(each) for each in zip(*(gradients(game, turn, batch)[1] for _ in due), strict=True)])
        for a, b in zip(*sums, strict=True):
            torch.testing.assert_close(a, b)


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


# Rule 3: what is checked once, in round 0


def test_rule_3_an_unreached_parameter_counts_as_zero_when_another_turn_reaches_it():
    """A pure R1 turn never reaches the last bias."""
    experiment, builder = noisy_experiment()
    game = experiment.game
    batches = builder.batches(0, 0)
    game.play(batches, builder.examples(0))
    _, found = gradients(game, game.schedule.turns[1], batches[1][0])
    names = [name for name, _ in game.networks.discriminator.named_parameters()]
    assert torch.equal(found[names.index("4.bias")], torch.zeros(1))


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


# Rule 4: buffers


def test_rule_4_passes_of_a_resting_player_write_buffers_but_no_parameters():
    experiment, builder = noisy_experiment()
    game = experiment.game
    before, running = copies(game.networks.generator), game.networks.generator[1].running_mean.clone()
    _, found = gradients(game, game.schedule.turns[0], builder.batches(0, 0)[0][0])
    game.descend("discriminator", found)
    assert same(before, copies(game.networks.generator))
    assert not torch.equal(running, game.networks.generator[1].running_mean)


# Rule 7: averages


def test_rule_7_half_life_in_images():
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


# Rule 11: terms accumulate


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


# The guard and host synchronisation


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


# State


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
