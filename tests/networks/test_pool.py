"""A store of earlier examples: what it hands out, what it keeps, and that several ranks keep one."""

import pytest
import torch
from torch import multiprocessing

from zerosum.networks import Pool


def numbered(first, count):
    """Examples whose value is their number."""
    return torch.arange(first, first + count, dtype=torch.float32).unsqueeze(1)


def draw(count, seed=0):
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(seed))


def test_what_goes_in_is_handed_out_or_kept_and_never_both():
    pool, given, entered = Pool(16, (1,)), [], []
    pool(numbered(0, 16), torch.ones(16, 2))  # exchanges none, and begins with these
    for turn in range(1, 30):
        new = numbered(16 * turn, 8)
        entered += new.flatten().tolist()
        given += pool(new, draw(8, turn)).flatten().tolist()
    kept = pool.kept.flatten().tolist()
    assert sorted(given + kept) == sorted(entered + list(range(16)))


def test_it_begins_with_copies_of_the_first_batch():
    pool = Pool(10, (2, 3), share=1.0)
    first = torch.randn(4, 2, 3)
    given = pool(first, draw(4))
    assert {tuple(x.flatten().tolist()) for x in given} <= {tuple(x.flatten().tolist()) for x in first}
    assert {tuple(x.flatten().tolist()) for x in pool.kept} == {tuple(x.flatten().tolist()) for x in first}


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_is_exchanged(share):
    pool, count, old = Pool(100, (1,), share), 50, 0
    pool(numbered(0, count), draw(count, 1000))
    for turn in range(1, 80):
        given = pool(numbered(1000 * turn, count), draw(count, turn))
        old += int((given < 1000 * turn).sum())
    deviation = (share * (1 - share) / (79 * count)) ** 0.5
    assert old / (79 * count) == pytest.approx(share, abs=4 * deviation)


def test_half_of_what_is_handed_out_in_exchange_is_old_for_long():
    """An example waits size / (share N) turns on average, so after so many rounds a third of the first are left."""
    pool = Pool(1000, (1,), share=0.5)
    pool(numbered(0, 100).repeat(10, 1), torch.ones(1000, 2))
    for turn in range(1, 21):
        pool(numbered(1000 * turn, 100), draw(100, turn))
    assert float((pool.kept < 1000).float().mean()) == pytest.approx(0.37, abs=0.12)


def _part(rank, folder):
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    pool, given = Pool(16, (1,)), []
    for turn in range(6):
        x, chance = (whole.chunk(2)[rank] for whole in (numbered(100 * turn, 8), draw(8, turn)))
        given.append(pool(x, chance))
    torch.save((given, pool.kept), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_ranks_exchange_what_one_would(tmp_path):
    multiprocessing.spawn(_part, (str(tmp_path),), nprocs=2)
    pool = Pool(16, (1,))
    whole = [pool(numbered(100 * turn, 8), draw(8, turn)) for turn in range(6)]
    for rank in (0, 1):
        given, kept = torch.load(tmp_path / f"{rank}.pt")
        assert torch.equal(kept, pool.kept)
        assert all(torch.equal(own, both.chunk(2)[rank]) for own, both in zip(given, whole, strict=True))


def test_no_gradient_goes_through_what_is_kept():
    pool, x = Pool(4, (1,), share=0.5), torch.ones(4, 1, requires_grad=True)
    pool(x, draw(4))
    assert not pool.kept.requires_grad


def test_what_it_cannot_do_is_said():
    with pytest.raises(ValueError, match=r"in \[0, 1\], got 1.5"):
        Pool(4, (1,), share=1.5)
    with pytest.raises(ValueError, match="a size of 4 for batches of 5"):
        Pool(4, (1,))(numbered(0, 5), draw(5))
