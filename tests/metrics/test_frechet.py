"""Fréchet distance: closed forms, scipy's formula, and images whose order is known."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torch.nn.functional import avg_pool2d

from zerosum.data import Arrays, DataSpec, open_data
from zerosum.errors import DataError
from zerosum.metrics import frechet, frechet_distance, moments
from zerosum.metrics.examples import spread


def law(dim, n, seed, scale=1.0):
    """Moments of correlated features of very unlike variances."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
    spread = torch.logspace(-2, 1, dim, dtype=torch.float64)
    return moments([scale * (torch.randn(n, dim, generator=generator, dtype=torch.float64) * spread) @ mixing + seed])


def between(a, b):
    return frechet_distance(a.mean, a.covariance, b.mean, b.covariance)


@pytest.mark.parametrize(("dim", "sigma", "shift"), [(1, 2.0, 0.0), (7, 0.5, 3.0), (64, 1.5, 0.1)])
def test_isotropic_gaussians(dim, sigma, shift):
    """|mu|^2 + d (sigma - 1)^2."""
    mean, eye = torch.full((dim,), shift), torch.eye(dim)
    expected = dim * shift**2 + dim * (sigma - 1) ** 2
    assert frechet_distance(mean, sigma**2 * eye, torch.zeros(dim), eye) == pytest.approx(expected, rel=1e-6)


def test_commuting_covariances():
    """Sum of squared differences of the standard deviations along common axes."""
    axes, _ = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    a, b = (torch.tensor(s, dtype=torch.float64) for s in ([1.0, 2, 3, 0, 0], [2.0, 2, 0, 1, 0]))
    distance = frechet_distance(
        torch.zeros(5), axes @ a.square().diag() @ axes.T, torch.zeros(5), axes @ b.square().diag() @ axes.T
    )
    assert distance == pytest.approx(float((a - b).square().sum()), rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_formula_with_the_root_of_the_product(seed):
    a, b = law(30, 90, seed), law(30, 120, seed + 10)
    root = scipy.linalg.sqrtm((a.covariance @ b.covariance).numpy())
    trace = np.trace(a.covariance.numpy() + b.covariance.numpy() - 2 * root.real)
    expected = float((a.mean - b.mean).square().sum()) + trace
    assert between(a, b) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [10, 90])
def test_a_distance_is_symmetric_and_zero_on_itself(n):
    """Also with fewer examples than dimensions."""
    a, b = law(30, n, 1), law(30, n, 2)
    assert between(a, a) == pytest.approx(0, abs=1e-10 * float(a.covariance.trace()))
    assert between(a, b) == pytest.approx(between(b, a), rel=1e-12)
    assert between(a, b) > 0


def test_covariances_without_full_rank():
    """On a subspace it is the distance there: what is added in directions of no variance is nothing."""
    a, b = law(4, 40, 1), law(4, 40, 2)
    axes, _ = torch.linalg.qr(torch.randn(50, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    inside = [(axes @ m.mean, axes @ m.covariance @ axes.T) for m in (a, b)]
    assert frechet_distance(*inside[0], *inside[1]) == pytest.approx(between(a, b), rel=1e-10)
    # orthogonal subspaces share nothing
    flat = torch.zeros(2)
    assert frechet_distance(flat, torch.diag(torch.tensor([4.0, 0])), flat, torch.diag(torch.tensor([0, 9.0]))) == 13


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"cov_b must be of shape \(2, 2\), as mean_a has 2 values, got \(3, 3\)"):
        frechet_distance(torch.zeros(2), torch.eye(2), torch.zeros(2), torch.eye(3))


def test_moments_in_chunks_are_those_of_the_whole():
    """Of far-off float32 features, which a sum of squares would lose."""
    x = 1e4 + torch.randn(1000, 6, generator=torch.Generator().manual_seed(0))
    found = moments(torch.split(x, 7))
    assert found.count == 1000
    assert torch.allclose(found.mean, x.double().mean(0), rtol=1e-14)
    assert torch.allclose(found.covariance, torch.cov(x.double().T), rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="at least 2 examples, got 1"):
        moments([x[:1]])


def images(n, seed, side=16, channels=3, kind="uint8"):
    """Coloured discs and rings on shaded grounds, from PCG64."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side] / (side - 1)
    centre, radius = rng.uniform(0.25, 0.75, (n, 2, 1, 1)), rng.uniform(0.1, 0.3, (n, 1, 1))
    distance = np.hypot(rows - centre[:, 0], columns - centre[:, 1])
    shape = (np.abs(distance - radius) if kind == "rings" else distance) < (0.08 if kind == "rings" else radius)
    ground = rng.uniform(0, 1, (n, channels, 1, 1)) * rows[None, None]
    x = np.where(shape[:, None], rng.uniform(0, 1, (n, channels, 1, 1)), ground)
    return torch.from_numpy((x * 255).round().astype(np.uint8))


def drawn(n=200, count=300, **about):
    spec = DataSpec.of("drawn", "image", tuple(images(1, 0, **about).shape[1:]), count=count)
    splits = {s: Arrays(spec, {"x": images(count, i, **about)}) for i, s in enumerate(("train", "valid", "test"), 1)}
    return frechet(n=n, side=16), splits.__getitem__, images(n, 9, **about) / 255


def test_real_images_are_near_and_changed_ones_are_farther_the_more_they_are_changed():
    judge, splits, real = drawn()
    floor = judge.of(real, splits).value
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    noisy = [judge.of((real + s * noise).clamp(0, 1), splits).value for s in (0.02, 0.05, 0.1, 0.2)]
    blurred = [
        judge.of(avg_pool2d(real, side, 1, side // 2, count_include_pad=False), splits).value for side in (3, 5, 7)
    ]
    paler = [judge.of(torch.lerp(real, real.mean(0), w), splits).value for w in (0.1, 0.3, 1.0)]
    lighter = [judge.of((real + s).clamp(0, 1), splits).value for s in (0.02, 0.1, 0.3)]
    for values in (noisy, blurred, paler, lighter):
        assert floor < values[0]
        assert sorted(values) == values
        assert values[-1] > 2 * floor


def test_a_kind_that_is_missing_is_missed():
    rings, discs = images(600, 1, kind="rings"), images(600, 2)
    spec = DataSpec.of("drawn", "image", tuple(rings.shape[1:]), count=600)
    reals = Arrays(spec, {"x": torch.cat([rings[:300], discs[:300]])})
    judge = frechet(n=600, side=16)

    def value(*parts):
        return judge.of(torch.cat(parts) / 255, {"test": reals}.__getitem__).value

    both, most, one = value(rings[300:], discs[300:]), value(rings[450:], discs[150:]), value(discs)
    assert 1.1 * both < most < one


def test_the_judge_is_the_distance_of_the_features_moments_of_rounded_images():
    judge, splits, samples = drawn(n=120)
    moved = samples + 0.4 / 255  # rounding undoes it
    result = judge.of(moved, splits, seed=3)
    assert result.value == judge.of(samples, splits).value
    network = judge.features
    assert result.features == network
    assert result.metric == f"frechet[n=120, features={network}, resizer=bilinear, side=16, split=test]"
    assert (result.n, result.split, result.seed, result.kind, result.interval) == (120, "test", 3, None, None)
    dimension = result.facts["dimension"]
    assert result.facts == {"reals": 120, "dimension": dimension, "rank": 119}  # of 300, from all over


def test_more_examples_than_dimensions_have_full_rank():
    judge, splits, samples = drawn(n=300)
    facts = judge.of(samples, splits).facts
    assert facts["reals"] == 300
    assert "rank" not in facts
    assert facts["dimension"] < 300


def test_equal_samples_are_at_distance_zero():
    judge, splits, _ = drawn(n=300)
    same = splits("test").batch(0, 300)["x"]
    assert judge.of(same, splits).value == pytest.approx(0, abs=1e-9)


def test_the_control_is_real_training_images():
    judge, splits, _ = drawn(n=60)
    result = judge.control("real training images", splits)
    assert (result.subject, result.n) == ("real training images", 60)
    assert result.value == judge.of(torch.cat(list(spread(splits("train"), 60))), splits).value


def test_real_images_are_seen_once():
    judge, splits, samples = drawn(n=40, side=11)
    read = []

    class Watched:
        def __getattr__(self, name):
            return getattr(splits("test"), name)

        def batch(self, position, size):
            read.append(size)
            return splits("test").batch(position, size)

    for _ in range(2):
        judge.of(samples, lambda split: Watched())
    assert sum(read) == 40
    frechet(n=39, side=16).of(samples, lambda split: Watched())  # another protocol reads again
    assert sum(read) == 79


def test_what_cannot_be_judged():
    judge, splits, samples = drawn(n=40)
    samples[3, 0, 0, 0] = torch.nan
    with pytest.raises(DataError, match="1 of 40 samples are not finite; evaluate an earlier round"):
        judge.of(samples, splits)
    spec = DataSpec.of("one", "image", (3, 16, 16), count=1)
    with pytest.raises(DataError, match="one has one test image, which has no covariance"):
        judge.of(samples[4:], lambda split: Arrays(spec, {"x": images(1, 5)}))
    assert "needs images, got" in judge.incompatible(open_data("ring").spec)
    with pytest.raises(ValueError, match="n must be at least 2, as one sample has no covariance, got 1"):
        frechet(n=1)
    with pytest.raises(ValueError, match="unknown features 'random-cnv'; nearest: random-conv"):
        frechet(features="random-cnv")
    with pytest.raises(ValueError, match="side must be from 16 to 256 pixels, got 8"):
        frechet(side=8)
