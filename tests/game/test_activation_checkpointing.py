"""Activation checkpointing: less memory, the same numbers."""

import copy

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.games import discriminator, generator, play, points
from zerosum.game import Game, Player, Turn, alternating
from zerosum.losses import gradient_penalty
from zerosum.sources import Normal
from zerosum.training import BatchBuilder
from zerosum.updates import adam


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
    again.enable_activation_checkpointing()
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
    game.enable_activation_checkpointing()
    game.enable_activation_checkpointing()  # once more changes nothing
    assert kept() < 0.4 * before


def test_a_copy_of_a_network_computes_its_own_activations_again():
    game, _ = deep()
    game.enable_activation_checkpointing()
    other = copy.deepcopy(game.networks.generator)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    x = torch.randn(8, 4)
    assert not other(x).any()
    assert game.networks.generator(x).any()
