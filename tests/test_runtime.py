"""Devices, seeds and ranks."""

import pytest
import torch
import torch.multiprocessing as multiprocessing

from tests.games import discriminator, generator, play, points
from zerosum.errors import ConfigError
from zerosum.game import Game, Player, Turn, simultaneous
from zerosum.networks import mlp
from zerosum.runtime import choose_device, mean_over_ranks, mix, reseed, stand, start_mean_over_ranks
from zerosum.sources import Normal
from zerosum.training import BatchBuilder
from zerosum.updates import sgd

CPU = torch.device("cpu")


def test_rule_12_reseeding_is_the_generators_own_manual_seed(monkeypatch):
    monkeypatch.setattr(torch, "manual_seed", lambda seed: pytest.fail("torch.manual_seed visits every backend"))
    reseed(CPU, 0, "round", 7)
    first = torch.rand(3)
    reseed(CPU, 0, "round", 8)
    assert not torch.equal(first, torch.rand(3))
    reseed(CPU, 0, "round", 7)
    assert torch.equal(first, torch.rand(3))


def test_seeds_differ_by_every_part():
    seeds = {
        mix(s, name, turn, repeat)
        for s in range(3)
        for name in ("z", "code")
        for turn in range(3)
        for repeat in range(3)
    }
    assert len(seeds) == 54
    assert mix(1, 23) != mix(12, 3)
    assert all(0 <= s < 2**63 for s in seeds)


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match="device must be one of"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match=r"'cuda' is not usable .* use --device cpu"):
            choose_device("cuda")
    assert choose_device("cpu").type == "cpu"


def test_mean_over_one_rank_is_the_identity():
    tensors = [torch.ones(2), torch.zeros(3, 1)]
    assert all(a is b for a, b in zip(mean_over_ranks(tensors), tensors, strict=True))


def test_where_the_generator_stands_moves_with_every_draw():
    reseed(CPU, 1)
    before = stand(CPU)
    assert stand(CPU).equal(before)
    torch.rand(1)
    assert not stand(CPU).equal(before)
    reseed(CPU, 1)
    assert stand(CPU).equal(before)


def test_a_mean_that_is_begun_over_one_rank_is_the_identity():
    tensors = [torch.ones(2), torch.zeros(3, 1)]
    assert all(a is b for a, b in zip(start_mean_over_ranks(tensors)(), tensors, strict=True))


def both_at_once():
    """A simultaneous game on eight points, whose gradients cross while others are made."""
    torch.manual_seed(0)
    return Game(
        {"generator": mlp((4, 8, 2)), "discriminator": mlp((2, 8, 1))},
        {name: Player((name,), sgd(0.1)) for name in ("generator", "discriminator")},
        simultaneous(Turn("discriminator", discriminator), Turn("generator", generator)),
    )


def _half_of_both_at_once(rank, folder):
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    game = both_at_once()
    builder = BatchBuilder(points(), {"z": Normal(4)}, game.schedule, 8, 0, game.device)
    play(game, builder, 5)
    torch.save([p.detach() for p in game.moved_by("generator")], f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_gradients_that_cross_while_others_are_made_are_those_of_one_rank(tmp_path):
    multiprocessing.spawn(_half_of_both_at_once, (str(tmp_path),), nprocs=2)
    game = both_at_once()
    play(game, BatchBuilder(points(), {"z": Normal(4)}, game.schedule, 8, 0, game.device), 5)
    for rank in (0, 1):
        for a, b in zip(torch.load(tmp_path / f"{rank}.pt"), game.moved_by("generator"), strict=True):
            torch.testing.assert_close(a, b.detach())


def _differentiable_mean(rank, folder):
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    w = torch.tensor([3.0, 2.0], dtype=torch.float64, requires_grad=True)  # a replica of a shared parameter
    own = torch.tensor(1.0 + rank, dtype=torch.float64)  # this rank's data
    inner, other = mean_over_ranks([own * w.square(), w.sum()])
    # Whoever calls autograd.grad averages over the ranks.
    (slope,) = mean_over_ranks(torch.autograd.grad((1 + rank) * inner.sum() + other, w))
    torch.save({"inner": inner.detach(), "slope": slope}, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_rule_5_the_mean_over_two_ranks_is_differentiable(tmp_path):
    """Gradients through an inner mean, averaged outside, are those of one process with all the data."""
    multiprocessing.spawn(_differentiable_mean, (str(tmp_path),), nprocs=2)
    w = torch.tensor([3.0, 2.0], dtype=torch.float64, requires_grad=True)
    inner = (1.0 * w.square() + 2.0 * w.square()) / 2
    loss = (1 * inner.sum() + 2 * inner.sum()) / 2 + w.sum()
    (slope,) = torch.autograd.grad(loss, w)
    for rank in (0, 1):
        out = torch.load(tmp_path / f"{rank}.pt")
        torch.testing.assert_close(out["inner"], inner.detach())
        torch.testing.assert_close(out["slope"], slope)
