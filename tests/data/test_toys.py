"""Toy distributions: densities against scipy, modes, and the stream."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch

from zerosum.data import open_data
from zerosum.data.toys import BLOCK, gaussian, grid, mixture, ring


@pytest.mark.parametrize("law", [gaussian(), mixture(3), ring(5), grid(3)], ids=["gaussian", "mixture", "ring", "grid"])
def test_log_density_is_scipys(law):
    x = torch.randn(40, law.means.shape[1], dtype=torch.float64) * 2
    parts = [scipy.stats.multivariate_normal(m.numpy(), law.std**2).logpdf(x.numpy()) for m in law.means]
    expected = torch.from_numpy(scipy.special.logsumexp(np.stack(parts), 0)) - math.log(len(law.means))
    torch.testing.assert_close(law.log_density(x), expected.reshape(40), rtol=1e-10, atol=1e-10)


def test_densities_integrate_to_one():
    line = torch.linspace(-12, 12, 100_001, dtype=torch.float64)
    assert float(torch.trapezoid(mixture(2).log_density(line.unsqueeze(1)).exp(), line)) == pytest.approx(1, abs=1e-9)


def test_modes_are_where_they_should_be():
    assert gaussian().means.tolist() == [[3.0]]
    assert mixture(3, spacing=2).means.flatten().tolist() == [-2.0, 0.0, 2.0]
    torch.testing.assert_close(ring(8).means.norm(dim=1), torch.full((8,), 2.0, dtype=torch.float64))
    assert grid(5).means.shape == (25, 2)
    assert grid(5).means.abs().max() == 4
    assert grid(5).means.mean(0).abs().max() < 1e-12


def test_samples_follow_the_law():
    x, label = ring(8).sample(40_000, torch.Generator().manual_seed(0))
    assert x.dtype == torch.float32
    counts = torch.bincount(label, minlength=8) / len(label)
    assert (counts - 1 / 8).abs().max() < 0.01
    residual = x.double() - ring(8).means[label]
    assert float(residual.std()) == pytest.approx(0.02, rel=0.02)


def test_the_stream_is_addressed_by_position():
    toy = open_data("grid", seed=3)
    whole = toy.batch(0, 3 * BLOCK)["x"]
    assert torch.equal(open_data("grid", seed=3).batch(BLOCK - 5, 10)["x"], whole[BLOCK - 5 : BLOCK + 5])
    assert torch.equal(toy.batch(17, 2 * BLOCK)["label"], open_data("grid", seed=3).batch(17, 2 * BLOCK)["label"])
    assert not torch.equal(open_data("grid", seed=4).batch(0, 10)["x"], whole[:10])
    assert not torch.equal(open_data("grid", "test", seed=3).batch(0, 10)["x"], whole[:10])


def test_labels_are_modes_where_there_are_several():
    assert open_data("ring").spec.classes == 8
    assert "label" in open_data("ring").batch(0, 4)
    assert open_data("gaussian").spec.classes is None
    assert "label" not in open_data("gaussian").batch(0, 4)
    assert open_data("gaussian").spec.count is None
