"""Twice and half the side against the filter's definition."""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from zerosum.networks import Downsample, Upsample

ROW = np.array([1, 3, 3, 1]) / 8
FILTER = np.outer(ROW, ROW)
down, up = Downsample().double(), Upsample().double()


def double(*size):
    return torch.randn(*size, dtype=torch.float64)


@pytest.mark.parametrize("side", [4, 5, 7])
def test_half_the_side_is_a_convolution_at_every_other_place(side):
    x = double(2, 3, 2 * side, 2 * side)
    wanted = [[convolve2d(np.pad(plane, 1), FILTER, "valid")[::2, ::2] for plane in image] for image in x.numpy()]
    assert np.abs(np.array(wanted) - down(x).numpy()).max() < 1e-14


@pytest.mark.parametrize("side", [4, 5, 7])
def test_twice_the_side_is_a_convolution_of_pixels_set_apart(side):
    x = double(2, 3, side, side)
    apart = np.zeros((2, 3, 2 * side, 2 * side))
    apart[:, :, ::2, ::2] = x
    wanted = [[convolve2d(np.pad(plane, (2, 1)), 4 * FILTER, "valid") for plane in image] for image in apart]
    assert np.abs(np.array(wanted) - up(x).numpy()).max() < 1e-14


def test_one_is_the_others_transpose():
    small, large = double(2, 3, 5, 5), double(2, 3, 10, 10)
    torch.testing.assert_close((up(small) * large).sum(), 4 * (small * down(large)).sum())


def test_constants_and_ramps_stay_away_from_the_border():
    across = torch.arange(16, dtype=torch.float64)
    ramp = (2 + across + 3 * across[:, None]).expand(1, 2, 16, 16)
    # A pixel of the larger plane is half as wide, so that pixel i lies at i / 2 - 1 / 4 of the smaller one.
    fine = (torch.arange(32, dtype=torch.float64) - 0.5) / 2
    torch.testing.assert_close(
        up(ramp)[..., 1:-1, 1:-1], (2 + fine + 3 * fine[:, None])[1:-1, 1:-1].expand(1, 2, 30, 30)
    )
    coarse = 2 * torch.arange(8, dtype=torch.float64) + 0.5
    torch.testing.assert_close(
        down(ramp)[..., 1:-1, 1:-1], (2 + coarse + 3 * coarse[:, None])[1:-1, 1:-1].expand(1, 2, 6, 6)
    )
    torch.testing.assert_close(down(up(ramp))[..., 1:-1, 1:-1], ramp[..., 1:-1, 1:-1])
    one = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(up(one)[..., 1:-1, 1:-1], torch.ones(1, 1, 14, 14, dtype=torch.float64))


def test_what_alternates_is_gone():
    signs = (-1.0) ** torch.arange(12, dtype=torch.float64)
    columns = signs.expand(1, 1, 12, 12)
    assert not down(columns)[..., 1:-1].any()
    assert not down(columns * signs[:, None])[..., 1:-1, 1:-1].any()


def test_the_filter_is_no_weight():
    """It is not in a checkpoint, and goes with the network to another precision."""
    layer = Upsample()
    assert not layer.state_dict()
    assert not list(layer.parameters())
    assert layer.double()(double(1, 1, 4, 4)).dtype == torch.float64
