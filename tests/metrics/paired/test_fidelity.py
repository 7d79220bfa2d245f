"""Peak signal-to-noise ratio and structural similarity against scipy, by hand, and as metrics of a model."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, uniform_filter

from tests.games import plain_gan
from zerosum.data import DataSpec, open_data
from zerosum.errors import DataError, Unsupported
from zerosum.metrics import default_metrics, psnr, ssim
from zerosum.metrics.paired import signal_to_noise, structural_similarity
from zerosum.sources import Normal
from zerosum.training import Evaluated, Experiment, Output

DIGITS = open_data("digits").spec


def pairs(n=3, channels=1, height=17, width=23):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(n, channels, height, width, generator=generator)
    return x, (x + 0.2 * torch.randn(x.shape, generator=generator)).clamp(0, 1)


def by_scipy(x, y, window):
    """One plane, with the published defaults of scikit-image."""
    x, y = (plane.double().numpy() for plane in (x, y))
    if window == "gaussian":
        side, unbiased = 11, 1.0

        def mean(values):
            return gaussian_filter(values, sigma=1.5, truncate=3.5)
    else:
        side, unbiased = 7, 49 / 48

        def mean(values):
            return uniform_filter(values, size=7)

    mx, my = mean(x), mean(y)
    vx, vy, vxy = (unbiased * (mean(a * b) - mean(a) * mean(b)) for a, b in ((x, x), (y, y), (x, y)))
    c1, c2 = 0.01**2, 0.03**2
    values = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    pad = (side - 1) // 2
    return values[pad:-pad, pad:-pad].mean()


@pytest.mark.parametrize("window", ["gaussian", "uniform"])
@pytest.mark.parametrize("channels", [1, 3])
def test_structural_similarity_is_that_of_an_independent_computation(window, channels):
    x, y = pairs(channels=channels)
    expected = [
        np.mean([by_scipy(a, b, window) for a, b in zip(one, other, strict=True)])
        for one, other in zip(x, y, strict=True)
    ]
    np.testing.assert_allclose(structural_similarity(x, y, window).numpy(), expected, atol=1e-10)


def test_both_are_those_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    x, y = pairs(channels=3)
    for window, options in (
        ("gaussian", {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}),
        ("uniform", {}),
    ):
        theirs = [
            metrics.structural_similarity(a.numpy(), b.numpy(), data_range=1, channel_axis=0, **options)
            for a, b in zip(x.double(), y.double(), strict=True)
        ]
        np.testing.assert_allclose(structural_similarity(x, y, window).numpy(), theirs, atol=1e-6)
    theirs = [
        metrics.peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1)
        for a, b in zip(x.double(), y.double(), strict=True)
    ]
    np.testing.assert_allclose(signal_to_noise(x, y).numpy(), theirs, atol=1e-6)


def test_equal_images_and_the_wrong_ones():
    x, y = pairs()
    assert structural_similarity(x, x).tolist() == pytest.approx([1, 1, 1])
    assert float(structural_similarity(x, y).max()) < 1
    assert torch.isinf(signal_to_noise(x, x)).all()
    assert float(signal_to_noise(x, x + 0.01)[0]) == pytest.approx(40, abs=1e-3)
    with pytest.raises(DataError, match=r"compared with a target of its own shape, got \(3, 1, 17, 23\) and \(2, 1"):
        signal_to_noise(x, y[:2])
    with pytest.raises(DataError, match=r"in a gaussian window is of images \(N, C, H, W\) of side 11 or more"):
        structural_similarity(x[..., :8], y[..., :8])
    with pytest.raises(ValueError, match="window must be gaussian or uniform, got 'flat'"):
        ssim(window="flat")


def model(target="x", **outputs):
    """It reconstructs images a little too dark, and doubles them on request."""

    def darker(net, batch):
        return (batch["x"] - 0.1).clamp(min=0)

    made = {"reconstruct": Output(darker, ("x",), target=target), **outputs}
    experiment = Experiment(
        plain_gan()[0], {"z": Normal(4)}, made, derive=lambda batch: {"dark": (batch["x"] - 0.1).clamp(min=0)}
    )
    return Evaluated(experiment, DIGITS)


def splits(split):
    return open_data("digits", split)


def test_they_are_means_over_test_examples():
    x = open_data("digits", "test").batch(0, 300)["x"]
    dark = (x - 0.1).clamp(min=0)
    result = psnr()(model(), splits)
    each = signal_to_noise(dark, x).double()
    half = 1.96 * float(each.std()) / 300**0.5  # of a 95 % interval by the normal distribution
    assert result.interval == pytest.approx((float(each.mean()) - half, float(each.mean()) + half), rel=1e-6)
    assert result.metric == "psnr[n=10000, output=reconstruct, split=test]"
    assert (result.n, result.data, result.split) == (300, "digits", "test")
    assert result.value == pytest.approx(float(signal_to_noise(dark, x).mean()))
    assert result.interval[0] < result.value < result.interval[1]
    similar = ssim(window="uniform")(model(), splits)
    assert similar.metric == "ssim[n=10000, output=reconstruct, window=uniform, split=test]"
    assert similar.value == pytest.approx(float(structural_similarity(dark, x, "uniform").mean()))
    assert psnr(n=20)(model(), splits).n == 20


def test_a_target_may_be_derived():
    assert ssim(window="uniform")(model("dark"), splits).value == pytest.approx(1)
    with pytest.raises(Unsupported, match="the target 'y' of 'reconstruct' is no field of digits"):
        psnr()(model("y"), splits)


def test_default_metrics_are_those_of_the_outputs():
    def names(spec, shown):
        return [metric.name.partition(",")[0] for metric in default_metrics(spec, shown.outputs)]

    assert names(DIGITS, model()) == ["psnr[n=10000", "ssim[n=10000"]
    assert names(DIGITS, model(None)) == []
    with_samples = model(sample=lambda net, batch: batch["z"])
    assert names(DIGITS, with_samples)[2:] == ["psnr[n=10000", "ssim[n=10000"]
    assert names(DataSpec.of("large", "image", (3, 64, 64)), with_samples) == ["psnr[n=10000", "ssim[n=10000"]
    assert [m.incompatible(DIGITS, model().outputs) for m in default_metrics(DIGITS, model().outputs)] == [None, None]


def test_what_they_are_incompatible_with():
    assert psnr().incompatible(DIGITS, model(None).outputs) == (
        "psnr[n=10000, output=reconstruct, split=test] needs a target of the output 'reconstruct', which states none"
    )
    assert "needs an output 'apply', and this model has reconstruct" in psnr(output="apply").incompatible(
        DIGITS, model().outputs
    )
