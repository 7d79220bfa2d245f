"""Identity 46: every transform of the data has a way back."""

import pytest
import torch

from zerosum.data import (
    from_laplacian_pyramid,
    from_logits,
    from_symmetric,
    laplacian_pyramid,
    to_logits,
    to_symmetric,
)

CLOSE = {"rtol": 0, "atol": 1e-6}


def images(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def test_identity_46_symmetric_range():
    x = images(4, 3, 8, 8)
    torch.testing.assert_close(from_symmetric(to_symmetric(x)), x, **CLOSE)
    assert torch.equal(to_symmetric(x), 2 * x - 1)
    assert torch.equal(from_symmetric(x), (x + 1) / 2)
    assert to_symmetric(torch.tensor([0.0, 1.0])).tolist() == [-1, 1]
    assert from_symmetric(torch.tensor([-1.5, 1.5])).tolist() == [-0.25, 1.25]


@pytest.mark.parametrize("alpha", [0.05, 1e-6])
def test_identity_46_logits(alpha):
    x = torch.cat([torch.tensor([0.0, 1.0, 0.5]), images(1000)])
    y = to_logits(x, alpha)
    assert y.isfinite().all()
    torch.testing.assert_close(from_logits(y, alpha), x, **CLOSE)


def test_logits_by_hand():
    y = to_logits(torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64), 0.05)
    torch.testing.assert_close(y.exp(), torch.tensor([1 / 19, 1, 19], dtype=torch.float64))


@pytest.mark.parametrize("alpha", [0.0, 0.5, -0.1])
@pytest.mark.parametrize("transform", [to_logits, from_logits])
def test_alpha_keeps_off_the_ends(transform, alpha):
    with pytest.raises(ValueError, match=f"alpha must lie between 0 and 0.5, got {alpha}"):
        transform(torch.zeros(1), alpha)


@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (2, 1, 28, 28), (1, 1, 5, 9), (3, 2, 1, 7), (1, 1, 2, 2)])
@pytest.mark.parametrize("levels", [1, 2, 4])
def test_identity_46_laplacian_pyramid(shape, levels):
    x = images(*shape)
    bands = laplacian_pyramid(x, levels)
    sizes = [tuple(band.shape) for band in bands]
    expected = [shape]
    for _ in range(levels):
        expected.append((*shape[:2], *((side + 1) // 2 for side in expected[-1][2:])))
    assert sizes == expected
    torch.testing.assert_close(from_laplacian_pyramid(bands), x, **CLOSE)


def test_flat_images_have_no_detail_and_ramps_none_inside():
    *details, small = laplacian_pyramid(torch.full((1, 2, 13, 16), 0.3, dtype=torch.float64), 3)
    for detail in details:
        torch.testing.assert_close(detail, torch.zeros_like(detail))
    torch.testing.assert_close(small, torch.full_like(small, 0.3))
    ramp = torch.arange(16, dtype=torch.float64).expand(1, 1, 16, 16)
    inside = laplacian_pyramid(ramp, 1)[0][..., 4:-4]
    torch.testing.assert_close(inside, torch.zeros_like(inside))


def test_channels_and_examples_do_not_mix():
    x = images(3, 2, 10, 10)
    one = laplacian_pyramid(x[1:2, 1:], 2)
    for part, whole in zip(one, laplacian_pyramid(x, 2), strict=True):
        torch.testing.assert_close(part, whole[1:2, 1:])


def test_one_level_by_hand():
    """The small image is the binomial mean about every second pixel, border pixels repeated."""
    x = images(1, 1, 6, 6).double()
    line = torch.tensor([1, 4, 6, 4, 1], dtype=torch.float64) / 16

    def at(i, j):
        return x[0, 0, min(max(i, 0), 5), min(max(j, 0), 5)]

    expected = sum(line[a] * line[b] * at(2 + a - 2, 4 + b - 2) for a in range(5) for b in range(5))
    torch.testing.assert_close(laplacian_pyramid(x, 1)[1][0, 0, 1, 2], expected)


def test_what_makes_no_pyramid():
    with pytest.raises(ValueError, match=r"images \(N, C, H, W\), got shape \(3, 8, 8\)"):
        laplacian_pyramid(images(3, 8, 8), 1)
    with pytest.raises(ValueError, match="levels must be at least 1, got 0"):
        laplacian_pyramid(images(1, 3, 8, 8), 0)
