"""Images become squares: against Pillow's filter on floats, and by what must not change."""

import numpy as np
import pytest
from PIL import Image

from zerosum.data.fit import fitted


def pixels(height, width, channels, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def by_pillow(plane, side):
    """A plane of floats through the cubic filter of Pillow."""
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize((side, side), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size", [(64, 64), (50, 50), (17, 17), (9, 9), (200, 200)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_filter_is_pillows_in_float32(size, channels):
    x = pixels(*size, channels)
    exact = np.stack([by_pillow(x[..., c], 16) for c in range(channels)])
    ours = fitted(x, channels, 16)
    if size == (16, 16):
        assert np.array_equal(ours, x.transpose(2, 0, 1))
    assert np.abs(ours - exact.clip(0, 255)).max() <= 0.5 + 1e-3  # rounded once


def test_an_image_of_the_side_asked_for_is_as_it_was():
    x = pixels(8, 8, 3)
    assert np.array_equal(fitted(x, 3, 8), x.transpose(2, 0, 1))
    assert np.array_equal(fitted(x, 3), x.transpose(2, 0, 1))
    assert fitted(pixels(5, 9, 1), 1).shape == (1, 5, 9)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("held", [1, 2, 3, 4])
def test_a_flat_image_stays_flat(fit, channels, held):
    """White with padding of white, so that every way gives the one value."""
    x = np.full((30, 20, held), 255, np.uint8)
    made = fitted(x, channels, 12, fit)
    assert made.shape == (channels, 12, 12)
    colours = made[:3] if channels == 4 else made
    assert (colours == 255).all()
    if channels == 4:
        clear = made[3] == 0
        assert clear.sum() == (12 * 4 if fit == "pad" else 0)  # 12 x 8 of it are the image


def test_crop_takes_the_middle_and_pad_the_whole():
    x = np.zeros((10, 30, 1), np.uint8)
    x[:, 10:20] = 200
    assert (fitted(x, 1, 10, "crop") == 200).all()
    padded = fitted(x, 1, 30, "pad")[0]
    assert (padded[:10] == 255).all()
    assert (padded[20:] == 255).all()
    assert np.array_equal(padded[10:20], x[..., 0])
    stretched = np.asarray(Image.fromarray(x[..., 0].astype(np.float32)).resize((10, 10), Image.Resampling.BICUBIC))
    assert np.abs(fitted(x, 1, 10, "stretch")[0] - stretched.clip(0, 255)).max() <= 0.5 + 1e-3


def test_what_is_clear_does_not_shine_through():
    """A clear red half beside an opaque blue one: no red in what they are averaged to."""
    x = np.zeros((8, 8, 4), np.uint8)
    x[:, :4] = (255, 0, 0, 0)
    x[:, 4:] = (0, 0, 255, 255)
    small = fitted(x, 4, 2)
    assert small[0].max() <= 255
    blue = small[:, :, 1]
    assert blue[0].max() <= 1
    assert blue[2].min() >= 254
    opaque = np.where(x[..., 3:] == 0, 255, x[..., :3])
    laid = np.stack([by_pillow(opaque[..., c], 2) for c in range(3)])
    assert np.abs(fitted(x, 3, 2) - laid.clip(0, 255)).max() <= 0.5 + 1e-3
    whole = fitted(x, 4)
    assert (whole[:, :, :4] == np.array([255, 255, 255, 0])[:, None, None]).all()  # no colour hides there
    assert (whole[:, :, 4:] == np.array([0, 0, 255, 255])[:, None, None]).all()


def test_grey_is_the_luma_of_colour_and_colour_three_times_grey():
    x = pixels(6, 6, 3)
    luma = np.asarray(Image.fromarray(x).convert("L"))
    assert np.abs(fitted(x, 1)[0].astype(int) - luma).max() <= 1
    grey = pixels(6, 6, 1)
    assert np.array_equal(fitted(grey, 3), np.repeat(grey.transpose(2, 0, 1), 3, 0))
    assert (fitted(grey, 4)[3] == 255).all()


def test_opacity_laid_on_white():
    x = np.array([[[100, 128]], [[100, 0]]], np.uint8)
    assert fitted(x, 1)[0, :, 0].tolist() == [round(100 * 128 / 255 + 127), 255]
