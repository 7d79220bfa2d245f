"""Walks end where they are told, arcs keep the norm, grids are the prior's own."""

import pytest
import torch

from zerosum.latent import PATHS, lerp, manifold, slerp, smoothness, walk
from zerosum.sources import Normal, Uniform

HALVES = torch.linspace(0, 1, 21)[:, None]


def of_norm(length, n=2, d=100):
    z = torch.randn(n, d)
    return z / z.norm(dim=1, keepdim=True) * length


def test_the_line_between_normal_latents_leaves_their_shell():
    """E |z(1/2)|^2 = d/2; the squared norm of an N(0, I_d / 2) has variance d/2."""
    n, d = 20_000, 64
    middle = lerp(torch.randn(n, d), torch.randn(n, d), 0.5).square().sum(1)
    assert abs(float(middle.mean()) - d / 2) < 5 * (d / 2 / n) ** 0.5


@pytest.mark.parametrize("d", [2, 100, 512])
def test_the_arc_keeps_the_norm_of_ends_of_one_norm(d):
    a, b = of_norm(d**0.5, 2, d)
    torch.testing.assert_close(slerp(a, b, HALVES).norm(dim=1), torch.full((21,), d**0.5), rtol=1e-5, atol=0)


@pytest.mark.parametrize("angle", [1e-5, 1e-3, 2e-3, 0.1, 3.0, 3.1])
def test_the_arc_keeps_the_norm_at_any_angle(angle):
    a, b = torch.tensor([2.0, 0.0]), 2 * torch.tensor([angle, angle + torch.pi / 2]).cos() * torch.tensor([1, -1])
    torch.testing.assert_close(slerp(a, b, HALVES).norm(dim=1), torch.full((21,), 2.0), rtol=1e-5, atol=0)


def test_the_norm_goes_straight_from_that_of_one_end_to_that_of_the_other():
    """Nearly opposite ends, which a formula on the ends themselves would lead to a norm of 8."""
    a, b = torch.tensor([0.342, 0.759]), torch.tensor([-1.572, -2.114])
    torch.testing.assert_close(slerp(a, b, HALVES).norm(dim=1, keepdim=True), lerp(a.norm(), b.norm(), HALVES))


def test_the_arc_is_walked_at_one_speed():
    way = slerp(*of_norm(1.0), HALVES)
    assert smoothness(way) == pytest.approx(1, abs=1e-4)


def test_latents_of_a_batch_and_of_any_shape_are_walked_each_on_its_own():
    a, b = torch.randn(2, 5, 3, 8)
    together = slerp(a, b, 0.3)
    assert together.shape == (5, 3, 8)
    for i in range(5):
        torch.testing.assert_close(together[i], slerp(a[i], b[i], 0.3))


@pytest.mark.parametrize(
    ("a", "b"),
    [([1, 2], [1, 2]), ([1, 2], [2, 4]), ([1, 2], [-1, -2]), ([0, 0], [1, 2]), ([1, 2], [0, 0]), ([0, 0], [0, 0])],
    ids=str,
)
def test_where_no_arc_is_marked_out_the_way_is_the_line(a, b):
    a, b = torch.tensor(a).float(), torch.tensor(b).float()
    assert torch.equal(slerp(a, b, HALVES), lerp(a, b, HALVES))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("steps", [1, 7])
def test_a_walk_goes_through_its_ends_bit_for_bit(path, closed, steps):
    ends = torch.randn(4, 30)
    way = walk(ends, steps, closed, path)
    assert way.shape == ((4 if closed else 3) * steps + 1, 30)
    assert torch.equal(way[::steps][:4], ends)
    if closed:
        assert torch.equal(way[-1], ends[0])
    torch.testing.assert_close(way[:steps], PATHS[path](ends[0], ends[1], torch.arange(steps)[:, None] / steps))


def test_a_walk_through_latents_of_any_shape():
    ends = torch.randn(3, 2, 8)
    way = walk(ends, 4, path="spherical")
    assert way.shape == (9, 2, 8)
    torch.testing.assert_close(way[2, 1], slerp(ends[0, 1], ends[1, 1], 0.5))


@pytest.mark.parametrize(
    ("ends", "steps", "path", "message"),
    [
        (1, 5, "linear", "a walk has at least 2 keyframes, got 1."),
        (2, 0, "linear", "steps must be at least 1, got 0."),
        (2, 5, "sperical", "unknown path 'sperical'; nearest: spherical."),
    ],
)
def test_a_walk_that_is_none(ends, steps, path, message):
    with pytest.raises(ValueError, match=message):
        walk(torch.zeros(ends, 2), steps, path=path)


@pytest.mark.parametrize("prior", [Uniform(-(3**0.5), 3**0.5, 2), Normal(2)])
def test_quantiles_invert_the_distribution_function(prior):
    u = torch.linspace(0.01, 0.99, 99)
    drawn = prior(200_000, torch.Generator().manual_seed(0))[:, 0]
    shares = (drawn[:, None] <= prior.quantile(u)).float().mean(0)
    torch.testing.assert_close(shares, u, rtol=0, atol=0.005)


def test_the_quantiles_of_the_normal():
    u = torch.tensor([0.5, 0.8413447, 0.0227501])
    torch.testing.assert_close(Normal(1).quantile(u), torch.tensor([0.0, 1.0, -2.0]), rtol=0, atol=1e-5)
    torch.testing.assert_close(Normal(1).quantile(1 - u), -Normal(1).quantile(u), rtol=1e-5, atol=1e-5)


def test_a_uniform_grid_is_linear_and_a_normal_one_is_not():
    even, bell = manifold(Uniform(-1, 1, 2), 20), manifold(Normal(2), 20)
    assert even.shape == bell.shape == (20, 20, 2)
    torch.testing.assert_close(even[0, :, 0], torch.linspace(-0.95, 0.95, 20))
    torch.testing.assert_close(torch.special.ndtr(bell), (even + 1) / 2)
    assert bell.isfinite().all()
    assert bell[0, 1, 0] - bell[0, 0, 0] > 3 * (bell[0, 10, 0] - bell[0, 9, 0])


def test_columns_are_the_first_coordinate_and_rows_the_second():
    plane = manifold(Normal(2), 5)
    assert (plane[:, 1:, 0] > plane[:, :-1, 0]).all()
    assert (plane[1:, :, 1] > plane[:-1, :, 1]).all()
    assert torch.equal(plane[:, 2, 0], plane[2, 2, 0].expand(5))
    assert torch.equal(plane, plane.transpose(0, 1).flip(2))


@pytest.mark.parametrize(
    ("dim", "side", "message"),
    [(3, 5, "a manifold is of a latent in 2 dimensions, got 3."), (2, 0, "side must be at least 1, got 0.")],
)
def test_a_manifold_that_is_none(dim, side, message):
    with pytest.raises(ValueError, match=message):
        manifold(Normal(dim), side)


def test_smoothness_is_1_for_a_cross_fade_and_all_steps_for_a_cut():
    a, b = torch.rand(2, 1, 8, 8)
    fade = walk(torch.stack([a, b]).flatten(1), 10).unflatten(1, (1, 8, 8))
    assert smoothness(fade) == pytest.approx(1, abs=1e-4)
    assert smoothness(torch.stack([a] * 6 + [b] * 5)) == pytest.approx(10)
    assert smoothness(torch.stack([a, a, a])) == 1
    with pytest.raises(ValueError, match="smoothness is of at least 2 frames, got 1"):
        smoothness(a[None])
