"""Priors draw what they say, from the generator they are given."""

import pytest
import scipy.stats
import torch

from zerosum.sources import Normal, TruncatedNormal, Uniform


@pytest.mark.parametrize("prior", [Uniform(-1, 1, 3), Normal(3), TruncatedNormal(3, 0.5)])
def test_draws_are_the_generators(prior):
    generator = torch.Generator()
    first = prior(5, generator.manual_seed(1))
    assert first.shape == (5, 3)
    assert first.dtype == torch.float32
    assert torch.equal(first, prior(5, generator.manual_seed(1)))
    assert not torch.equal(first, prior(5, generator.manual_seed(2)))


def test_moments():
    generator = torch.Generator().manual_seed(0)
    uniform, normal = Uniform(-(3**0.5), 3**0.5, 2)(200_000, generator), Normal(2)(200_000, generator)
    for drawn in (uniform, normal):
        assert drawn.mean().abs() < 0.01
        assert abs(float(drawn.var()) - 1) < 0.01
    assert uniform.abs().max() <= 3**0.5


@pytest.mark.parametrize("threshold", [0.04, 0.5, 2.0, 5.0])
def test_truncated_normals_have_their_law(threshold):
    """The quantiles are scipy's; of draws, the greatest distance to the distribution function is as of 20,000."""
    law = scipy.stats.truncnorm(-threshold, threshold)
    prior = TruncatedNormal(2, threshold)
    u = torch.linspace(0, 1, 101, dtype=torch.float64)
    torch.testing.assert_close(prior.quantile(u), torch.from_numpy(law.ppf(u.numpy())), rtol=1e-9, atol=1e-12)
    drawn = prior(10_000, torch.Generator().manual_seed(0))
    assert drawn.dtype == torch.float32
    assert float(drawn.abs().max()) <= threshold
    assert scipy.stats.kstest(drawn.flatten().numpy(), law.cdf).pvalue > 0.01
    assert abs(float(torch.corrcoef(drawn.T)[0, 1])) < 0.05


def test_truncated_draws_have_the_place_in_their_law_that_normal_ones_have():
    """The signs and the order are the same, far out at 8 the numbers too."""
    plain, near, far = (
        prior(500, torch.Generator().manual_seed(3)).flatten()
        for prior in (Normal(2), TruncatedNormal(2, 0.5), TruncatedNormal(2, 8.0))
    )
    assert torch.equal(plain.argsort(), near.argsort())
    assert torch.equal(plain.sign(), near.sign())
    torch.testing.assert_close(far, plain, rtol=0, atol=1e-6)


def test_a_threshold_must_be_positive():
    with pytest.raises(ValueError, match="threshold of a truncated normal must be positive, got 0"):
        TruncatedNormal(2, 0)
