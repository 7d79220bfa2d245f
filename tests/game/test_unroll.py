"""Looking ahead: still, unroll, and that nothing real moves."""

import pytest
import torch
from torch import nn

from tests.games import discriminator, noisy_experiment, plain_gan, play, values
from zerosum.game import Game, Player, Turn, alternating, gradients, still, unroll
from zerosum.lab.games import Number
from zerosum.losses import nonsaturating
from zerosum.networks import spectral_norm
from zerosum.updates import adam, from_torch, momentum, sgd


def test_rule_4_still_leaves_no_trace_in_buffers():
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = {name: b.clone() for name, b in network.named_buffers()}
    x = torch.randn(8, 2)
    out = still(network)(x)
    assert all(torch.equal(b, before[name]) for name, b in network.named_buffers())
    assert torch.equal(out, network(x))
    assert not torch.equal(network[1].running_mean, before["1.running_mean"])


def test_still_reaches_the_live_parameters():
    network = nn.Linear(2, 1)
    found = torch.autograd.grad(still(network)(torch.ones(1, 2)).sum(), list(network.parameters()))
    assert torch.equal(found[0], torch.ones(1, 2))


def seeing_the_generator(net, batch):
    """The discriminator's objective without torch.no_grad, so that its steps depend on the generator."""
    return nonsaturating.discriminator(net.discriminator(batch["x"]), net.discriminator(net.generator(batch["z"])))


def generator_unrolled(steps, inner=discriminator):
    def objective(net, batch):
        ahead = unroll(net, "discriminator", inner, batch, steps)
        return {"adversarial": nonsaturating.generator(ahead.discriminator(ahead.generator(batch["z"])))}

    return objective


def plain_generator(net, batch):
    return {"adversarial": nonsaturating.generator(net.discriminator(net.generator(batch["z"])))}


def test_identity_32_unrolled_zero_steps_is_the_plain_gan_bit_for_bit():
    def schedule(objective):
        return alternating(Turn("discriminator", discriminator), Turn("generator", objective))

    (one, builder), (other, _) = (plain_gan(schedule=schedule(o)) for o in (generator_unrolled(0), plain_generator))
    play(one, builder, 5)
    play(other, builder, 5)
    for name in ("generator", "discriminator"):
        for a, b in zip(one.networks[name].parameters(), other.networks[name].parameters(), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("second_order", [True, False])
@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_identity_32_bilinear_game_in_closed_form(steps, second_order):
    """f = t p with inner ascent eta: f_K = t p + K eta t^2, so df_K/dt = p + 2 K eta t; half of it at a fixed p_K."""
    t, p, eta = 0.7, -0.4, 0.3

    def inner(net, batch):
        return {"f": -net.t() * net.p()}

    def outer(net, batch):
        ahead = unroll(net, "p", inner, batch, steps, second_order)
        return {"f": ahead.t() * ahead.p()}

    game = Game(
        {"t": Number(t), "p": Number(p)},
        {"t": Player(("t",), sgd(0.1)), "p": Player(("p",), sgd(eta))},
        alternating(Turn("p", inner), Turn("t", outer)),
    )
    terms, found = gradients(game, game.schedule.turns[1], {"examples": game.examples})
    assert float(terms["f"].detach()) == pytest.approx(t * p + steps * eta * t**2, abs=1e-12)
    assert float(found[0]) == pytest.approx(p + (1 + second_order) * steps * eta * t, abs=1e-12)
    assert values(game) == (t, p)


@pytest.mark.parametrize("second_order", [True, False])
def test_without_second_order_no_graph_leads_through_the_updates(second_order):
    game, builder = plain_gan(update=adam(1e-2))
    batch = {**builder.batches(0, 0)[0][0], "examples": game.examples}
    ahead = unroll(game.networks, "discriminator", seeing_the_generator, batch, 2, second_order)
    assert all(p.requires_grad == second_order for p in ahead.discriminator.parameters.values())


@pytest.mark.parametrize("update", [adam(1e-2), momentum(1e-2, 0.9)], ids=lambda u: u.name)
def test_unrolled_steps_are_the_steps_that_would_be_played(update):
    """From the player's current moments: the look-ahead weights are those of the real descents."""
    game, builder = plain_gan(update=update)
    examples = play(game, builder, 3)
    batch = {**builder.batches(3, examples)[0][0], "examples": game.examples}
    ahead = unroll(game.networks, "discriminator", discriminator, batch, 2)
    predicted = {name: p.detach() for name, p in ahead.discriminator.parameters.items()}
    for _ in range(2):
        _, found = gradients(game, game.schedule.turns[0], batch)
        game.descend("discriminator", found)
    for name, p in game.networks.discriminator.named_parameters():
        torch.testing.assert_close(predicted[name], p.detach(), rtol=1e-5, atol=1e-7)


def test_identity_33_nothing_real_moves_in_an_unrolled_turn():
    experiment, builder = noisy_experiment()
    game = experiment.game
    examples = play(game, builder, 2)
    before = {name: t.clone() for name, t in game.state().items()}
    batch = {**builder.batches(2, examples)[2][0], "examples": game.examples}
    gradients(game, Turn("generator", generator_unrolled(3)), batch)
    after = game.state()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    # the generator's own pass writes its running statistics, as it does in play
    assert all(name.startswith("networks/generator/1.") for name in moved)


def test_rule_6_the_gradient_through_the_optimizer_is_that_of_finite_differences():
    torch.manual_seed(0)
    game, _ = plain_gan()
    for network in game.networks.values():
        network.double()
    game.to(torch.device("cpu"))
    batch = {"x": torch.randn(6, 2).double(), "z": torch.randn(6, 4).double(), "examples": game.examples}
    # moments that are not zero, as the first step of Adam from zero is a sign and has no useful derivative
    for _ in range(2):
        game.descend("discriminator", gradients(game, game.schedule.turns[0], batch)[1])
    objective = generator_unrolled(2, seeing_the_generator)
    (weight, *_) = game.networks.generator.parameters()
    (gradient,) = torch.autograd.grad(objective(game.networks, batch)["adversarial"], weight)

    def value_at(i, j, offset):
        with torch.no_grad():
            weight[i, j] += offset
        value = float(objective(game.networks, batch)["adversarial"].detach())
        with torch.no_grad():
            weight[i, j] -= offset
        return value

    for i, j in ((0, 0), (3, 2), (11, 1)):
        difference = (value_at(i, j, 1e-6) - value_at(i, j, -1e-6)) / 2e-6
        assert difference == pytest.approx(float(gradient[i, j]), rel=1e-4, abs=1e-9)


def test_a_parameter_that_networks_share_moves_in_all_of_them():
    """Head and trunk of one player, the trunk in a network of its own and in one that nobody names as moved."""
    trunk = nn.Linear(2, 3)
    networks = {"d": nn.Sequential(trunk, nn.Linear(3, 1)), "q": nn.Sequential(trunk, nn.Linear(3, 2)), "seen": trunk}
    objective = lambda net, batch: {"t": sum(net[n](batch["z"]).square().mean() for n in ("d", "q"))}  # noqa: E731
    game = Game(networks, {"d": Player(("d", "q"), adam(0.1))}, alternating(Turn("d", objective)))
    batch = {"z": torch.randn(4, 2), "examples": game.examples}
    ahead = unroll(game.networks, "d", objective, batch, 2)
    predicted = {name: ahead[name](batch["z"]).detach() for name in networks}
    for _ in range(2):
        game.descend("d", gradients(game, game.schedule.turns[0], batch)[1])
    for name in networks:
        torch.testing.assert_close(predicted[name], game.networks[name](batch["z"]).detach(), rtol=1e-5, atol=1e-6)


def test_unrolling_projects_as_the_player_does():
    game = Game(
        {"t": Number(1.0), "p": Number(0.0)},
        {"t": Player(("t",), sgd(0.1)), "p": Player(("p",), sgd(1.0), project=lambda name, v: v.clamp(-0.5, 0.5))},
        alternating(Turn("p", lambda n, b: {"f": -n.t() * n.p()}), Turn("t", lambda n, b: {"f": n.t() * n.p()})),
    )
    ahead = unroll(game.networks, "p", game.schedule.turns[0].objective, {"examples": game.examples}, 3)
    assert float(ahead.p().detach()) == 0.5


def test_bad_steps_and_networks_are_named():
    game, builder = plain_gan()
    batch = builder.batches(0, 0)[0][0]
    with pytest.raises(ValueError, match=r"steps must be at least 0, got -1 .unrolling 'discriminator'"):
        unroll(game.networks, "discriminator", discriminator, batch, -1)
    with pytest.raises(ValueError, match="only the networks of a game can be unrolled"):
        unroll(game.shown(), "discriminator", discriminator, batch, 1)


def test_an_optimizer_of_torch_plays_eagerly_and_neither_unrolls_nor_compiles():
    game, builder = plain_gan(update=from_torch(torch.optim.NAdam, lr=1e-3))
    before = [p.detach().clone() for p in game.moved_by("discriminator")]
    play(game, builder, 2)
    assert not any(torch.equal(a, b) for a, b in zip(before, game.moved_by("discriminator"), strict=True))
    said = "player 'discriminator' moves by NAdam of from_torch; use .*sgd, momentum, adam or rmsprop"
    with pytest.raises(ValueError, match=f"unrolling goes through update rules of tensor operations, and {said}"):
        unroll(game.networks, "discriminator", discriminator, builder.batches(0, 0)[0][0], 1)
    with pytest.raises(ValueError, match=f"mode 'compile' traces update rules of tensor operations, and {said}"):
        game.mode = "compile"
    assert game.mode == "eager"


def test_a_spectral_norm_is_left_alone_by_looking_ahead():
    """Its vectors are buffers: a turn of the player moves them, an unrolled one does not."""
    game, builder = plain_gan()
    spectral_norm(game.networks.discriminator)
    game.to(game.device)
    before = {name: b.clone() for name, b in game.networks.discriminator.named_buffers()}
    batch = builder.batches(0, 0)[0][0] | {"examples": game.examples}
    ahead = unroll(game.networks, "discriminator", seeing_the_generator, batch, 2)
    loss = nonsaturating.generator(ahead.discriminator(game.networks.generator(batch["z"])))
    found = torch.autograd.grad(loss, game.moved_by("generator"))
    assert all(g.isfinite().all() for g in found)
    assert all(torch.equal(b, before[name]) for name, b in game.networks.discriminator.named_buffers())
    play(game, builder, 1)
    assert not all(torch.equal(b, before[name]) for name, b in game.networks.discriminator.named_buffers())
