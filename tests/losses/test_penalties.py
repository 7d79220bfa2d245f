"""Penalties: closed forms on linear and quadratic critics, second order against finite differences."""

import pytest
import torch

from zerosum.losses import r1, r2, squared_slope


def test_identity_21_linear_critic():
    """R1 = R2 = |w|^2 / 2 wherever it is measured."""
    w = torch.tensor([3.0, -4.0], dtype=torch.float64)
    points = torch.randn(5, 2, dtype=torch.float64)
    assert float(r1(lambda x: x @ w + 7, points).detach()) == pytest.approx(12.5)
    assert float(r2(lambda x: (x @ w).unsqueeze(1), points).detach()) == pytest.approx(12.5)


def test_identity_22_quadratic_critic():
    """a = x'Ax / 2 has E|grad a|^2 = tr(A S A) + |A m|^2 under N(m, S); here S and m are the sample's own."""
    a = torch.randn(3, 3, dtype=torch.float64)
    a = a + a.T
    x = torch.randn(400, 3, dtype=torch.float64) * 2 + 1
    mean, centred = x.mean(0), x - x.mean(0)
    covariance = centred.T @ centred / len(x)
    expected = torch.trace(a @ covariance @ a) + (a @ mean).square().sum()
    assert float(2 * r1(lambda p: (p @ a * p).sum(1) / 2, x).detach()) == pytest.approx(float(expected))


def test_the_norm_is_over_all_axes_of_an_example():
    images = torch.rand(4, 3, 5, 5, requires_grad=True)
    slopes = squared_slope(2 * images.flatten(1).sum(1), images)
    assert slopes.shape == (4,)
    torch.testing.assert_close(slopes.detach(), torch.full((4,), 4.0 * 75))


def test_the_gradient_of_r1_is_that_of_finite_differences():
    points = torch.randn(6, 3, dtype=torch.float64)

    def penalty(weight, bias):
        return r1(lambda x: torch.tanh(x @ weight + bias).sum(1), points)

    weight = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(penalty, (weight, bias))


def test_r2_gives_the_generator_nothing():
    fake = torch.randn(4, 2, requires_grad=True) * 1
    weight = torch.ones(2, requires_grad=True)
    penalty = r2(lambda x: (x.square() * weight).sum(1), fake)
    assert torch.autograd.grad(penalty, fake, allow_unused=True) == (None,)
