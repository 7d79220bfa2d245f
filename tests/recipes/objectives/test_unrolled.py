"""What the unrolled recipe rests on."""

import copy

import pytest
import torch

from tests.cli.commands import answer
from tests.game.test_execution import compiles, largest_gap
from tests.games import same
from tests.recipes.test_contract import tiny
from zerosum.game import Game, Turn, alternating, gradients
from zerosum.losses import ADVERSARIAL


def plain(cost):
    """The generator's objective without looking ahead."""
    return lambda net, batch: {"adversarial": ADVERSARIAL[cost].generator(net.discriminator(net.generator(batch["z"])))}


def late(rounds=2, **settings):
    """A game in float64 whose update state is not zero, where Adam's first step would be a sign, and a batch."""
    experiment, builder = tiny("unrolled", "ring", **settings)
    game = experiment.game
    for network in game.networks.values():
        network.double()
    game.to(torch.device("cpu"))
    (batch,), (other,) = builder.batches(0, 0)
    batch, other = ({k: v.double() if v.is_floating_point() else v for k, v in b.items()} for b in (batch, other))
    for b in (batch, other):
        b["examples"] = game.examples
    for _ in range(rounds):
        game.descend("discriminator", gradients(game, game.schedule.turns[0], batch)[1])
    return game, other


@pytest.mark.parametrize("cost", ["minimax", "nonsaturating"])
def test_no_step_ahead_is_the_plain_gan_bit_for_bit(cost):
    experiment, builder = tiny("unrolled", "ring", unroll_steps=0, cost=cost)
    game = experiment.game
    turn = game.schedule.turns[0]
    networks = {name: copy.deepcopy(network) for name, network in game.networks.items()}
    other = Game(networks, game.players, alternating(turn, Turn("generator", plain(cost))))
    gap, *_ = largest_gap(game, other, builder, rounds=5)
    assert gap == 0


@pytest.mark.parametrize("cost", ["minimax", "nonsaturating"])
def test_the_gradient_through_adam_is_that_of_finite_differences(cost):
    game, batch = late(unroll_steps=3, cost=cost, discriminator_rate=1e-2)
    turn = game.schedule.turns[1]
    _, slopes = gradients(game, turn, batch)
    for weight, slope in zip(game.moved_by("generator"), slopes, strict=True):
        place, step = int(slope.abs().argmax()), 1e-6
        values = []
        for offset in (step, -2 * step, step):
            with torch.no_grad():
                weight.view(-1)[place] += offset
            values.append(float(sum(turn.objective(game.networks, batch).values()).detach()))
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(float(slope.view(-1)[place]), rel=1e-5)


def test_without_second_order_the_discriminator_ahead_is_a_constant():
    """Its parameters are those of as many descents that were played, and the gradient is the plain one there."""
    game, batch = late(unroll_steps=3, cost="nonsaturating", second_order=False, discriminator_rate=1e-2)
    _, slopes = gradients(game, game.schedule.turns[1], batch)
    full, _ = late(unroll_steps=3, cost="nonsaturating", discriminator_rate=1e-2)
    _, through = gradients(full, full.schedule.turns[1], batch)
    for _ in range(3):
        game.descend("discriminator", gradients(game, game.schedule.turns[0], batch)[1])
    _, expected = gradients(game, Turn("generator", plain("nonsaturating")), batch)
    torch.testing.assert_close(slopes, expected, rtol=1e-6, atol=1e-12)
    assert max(float((a - b).abs().max()) for a, b in zip(slopes, through, strict=True)) > 1e-4


def test_the_generators_turn_leaves_all_else_as_it_was():
    game, batch = late(unroll_steps=4)
    before = [tensor.clone() for tensor in game.state().values()]
    _, slopes = gradients(game, game.schedule.turns[1], batch)
    assert same(before, game.state().values())
    game.descend("generator", slopes)
    kept = [name for name in game.state() if name.startswith(("networks/discriminator", "players/discriminator"))]
    assert len(kept) == 6 + 13  # weights and biases, their two moments, and the step
    assert all(
        torch.equal(game.state()[name], old) for name, old in zip(game.state(), before, strict=True) if name in kept
    )


@compiles
def test_a_compiled_round_looks_ahead_as_an_eager_one_does():
    experiment, builder = tiny("unrolled", "ring", unroll_steps=3)
    compiled = copy.deepcopy(experiment.game)
    compiled.mode = "compile"
    gap, one, other = largest_gap(experiment.game, compiled, builder, rounds=10)
    assert gap <= 1e-5
    assert one.terms == pytest.approx(other.terms, abs=1e-5)


def test_fewer_than_no_steps_are_refused_in_words(capsys):
    code, _, said = answer(capsys, "train", "unrolled", "--unroll-steps", "-1")
    assert code == 2
    assert "unroll_steps must be greater than or equal to 0, got -1" in said
