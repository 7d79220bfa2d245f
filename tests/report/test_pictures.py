"""Pictures: sizes, places and colours."""

import numpy as np
import pytest
import torch

from zerosum.data import DataSpec
from zerosum.data.kinds import points
from zerosum.report import pictures

LINE, PLANE = (DataSpec.of("points", "points", (d,)).x for d in (1, 2))


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA"), (2, "L"), (5, "L")])
def test_a_grid_has_its_images_in_rows(channels, mode):
    images = torch.zeros(5, channels, 8, 8)
    images[3] = 1
    sheet = pictures.grid(images, columns=2)
    assert sheet.mode == mode
    assert sheet.size == (2 * 50 + 2, 3 * 50 + 2)
    pixels = np.asarray(sheet).reshape(sheet.size[1], sheet.size[0], -1)
    assert (pixels[60:90, 60:90] == 255).all()  # image 3: second row, second column
    assert (pixels[10:40, 60:90] == 0).all()


def test_large_images_are_not_enlarged():
    assert pictures.grid(torch.zeros(1, 3, 64, 96)).size == (100, 68)


def test_values_outside_are_clamped():
    assert np.asarray(pictures.grid(torch.full((1, 1, 64, 64), 7.0)))[30, 30] == 255


def test_points_are_drawn_over_real_ones():
    image = np.asarray(points.scatter(torch.tensor([[1.0, 1.0]]), torch.tensor([[-1.0, -1.0], [1.0, 1.0]])))
    red = np.argwhere((image == points._FAKE).all(2))
    grey = np.argwhere((image == points._REAL).all(2))
    assert red[:, 0].mean() < points.CANVAS / 2 < red[:, 1].mean()  # up and right
    assert grey[:, 0].max() > points.CANVAS / 2 > grey[:, 1].min()  # down and left


def test_a_line_gets_a_histogram():
    image = pictures.picture(torch.randn(500, 1), LINE, torch.randn(500, 1))
    assert image.size == (points.CANVAS, points.CANVAS // 2)
    colours = {tuple(c) for c in np.asarray(image).reshape(-1, 3)}
    assert {points._REAL, points._FAKE} <= colours


def test_points_of_many_dimensions_and_no_reals():
    assert pictures.picture(torch.randn(20, 7), PLANE).size == (points.CANVAS, points.CANVAS)
    assert pictures.png(pictures.picture(torch.randn(20, 1), LINE))[:4] == b"\x89PNG"


@pytest.mark.parametrize("axes", [1, 2])
def test_samples_that_all_coincide_are_one_spot(axes):
    image = np.asarray(pictures.picture(torch.ones(10, axes), PLANE, torch.ones(10, axes)))
    assert (image == points._FAKE).all(2).any()


def test_bytes_are_drawn_as_they_are():
    """Many samples are kept as bytes; a grey stays the grey it was."""
    floats = torch.linspace(0, 1, 64).view(4, 1, 4, 4)
    drawn, kept = (np.asarray(pictures.grid(x)) for x in (floats, (floats * 255).round().to(torch.uint8)))
    np.testing.assert_array_equal(drawn, kept)
    assert len(np.unique(kept)) > 60
