"""Differentiable augmentation: each change against its formula, its gradients, and its adaptive probability."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from zerosum.networks import ADAPTIVE, DIFFAUGMENT, AdaptiveAugmentation, augment, numbers

CHANGES = (*DIFFAUGMENT, *ADAPTIVE)
COLOURS = {"hue", "saturation", "colourfulness"}


def images(n=6, channels=3, side=16, seed=0, dtype=torch.float32):
    return 2 * torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(seed), dtype=dtype) - 1


def drawn(n, changes, seed=1, dtype=torch.float32):
    return torch.rand(n, numbers(changes), generator=torch.Generator().manual_seed(seed), dtype=dtype)


def told(*values, n=1):
    """The numbers of one change that is made, for n images."""
    return torch.tensor([[0.0, *values]]).expand(n, -1)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("changes", [(), *((c,) for c in CHANGES), CHANGES], ids=lambda c: "+".join(c)[:20] or "none")
def test_with_probability_0_every_image_is_as_it_was(changes, channels):
    x = images(channels=channels)
    assert torch.equal(augment(x, drawn(6, changes), changes, 0.0), x)
    assert torch.equal(augment(x, drawn(6, changes), changes, torch.zeros(())), x)


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_changes_and_with_the_probability_asked(change):
    x = images(400, side=8)
    u = drawn(400, (change,))
    changed = augment(x, u, (change,), 0.3).ne(x).flatten(1).any(1)
    assert not changed[u[:, 0] >= 0.3].any()
    least = {"mirror": 0.35, "inversion": 0.35, "quarter turns": 0.6, "translation": 0.7}.get(change, 0.99)
    assert float(changed[u[:, 0] < 0.3].float().mean()) >= least


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_is_changed_by_itself_alone_and_twice_differentiably(change, channels):
    x = images(2, channels, 6, dtype=torch.float64).requires_grad_()
    u = drawn(2, (change,), dtype=torch.float64)
    u[:, 0] = 0

    def changed(x):
        return augment(x, u, (change,))

    assert torch.autograd.gradcheck(changed, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: changed(x).square(), x, fast_mode=True)
    torch.testing.assert_close(changed(x)[1:], augment(x[1:], u[1:], (change,)))


def test_changes_of_zhao_et_al_are_their_formulas():
    x = images(1)
    mean = x.mean()
    grey = x.mean(1, keepdim=True)
    for v in (0.0, 0.25, 0.9):
        torch.testing.assert_close(augment(x, told(v), ("brightness",)), x + v - 0.5)
        torch.testing.assert_close(augment(x, told(v), ("saturation",)), grey + (x - grey) * 2 * v)
        torch.testing.assert_close(augment(x, told(v), ("contrast",)), mean + (x - mean) * (0.5 + v))
    moved = augment(x, told(0.99, 0.0), ("translation",))
    torch.testing.assert_close(moved[0, :, 2:, :-2], x[0, :, :-2, 2:])  # two pixels down, two to the left
    assert not moved[0, :, :2].any()
    assert not moved[0, :, :, -2:].any()
    cut = augment(x, told(0.5, 0.5), ("cutout",))
    assert int((cut == 0).all(1).sum()) == 64
    torch.testing.assert_close(cut[cut != 0], x[cut != 0])


def test_translations_and_holes_are_as_frequent_everywhere():
    side, n = 16, 4000
    x = torch.zeros(n, 1, side, side)
    x[:, :, 8, 8] = 1
    places = augment(x, drawn(n, ("translation",)), ("translation",)).sum((0, 1)).flatten()
    assert int((places > 0).sum()) == 25
    assert stats.chisquare(places[places > 0].numpy()).pvalue > 1e-3
    hole = 1 - augment(torch.ones(n, 1, side, side), drawn(n, ("cutout",)), ("cutout",)).mean((0, 1))
    exact = np.convolve(np.ones(side + 1) / (side + 1), np.ones(side // 2))
    first = exact[side // 4 : side // 4 + side]
    assert np.abs(hole.numpy() - np.outer(first, first)).max() < 0.03


@pytest.mark.parametrize("degrees", [-170, -100, -44.9, -30, 0, 10, 44, 45.1, 90, 135, 179])
def test_a_turn_is_a_turn(degrees):
    """Against scipy's, on an image as smooth as the linear filters are accurate for."""
    side = 33
    row, column = np.mgrid[:side, :side]
    image = np.exp(-(((row - 11) / 5) ** 2) - ((column - 19) / 6) ** 2).astype(np.float32)
    oracle = ndimage.rotate(image, degrees, reshape=False, order=3)
    ours = augment(torch.from_numpy(image)[None, None], told((degrees / 180 + 1) / 2), ("turn",))
    assert np.abs(ours[0, 0].numpy() - oracle).max() < 0.03


def test_mirror_and_quarter_turns():
    x = images(1)
    assert torch.equal(augment(x, told(0.4), ("mirror",)), x.flip(3))
    assert torch.equal(augment(x, told(0.6), ("mirror",)), x)
    for quarter in range(4):
        turned = augment(x, told(quarter / 4), ("quarter turns",))
        assert torch.equal(turned, x.rot90(quarter, (2, 3)))


def test_scale_stretch_and_shift_about_the_middle():
    side = 32
    x = torch.linspace(-1, 1, side).expand(1, 1, side, side).contiguous()  # rises from left to right
    larger = augment(x, told(float(stats.norm.cdf(2.5))), ("scale",))  # 2^(0.2 * 2.5)
    torch.testing.assert_close(larger[..., 1:-1], x[..., 1:-1] / 2**0.5, atol=1e-5, rtol=0)
    wider = augment(x, told(float(stats.norm.cdf(2.5))), ("stretch",))
    torch.testing.assert_close(wider[..., 1:-1], x[..., 1:-1] / 2**0.5, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        augment(x.mT, told(float(stats.norm.cdf(-2.5))), ("stretch",)), larger.mT, atol=1e-5, rtol=0
    )
    one = float(stats.norm.cdf(1 / 4))  # 0.125 * 32 * 1/4 = one pixel
    moved = augment(x, told(0.5, one), ("shift",))
    torch.testing.assert_close(moved[..., 1:], x[..., :-1], atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[..., 0], x[..., 0], atol=1e-5, rtol=0)  # the reflection


def test_colours_turn_around_grey():
    grey = images(2, 1).expand(-1, 3, -1, -1)
    for change in COLOURS:
        torch.testing.assert_close(augment(grey, told(0.9, n=2), (change,)), grey)
        single = images(2, 1)
        torch.testing.assert_close(augment(single, told(0.9, n=2), (change,)), single)
    x = images(1)
    third = augment(x, told(0.5 + 1 / 3), ("hue",))  # 240 - 120 = a third of the circle
    torch.testing.assert_close(third, x.roll(1, 1))
    torch.testing.assert_close(augment(x, told(0.2), ("inversion",)).mean(1), -x.mean(1))
    torch.testing.assert_close(augment(x, told(0.7), ("inversion",)), x)
    torch.testing.assert_close(augment(x, told(float(stats.norm.cdf(2))), ("gain",)), 2 * x, rtol=1e-4, atol=1e-4)


def test_opacity_keeps_its_values():
    x = images(1, 4)
    colours = ("brightness", "saturation", "contrast", "lightness", "gain", "inversion", "hue", "colourfulness")
    u = drawn(1, colours)
    assert torch.equal(augment(x, u, colours)[:, 3], x[:, 3])


def test_no_number_is_too_extreme():
    changes = CHANGES
    for value in (0.0, math.nextafter(1.0, 0.0)):
        assert augment(images(), torch.full((6, numbers(changes)), value), changes, 2.0).isfinite().all()


def test_the_probability_rises_while_the_discriminator_overfits_and_reaches_its_target():
    """A discriminator whose sign is right for a share of the real images that falls with p settles at r = 0.6."""
    ada = AdaptiveAugmentation(0.6, 2_000)
    ada.eval()  # a network nobody moves is in evaluation mode
    heard = []
    for _ in range(400):
        right = round(100 * (1 - float(ada.p)))
        r = (2 * right - 100) / 100
        before = float(ada.p)
        ada.adapt(torch.cat([torch.ones(right), -torch.ones(100 - right)])[:, None])
        moved = float(ada.p) - before
        assert moved == pytest.approx(0.05 * np.sign(r - 0.6), abs=1e-6) or float(ada.p) in (0, 1)
        heard.append(float(ada.p))
    assert heard[-1] == pytest.approx(0.2, abs=0.051)  # 1 - 2 p = 0.6
    assert AdaptiveAugmentation().p.ndim == 0


def test_the_probability_stays_one():
    sure = AdaptiveAugmentation(0.6, 100)
    for _ in range(5):
        sure.adapt(torch.ones(64))
    assert float(sure.p) == 1
    for _ in range(5):
        sure.adapt(-torch.ones(64))
    assert float(sure.p) == 0


@pytest.mark.parametrize(("target", "examples"), [(1, 100), (-1, 100), (0.5, 0)])
def test_targets_without_a_sense_are_refused(target, examples):
    with pytest.raises(ValueError, match=r"a target lies in \(-1, 1\) and examples are above 0"):
        AdaptiveAugmentation(target, examples)
