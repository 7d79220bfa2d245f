"""Micro-batches and activation checkpointing: less memory, the same numbers."""

import copy

import pytest
import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.games import copies, discriminator, generator, noisy_experiment, plain_gan, play, points, same
from zerosum import api, recipes
from zerosum.data import open_data
from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import gradient_penalty
from zerosum.sources import Normal
from zerosum.training import BatchBuilder
from zerosum.updates import adam, sgd


def recipe(name, **settings):
    module = recipes.find(name)
    data = open_data("digits", seed=0)
    experiment = api.build(module, module.Config(batch_size=16, **settings), data.spec, 0)
    game = experiment.game
    for module in (*game.networks.values(), *game.averages.values()):
        module.double()
    game.to(game.device)
    return game, BatchBuilder(data, experiment.priors, game.schedule, 16, 0, game.device)


@pytest.mark.parametrize("name", ["vanilla", "mlp_gan"])
@pytest.mark.parametrize("parts", [2, 4, 16])
def test_micro_batches_are_the_whole_batch_where_it_is_the_mean_of_its_examples(name, parts):
    (whole, builder), (cut, _) = (plain(name) for plain in (recipe, recipe))
    cut.micro_batches = parts
    examples = 0
    for _ in range(6):
        batches = [
            [{k: v.double() if v.is_floating_point() else v for k, v in batch.items()} for batch in turn]
            for turn in builder.batches(whole.round, examples)
        ]
        for game in (whole, cut):
            game.play([[dict(batch) for batch in turn] for turn in batches], 16)
        examples += 16
    for network in whole.networks:
        for a, b in zip(copies(whole.networks[network]), copies(cut.networks[network]), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)
    assert cut.read().terms == pytest.approx(whole.read().terms, rel=1e-6)
    assert cut.round == whole.round == 6


def test_a_prepared_batch_is_prepared_in_its_parts():
    seen = []

    def prepare(net, batch):
        seen.append(len(batch["z"]))
        return {"fake": net.generator(batch["z"])}

    def apart(net, batch):
        return {"t": (net.discriminator(batch["fake"]) - net.discriminator(batch["x"])).mean()}

    def fool(net, batch):
        return {"t": -net.discriminator(batch["fake"]).mean()}

    def made():
        return plain_gan(
            update=sgd(0.1),
            schedule=alternating(Turn("discriminator", apart), Turn("generator", fool), prepare=prepare),
        )

    (whole, builder), (cut, _) = made(), made()
    cut.micro_batches = 4
    play(whole, builder, 3)
    seen.clear()
    play(cut, builder, 3)
    assert seen == [4] * 12
    for a, b in zip(copies(whole.networks.generator), copies(cut.networks.generator), strict=True):
        torch.testing.assert_close(a, b)


def test_parts_are_equal():
    game, builder = plain_gan()
    game.micro_batches = 3
    with pytest.raises(ValueError, match="micro-batches are equal parts of a batch: 3 do not divide the 16 of 'x'"):
        play(game, builder, 1)


def penalised(net, batch):
    return {
        **discriminator(net, batch),
        "penalty": gradient_penalty(net.discriminator, batch["x"].clone().requires_grad_()),
    }


def deep(seed=0):
    torch.manual_seed(seed)

    def network(inward, outward):
        blocks = [nn.Sequential(nn.Linear(16, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.2)) for _ in range(4)]
        return nn.Sequential(nn.Linear(inward, 16), *blocks, nn.Linear(16, outward))

    game = Game(
        {"generator": network(4, 2), "discriminator": network(2, 1)},
        {name: Player((name,), adam(1e-3)) for name in ("discriminator", "generator")},
        alternating(Turn("discriminator", penalised), Turn("generator", generator)),
        averages={"generator": 100},
    )
    return game, BatchBuilder(points(), {"z": Normal(4)}, game.schedule, 16, 0, game.device)


def test_activations_computed_again_change_no_bit_dropout_batch_norm_and_second_order_included():
    (kept, builder), (again, _) = deep(), deep()
    again.recompute_activations()
    play(kept, builder, 5)
    play(again, builder, 5)
    one, other = kept.state(), again.state()
    assert all(torch.equal(one[name], other[name]) for name in one)


class Alive(TorchDispatchMode):
    """Bytes of what operations made, where it is still alive."""

    def __init__(self):
        super().__init__()
        self.made = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                self.made[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        return out

    def size(self):
        return sum(size for weak, size in self.made.values() if not weak.expired())


def test_activations_computed_again_are_not_kept():
    game, _ = deep()
    x = torch.randn(4096, 4)

    def kept():
        with Alive() as alive:
            out = game.networks.generator(x)
        assert out.requires_grad
        return alive.size()

    before = kept()
    game.recompute_activations()
    game.recompute_activations()  # once more changes nothing
    assert kept() < 0.4 * before


def test_a_copy_of_a_network_computes_its_own_activations_again():
    game, _ = deep()
    game.recompute_activations()
    other = copy.deepcopy(game.networks.generator)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    x = torch.randn(8, 4)
    assert not other(x).any()
    assert game.networks.generator(x).any()


def test_coupled_games_can_be_played_in_parts():
    """Batch statistics are then of the parts: another game, but a game."""
    experiment, builder = noisy_experiment()
    experiment.game.micro_batches = 2
    play(experiment.game, builder, 5)
    assert all(torch.tensor(v).isfinite() for v in experiment.game.read().terms.values())
    assert not same(copies(experiment.game.networks.generator), copies(noisy_experiment()[0].game.networks.generator))
