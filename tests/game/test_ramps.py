"""Ramps: values, limits, and that they are tensors of the examples seen."""

import math

import pytest
import torch

from zerosum.game import constant, exponential, half_cosine, linear


def at(ramp, examples):
    value = ramp(torch.tensor(examples))
    assert value.ndim == 0
    assert value.dtype == torch.float32
    return float(value)


def test_values():
    assert at(constant(0.3), 10**12) == pytest.approx(0.3)
    assert [at(linear(1, 3, 100), n) for n in (0, 50, 100, 900)] == pytest.approx([1, 2, 3, 3])
    assert at(half_cosine(2, 1, 100), 0) == pytest.approx(2)
    assert at(half_cosine(2, 1, 100), 25) == pytest.approx(1 + (1 + math.cos(math.pi / 4)) / 2)
    assert at(half_cosine(2, 1, 100), 500) == pytest.approx(1)
    assert at(exponential(0.1, 1 / 1.000004, examples=100), 100 * 50_000) == pytest.approx(
        0.1 / 1.000004**50_000, rel=1e-4
    )
    assert at(exponential(0.1, 0.5, examples=1, limit=0.03), 10) == pytest.approx(0.03)
    assert at(exponential(1, 2, examples=1, limit=5), 10) == pytest.approx(5)


@pytest.mark.parametrize("make", [linear, half_cosine])
def test_a_horizon_must_be_positive(make):
    with pytest.raises(ValueError, match="horizon must be a positive number of examples, got 0"):
        make(1, 2, examples=0)


def test_an_exponential_needs_positive_numbers():
    with pytest.raises(ValueError, match=r"needs positive numbers, got start=0, factor=0.5"):
        exponential(0, 0.5, examples=10)
