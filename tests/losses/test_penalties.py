"""Penalties: closed forms on linear and quadratic critics, second order against finite differences."""

import pytest
import torch

from zerosum.losses import (
    consistency,
    dragan,
    gradient_penalty,
    interpolate,
    orthogonal,
    path_lengths,
    r1,
    r2,
    squared_gradient_norm,
)


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
    slopes = squared_gradient_norm(2 * images.flatten(1).sum(1), images)
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


W = torch.tensor([3.0, -4.0], dtype=torch.float64)


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.0])
def test_identity_21_gradient_penalty_of_a_linear_critic(scale):
    """(|w| - 1)^2 wherever it is taken, with gradient 2 (|w| - 1) w / |w|; one-sided, 0 where |w| < 1."""
    w = (scale * W).requires_grad_()
    length = 5 * scale
    points = interpolate(*torch.randn(2, 6, 2, dtype=torch.float64), torch.rand(6, 1))
    penalty = gradient_penalty(lambda x: x @ w + 7, points)
    assert float(penalty.detach()) == pytest.approx((length - 1) ** 2)
    (slope,) = torch.autograd.grad(penalty, w)
    expected = 2 * (length - 1) * w.detach() / length if length else torch.zeros_like(w)
    torch.testing.assert_close(slope, expected)
    one_sided = gradient_penalty(lambda x: x @ w, points, one_sided=True)
    assert float(one_sided.detach()) == pytest.approx(max(length - 1, 0) ** 2)


def test_gradient_penalty_of_a_quadratic_critic():
    """a = |x|^2 / 2 has slope x: the mean of (|x| - 1)^2."""
    x = torch.randn(50, 3, 2, dtype=torch.float64)
    expected = (x.flatten(1).norm(dim=1) - 1).square().mean()
    penalty = gradient_penalty(lambda p: p.flatten(1).square().sum(1) / 2, x)
    torch.testing.assert_close(penalty.detach(), expected)


@pytest.mark.parametrize("one_sided", [False, True])
def test_the_gradient_of_the_gradient_penalty_is_that_of_finite_differences(one_sided):
    points = torch.randn(6, 3, dtype=torch.float64)
    weight = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)

    def penalty(weight):
        return gradient_penalty(lambda x: torch.tanh(x @ weight).sum(1), points, one_sided)

    assert torch.autograd.gradcheck(penalty, (weight,))


def test_points_between_pairs_lie_on_their_segments():
    real, fake, epsilon = torch.rand(5, 3, 4, 4), torch.rand(5, 3, 4, 4), torch.tensor([0, 1, 0.5, 0.25, 0.9])
    points = interpolate(real, fake, epsilon)
    for i, share in enumerate(epsilon):
        torch.testing.assert_close(points[i], share * real[i] + (1 - share) * fake[i])
    torch.testing.assert_close(interpolate(real, fake, epsilon.view(5, 1)), points)
    with pytest.raises(ValueError, match="as many real as generated examples and epsilons, got 5, 4 and 5"):
        interpolate(real, fake[:4], epsilon)


def test_dragan_of_linear_and_quadratic_critics():
    w = W.clone()
    real = torch.randn(40, 2, dtype=torch.float64) * 3 + 1
    noise = torch.rand(40, 1, dtype=torch.float64) * torch.rand_like(real)
    assert float(dragan(lambda x: x @ w, real, noise).detach()) == pytest.approx(16)
    at = real + real.std(correction=0) / 2 * noise
    expected = (at.norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(dragan(lambda x: x.square().sum(1) / 2, real, noise).detach(), expected)


def test_consistency_of_linear_and_quadratic_critics():
    """Under a shift s a linear critic moves by w s; a quadratic of the norm does not under a turn."""
    x, shift = torch.randn(30, 2, dtype=torch.float64), torch.tensor([0.5, 1.0], dtype=torch.float64)
    assert float(consistency(x @ W, (x + shift) @ W)) == pytest.approx(float((shift @ W) ** 2))
    assert float(consistency(x.square().sum(1), x.flip(1).square().sum(1))) == pytest.approx(0, abs=1e-24)


def test_orthogonal_has_no_slope_at_orthogonal_rows():
    """Whatever their lengths; off them its gradient is that of finite differences."""
    rows = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q[:4] * torch.tensor([[1.0], [2], [0.5], [3]])
    rows.requires_grad_()
    penalty = orthogonal([rows, torch.ones(4)])
    assert float(penalty.detach()) == pytest.approx(0, abs=1e-24)
    (slope,) = torch.autograd.grad(penalty, rows)
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=1e-12, rtol=0)
    weight = torch.randn(3, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: orthogonal([w]), (weight,))
    flat = weight.detach().flatten(1)
    expected = sum(2 * float(flat[i] @ flat[j]) ** 2 for i in range(3) for j in range(i))
    assert float(orthogonal([weight]).detach()) == pytest.approx(expected)


def test_orthogonal_asks_for_a_weight():
    with pytest.raises(ValueError, match="at least one weight of two axes or more, got none"):
        orthogonal([torch.ones(3)])


def test_path_lengths_of_a_linear_generator():
    """Of x = A w they are |A'y| over the root of the pixels, and of k Q with Q orthogonal all the same in the mean."""
    a, w = torch.randn(2 * 3 * 4, 5, dtype=torch.float64), torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    noise = torch.randn(6, 2, 3, 4, dtype=torch.float64)
    lengths = path_lengths((w @ a.T).view(6, 2, 3, 4), w, noise)
    torch.testing.assert_close(lengths, (noise.flatten(1) @ a).norm(dim=1) / 12**0.5)
    orthogonal_map = 3 * torch.linalg.qr(a).Q
    squares = path_lengths((w @ orthogonal_map.T).view(6, 2, 3, 4), w, noise).square()
    projected = (noise.flatten(1) @ torch.linalg.qr(a).Q).square().sum(1)
    torch.testing.assert_close(squares, 9 * projected / 12)


def test_path_lengths_over_layers_are_roots_of_mean_squares():
    w = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    noise = torch.randn(4, 3, 1, 1, dtype=torch.float64)
    images = (w[:, 0] + 2 * w[:, 1])[:, :, None, None]
    torch.testing.assert_close(path_lengths(images, w, noise), noise.flatten(1).norm(dim=1) * (5 / 2) ** 0.5)


def test_the_gradient_of_path_lengths_is_that_of_finite_differences():
    """And 0 where nothing moves, not undefined."""
    w, noise = torch.randn(3, 2, dtype=torch.float64), torch.randn(3, 1, 2, 2, dtype=torch.float64)

    def lengths(weight):
        points = w.clone().requires_grad_()
        return path_lengths(torch.tanh(points @ weight).view(3, 1, 2, 2), points, noise)

    weight = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lengths, weight)
    nothing = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    (still,) = torch.autograd.grad(lengths(nothing).sum(), nothing)
    assert not still.any()
