"""Execution: the compiled round equals the eager one, and round 0 is eager."""

import copy
import functools
import shutil

import pytest
import torch
from torch import nn

from tests.games import discriminator, generator, plain_gan, play, points
from zerosum import api
from zerosum.data import open_data
from zerosum.game import Game, Player, Round, Turn, alternating, consensus, extragradient, simultaneous
from zerosum.losses import nonsaturating
from zerosum.networks import Dropout, mlp
from zerosum.recipes.gan import mlp_gan
from zerosum.runtime import reseed
from zerosum.sources import Normal
from zerosum.training import BatchBuilder
from zerosum.updates import adam, optimistic, sgd


def compiles(test):
    """Marks of a test that runs the compiler."""
    for mark in (
        pytest.mark.skipif(shutil.which("g++") is None, reason="the compiler of torch.compile needs g++"),
        pytest.mark.timeout(600),
        pytest.mark.filterwarnings("ignore"),  # the compiler's own
    ):
        test = mark(test)
    return test


def largest_gap(one, other, builder, rounds=20, dtype=torch.float32):
    """Play both games on the same batches; the largest difference of a weight, and both readings."""
    torch._dynamo.reset()
    examples = 0
    for _ in range(rounds):
        batches = builder.batches(one.round, examples)
        examples += builder.examples(one.round)
        for game in (one, other):
            reseed(game.device, 0, "round", game.round)
            typed = [
                [{k: v.to(dtype) if v.is_floating_point() else v for k, v in b.items()} for b in bs] for bs in batches
            ]
            game.play(typed, 1)
    gaps = [
        float((a - b).abs().max().detach())
        for name in one.networks
        for a, b in zip(one.networks[name].parameters(), other.networks[name].parameters(), strict=True)
    ]
    return max(gaps), one.read(), other.read()


def eager_and_compiled(config, dtype):
    data = open_data("digits", seed=0)
    experiment = api.build(mlp_gan, config, data.spec, 0)
    for network in (*experiment.game.networks.values(), *experiment.game.averages.values()):
        network.to(dtype)
    eager = experiment.game.to(torch.device("cpu"))
    compiled = copy.deepcopy(eager)
    compiled.mode = "compile"
    return eager, compiled, BatchBuilder(data, experiment.priors, eager.schedule, config.batch_size, 0, eager.device)


@pytest.mark.parametrize(
    ("config", "dtype"),
    [
        (mlp_gan.Config(hidden=64, batch_size=32), torch.float32),
        # At full size a rounding error finds a kink of the activation within 20 rounds of float32.
        pytest.param(mlp_gan.Config(), torch.float64, marks=pytest.mark.slow),
    ],
    ids=["float32", "full size in float64"],
)
@compiles
def test_a_compiled_round_of_second_order_equals_eager_to_1e_5_over_20_rounds(config, dtype):
    eager, compiled, builder = eager_and_compiled(config, dtype)
    assert eager.executions == {"discriminator": "fused", "generator": "fused"}
    assert compiled.executions == {"discriminator": "plain", "generator": "plain"}
    torch._dynamo.utils.counters.clear()
    gap, one, other = largest_gap(eager, compiled, builder, dtype=dtype)
    assert gap <= 1e-5
    assert one.terms == pytest.approx(other.terms, abs=1e-5)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1, "one graph serves all rounds"


@pytest.mark.slow
@compiles
@pytest.mark.parametrize("dropout", [Dropout, nn.Dropout], ids=["ours", "torch's"])
def test_compiled_dropout_draws_what_eager_dropout_draws(dropout):
    torch.manual_seed(0)
    eager = Game(
        {
            "generator": nn.Sequential(nn.Linear(4, 16), nn.Tanh(), dropout(0.3), nn.Linear(16, 2)),
            "discriminator": nn.Sequential(nn.Linear(2, 16), nn.Tanh(), dropout(0.3), nn.Linear(16, 1)),
        },
        {name: Player((name,), sgd(0.1)) for name in ("generator", "discriminator")},
        alternating(Turn("discriminator", discriminator), Turn("generator", generator)),
    )
    compiled = copy.deepcopy(eager)
    compiled.mode = "compile"
    builder = BatchBuilder(points(), {"z": Normal(4)}, eager.schedule, 16, 0, eager.device)
    gap, *_ = largest_gap(eager, compiled, builder)
    assert gap <= 1e-5


@compiles
def test_a_round_of_more_than_eight_updates_is_compiled_turn_by_turn():
    def made(schedule):
        torch.manual_seed(0)
        return Game(
            {"generator": mlp((4, 8, 2)), "discriminator": mlp((2, 8, 1))},
            {name: Player((name,), sgd(0.1)) for name in ("generator", "discriminator")},
            schedule(Turn("discriminator", discriminator, repeat=9), Turn("generator", generator)),
        )

    for schedule, pieces in ((alternating, 2), (simultaneous, 4)):
        eager, compiled = made(schedule), made(schedule)
        compiled.mode = "compile"
        builder = BatchBuilder(points(), {"z": Normal(4)}, eager.schedule, 16, 0, eager.device)
        torch._dynamo.utils.counters.clear()
        gap, one, other = largest_gap(eager, compiled, builder, rounds=4)
        assert gap <= 1e-5
        assert one.terms == pytest.approx(other.terms, abs=1e-5)
        assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == pieces, "one for each turn, or its two halves"


def with_its_graph(net, batch):
    """The discriminator's objective for schedules that differentiate it in everybody's parameters."""
    return nonsaturating.discriminator(net.discriminator(batch["x"]), net.discriminator(net.generator(batch["z"])))


@pytest.mark.slow
@compiles
@pytest.mark.parametrize(
    ("schedule", "update"),
    [
        (extragradient, adam(1e-3)),
        (functools.partial(consensus, gamma=0.1), adam(1e-3)),
        (simultaneous, optimistic(adam(1e-3))),
    ],
    ids=["extragradient", "consensus", "optimistic"],
)
def test_every_schedule_compiles(schedule, update):
    torch.manual_seed(0)
    eager = Game(
        {"generator": mlp((4, 8, 2), nn.Tanh), "discriminator": mlp((2, 8, 1), nn.Tanh)},
        {name: Player((name,), update) for name in ("generator", "discriminator")},
        schedule(Turn("discriminator", with_its_graph), Turn("generator", generator)),
    )
    compiled = copy.deepcopy(eager)
    compiled.mode = "compile"
    builder = BatchBuilder(points(), {"z": Normal(4)}, eager.schedule, 16, 0, eager.device)
    gap, one, other = largest_gap(eager, compiled, builder)
    assert gap <= 1e-5
    assert one.terms == pytest.approx(other.terms, abs=1e-5)


@pytest.mark.slow
@compiles
def test_a_compiled_round_in_bfloat16_is_near_the_eager_one():
    eager, compiled, builder = eager_and_compiled(mlp_gan.Config(hidden=64, batch_size=32), torch.float32)
    for game in (eager, compiled):
        game.precision = "bfloat16"
    gap, one, other = largest_gap(eager, compiled, builder, rounds=5)
    assert gap <= 1e-2
    assert one.terms == pytest.approx(other.terms, abs=0.05)


def test_compiled_methods_run_from_round_1_on_and_a_copy_plays_itself():
    game, builder = plain_gan()
    games = []

    def play_turns(own, batches):
        games.append(own)
        return own.schedule.order(own, Round(own, batches))

    game.compiled = {"play_turns": play_turns}
    play(game, builder, 1)
    assert games == []
    other = copy.deepcopy(game)
    play(game, builder, 1, 16)
    play(other, builder, 1, 16)
    assert games == [game, other]


def test_a_torch_that_cannot_trace_gradients_is_named(monkeypatch):
    game, _ = plain_gan()
    real = hasattr
    monkeypatch.setattr("builtins.hasattr", lambda o, n: False if n == "trace_autograd_ops" else real(o, n))
    with pytest.raises(
        ValueError, match=r"mode 'compile' needs a torch that traces autograd.grad, .* use --mode eager"
    ):
        game.mode = "compile"
    assert game.mode == "eager"
    with pytest.raises(ValueError, match="mode must be one of eager, graph, compile, got 'fast'"):
        game.mode = "fast"
