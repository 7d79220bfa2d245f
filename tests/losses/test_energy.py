"""Identity 29: energies with a margin, and codes that pull away from each other."""

import math

import pytest
import torch

from zerosum.losses import energy, pulling_away


def test_identity_29_codes():
    codes = torch.randn(6, 4, dtype=torch.float64)
    assert float(pulling_away(codes[:1].expand(5, 4))) == pytest.approx(1, abs=1e-12)
    assert float(pulling_away(torch.eye(4, dtype=torch.float64))) == 0
    assert 0 < float(pulling_away(codes)) < 1
    lengths = torch.rand(6, 1, dtype=torch.float64) + 0.5
    assert float(pulling_away(lengths * codes)) == pytest.approx(float(pulling_away(codes)), abs=1e-12)
    pairs = [
        float(torch.cosine_similarity(codes[i], codes[j], dim=0)) ** 2 for i in range(6) for j in range(6) if i != j
    ]
    assert float(pulling_away(codes)) == pytest.approx(sum(pairs) / 30, abs=1e-12)
    assert math.isfinite(float(pulling_away(torch.zeros(3, 2))))


def test_identity_29_energies_beyond_the_margin_cost_nothing():
    loss, real = energy(1.0), torch.rand(8)
    terms = loss.discriminator(real, torch.tensor([1.0, 1.5, 7.0]))
    assert terms["fake"] == 0
    assert torch.equal(terms["real"], real.mean())
    near = torch.tensor([0.25, 2.0], requires_grad=True)
    (slope,) = torch.autograd.grad(loss.discriminator(real, near)["fake"], near)
    assert slope.tolist() == [-0.5, 0.0]
    assert float(loss.generator(near.detach())) == 1.125


def test_at_the_equilibrium_energies_sum_to_the_margin():
    """P = Q: any constant energy in [0, m] gives L_D = m."""
    for level in (0.0, 0.3, 1.0):
        e = torch.full((4,), level)
        assert float(sum(energy(1.0).discriminator(e, e).values())) == pytest.approx(energy(1.0).value)


def test_what_is_out_of_range_is_named():
    with pytest.raises(ValueError, match="margin of energies must be positive, got 0"):
        energy(0)
    with pytest.raises(ValueError, match="at least two are needed, got 1"):
        pulling_away(torch.zeros(1, 3))
