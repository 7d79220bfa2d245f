"""Self-attention against a loop over positions, and what it can that convolutions cannot."""

import math

import pytest
import torch
from torch import nn

from zerosum.networks import SelfAttention, spectral_norm


def attention(channels=16, pool=False):
    block = SelfAttention(channels, pool).double()
    with torch.no_grad():
        block.gamma.fill_(0.7)
    return block


def resolutions(*size):
    return torch.randn(*size, dtype=torch.float64)


def test_identity_45_it_is_the_identity_at_first():
    x = resolutions(2, 16, 4, 6)
    assert torch.equal(SelfAttention(16).double()(x), x)
    assert not torch.allclose(attention()(x), x)


@pytest.mark.parametrize(("pool", "keys"), [(False, 24), (True, 6)])
def test_every_position_shares_out_one(pool, keys):
    weights = attention(pool=pool).weights(10 * resolutions(2, 16, 4, 6))
    assert weights.shape == (2, 24, keys)
    torch.testing.assert_close(weights.sum(2), torch.ones_like(weights[..., 0]))
    assert float(weights.detach().min()) >= 0


@pytest.mark.parametrize("pool", [False, True])
def test_it_is_the_papers_sum(pool):
    block, x = attention(pool=pool), resolutions(2, 16, 4, 6)
    query, key, value, out = (
        conv.weight.detach()[:, :, 0, 0] for conv in (block.query, block.key, block.value, block.out)
    )
    assert [len(w) for w in (query, key, value)] == [2, 2, 8]
    found = block(x).detach()

    def at(weight, image, i, j):
        """The features that a position shows: itself, or the largest of its block of four."""
        if not pool:
            return weight @ image[:, i, j]
        four = [weight @ image[:, 2 * i + a, 2 * j + b] for a in (0, 1) for b in (0, 1)]
        return torch.stack(four).amax(0)

    for n, image in enumerate(x):
        shown = [(i, j) for i in range(4 // (1 + pool)) for j in range(6 // (1 + pool))]
        for i in range(4):
            for j in range(6):
                scores = [math.exp((query @ image[:, i, j]) @ at(key, image, *other)) for other in shown]
                seen = sum(s / sum(scores) * at(value, image, *o) for s, o in zip(scores, shown, strict=True))
                torch.testing.assert_close(found[n, :, i, j], image[:, i, j] + 0.7 * out @ seen)


def test_it_knows_no_place():
    """Positions in another order come out in that order."""
    block, x, order = attention(), resolutions(2, 16, 4, 6), torch.randperm(24)
    moved = x.flatten(2)[:, :, order].unflatten(2, (4, 6))
    torch.testing.assert_close(block(moved).flatten(2), block(x).flatten(2)[:, :, order])


def test_its_penalties_have_gradients():
    """As R1 needs them: second derivatives against differences."""
    block = attention(8)
    assert torch.autograd.gradgradcheck(block, resolutions(1, 8, 2, 2).requires_grad_(), atol=1e-6)


def test_spectral_norm_wraps_all_four():
    spectral_norm(block := SelfAttention(16))
    names = {name for name, _ in block.named_parameters()}
    assert names == {"gamma"} | {f"{n}.parametrizations.weight.original" for n in ("query", "key", "value", "out")}


def far_corner(n, generator):
    """Noise with a marked corner, and the sign in that corner at every position."""
    signs = torch.randint(2, (n, 8, 8), generator=generator).float() * 2 - 1
    corner = torch.randint(4, (n,), generator=generator)
    row, column = 7 * (corner // 2), 7 * (corner % 2)
    marks = torch.zeros(n, 8, 8)
    marks[torch.arange(n), row, column] = 1
    target = signs[torch.arange(n), row, column]
    return torch.stack([signs, marks], 1), target[:, None, None, None].expand(n, 1, 8, 8)


class Attending(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(2, 16, 1), nn.ReLU(), SelfAttention(16), nn.Conv2d(16, 1, 1))


class Convolving(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(2, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 1, 3, padding=1))


@pytest.mark.parametrize(("make", "least", "most"), [(Attending, 0, 0.05), (Convolving, 0.7, 1)])
def test_only_attention_copies_the_far_corner(make, least, most):
    """The mean squared error is 1 where nothing is known; two filters of 3x3 see 9 of the 64 positions' corner."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    network = make()
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(400):
        x, target = far_corner(64, generator)
        loss = (network(x) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, target = far_corner(2_000, generator)
    with torch.no_grad():
        assert least <= float((network(x) - target).square().mean()) <= most
