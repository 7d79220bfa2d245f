"""Priors draw what they say, from the generator they are given."""

import pytest
import torch

from zerosum.sources import Normal, Uniform


@pytest.mark.parametrize("prior", [Uniform(-1, 1, 3), Normal(3)])
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
