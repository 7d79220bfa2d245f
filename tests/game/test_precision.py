"""Precision: bfloat16 in products and convolutions alone; losses, sums and states are float32."""

import copy

import pytest
import torch
from torch import nn

from tests.games import copies, discriminator, generator, plain_gan, play, points
from tests.recording import _TakesDown
from zerosum.game import Game, Player, Turn, alternating, unroll
from zerosum.losses import gradient_penalty, interpolate, wasserstein
from zerosum.networks import dcgan_discriminator, dcgan_generator
from zerosum.sources import Normal, Uniform
from zerosum.training import BatchBuilder
from zerosum.updates import adam


def critic(net, batch):
    with torch.no_grad():
        fake = net.generator(batch["z"])
    between = interpolate(batch["x"], fake, batch["epsilon"])
    return {
        **wasserstein.discriminator(net.discriminator(batch["x"]), net.discriminator(fake)),
        "penalty": 10 * gradient_penalty(net.discriminator, between),
    }


def wgan_gp():
    game, _ = plain_gan(schedule=alternating(Turn("discriminator", critic, repeat=2), Turn("generator", generator)))
    priors = {"z": Normal(4), "epsilon": Uniform(0, 1, 1)}
    game.averages = {"generator": copy.deepcopy(game.networks.generator)}
    game.halflives = {"generator": 100}
    return game, BatchBuilder(points(), priors, game.schedule, 16, 0, game.device)


def taken_down(game, builder):
    play(game, builder, 1)
    with _TakesDown() as seen:
        game.play(builder.batches(game.round, 48), 16)
    return [(str(func), args, out) for func, args, _, out, _ in seen.calls]


def test_products_are_bfloat16_and_everything_kept_is_float32():
    game, builder = wgan_gp()
    game.precision = "bfloat16"
    calls = taken_down(game, builder)
    products = [out.dtype for name, _, out in calls if name.startswith(("aten.addmm", "aten.mm"))]
    assert products
    assert set(products) == {torch.bfloat16}
    for name, _, out in calls:
        if name.startswith(
            ("aten.mean", "aten.linalg_vector_norm", "aten.sum.default", "aten._fused_adam", "aten.lerp")
        ):
            for tensor in out if isinstance(out, list | tuple) else [out]:
                assert tensor is None or tensor.dtype == torch.float32, name
    assert {t.dtype for name, t in game.state().items() if t.is_floating_point()} == {torch.float32}


def test_what_leaves_a_network_in_an_objective_is_float32():
    seen = []

    def objective(net, batch):
        fake = net.generator(batch["z"])
        logit = net.discriminator(fake)
        seen.extend((fake.dtype, logit.dtype))
        return {"adversarial": logit.mean()}

    game, builder = plain_gan(schedule=alternating(Turn("generator", objective), Turn("discriminator", discriminator)))
    game.precision = "bfloat16"
    play(game, builder, 1)
    assert set(seen) == {torch.float32}


def test_a_prepared_batch_is_computed_in_the_games_precision_too():
    seen = []

    def prepare(net, batch):
        hidden = net.generator[0](batch["z"])
        seen.append(hidden.dtype)
        return {"fake": net.generator(batch["z"])}

    game, builder = plain_gan(
        schedule=alternating(
            Turn("discriminator", lambda net, b: {"t": net.discriminator(b["fake"].detach()).mean()}),
            Turn("generator", lambda net, b: {"t": -net.discriminator(b["fake"]).mean()}),
            prepare=prepare,
        )
    )
    game.precision = "bfloat16"
    play(game, builder, 2)
    assert seen == [torch.bfloat16] * 2
    game.precision = "float32"
    play(game, builder, 1)
    assert seen[-1] == torch.float32
    assert game.networks.generator(torch.randn(3, 4)).dtype == torch.float32


def test_gradients_agree_with_those_of_float32_to_the_precision_of_bfloat16():
    (exact, builder), (lower, _) = wgan_gp(), wgan_gp()
    lower.precision = "bfloat16"
    batch = builder.batches(0, 0)[0][0]
    (_, a), (_, b) = (game.gradients(0, batch) for game in (exact, lower))
    a, b = torch.cat([g.flatten() for g in a]), torch.cat([g.flatten() for g in b])
    assert b.dtype == torch.float32
    assert float((a - b).norm() / a.norm()) < 0.03
    assert not torch.equal(a, b)


def test_a_pass_without_gradients_before_one_with_loses_none():
    """Autocast keeps the weights it has lowered; those of a pass under no_grad carry no gradient."""

    def objective(net, batch):
        with torch.no_grad():
            net.net(batch["x"])
        return {"t": net.net(batch["x"]).square().mean()}

    torch.manual_seed(0)
    game = Game({"net": nn.Linear(2, 1)}, {"one": Player(("net",), adam(1e-2))}, alternating(Turn("one", objective)))
    game.precision = "bfloat16"
    before = copies(game.networks.net)
    play(game, BatchBuilder(points(), {}, game.schedule, 8, 0, game.device), 3)
    assert all(not torch.equal(a, b) for a, b in zip(before, copies(game.networks.net), strict=True))


def test_unrolling_looks_ahead_in_the_games_precision():
    def ahead(net, batch):
        later = unroll(net, "discriminator", discriminator, batch, 2)
        return {"adversarial": -later.discriminator(later.generator(batch["z"])).mean()}

    game, builder = plain_gan(schedule=alternating(Turn("discriminator", discriminator), Turn("generator", ahead)))
    game.precision = "bfloat16"
    play(game, builder, 3)
    assert all(torch.tensor(v).isfinite() for v in game.read().terms.values())


def test_convolutions_are_laid_out_channels_last_and_computed_in_bfloat16():
    torch.manual_seed(0)
    shape = (1, 16, 16)
    networks = {"generator": dcgan_generator(4, shape, 8, 4), "discriminator": dcgan_discriminator(shape, 8, 4)}

    def apart(net, batch):
        with torch.no_grad():
            fake = net.generator(batch["z"])
        return wasserstein.discriminator(net.discriminator(torch.ones_like(fake)), net.discriminator(fake))

    game = Game(
        networks,
        {name: Player((name,), adam(1e-3)) for name in networks},
        alternating(Turn("discriminator", apart), Turn("generator", generator)),
    )
    weight = game.networks.discriminator.features[2].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    assert game.states["discriminator"]["first"][2].stride() == game.moved_by("discriminator")[2].stride()
    assert game.executions == {"discriminator": "fused", "generator": "fused"}
    game.precision = "bfloat16"
    builder = BatchBuilder(points(), {"z": Normal(4)}, game.schedule, 8, 0, game.device)
    calls = taken_down(game, builder)
    outs = [out.dtype for name, _, out in calls if name.startswith("aten.convolution.")]
    assert outs
    assert set(outs) == {torch.bfloat16}


def test_other_precisions_are_refused():
    game, _ = plain_gan()
    with pytest.raises(ValueError, match="precision must be one of float32, bfloat16, got 'float16'"):
        game.precision = "float16"
