"""Parzen windows against closed forms and the direct sum, and the protocol around them."""

import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from scipy.special import logsumexp

from zerosum.data import Arrays, DataSpec, open_data
from zerosum.metrics import parzen as make_parzen
from zerosum.metrics.parzen import SIGMAS, best_sigma, kmeans, log_densities

MODULE = sys.modules["zerosum.metrics.parzen"]  # its name in the package is that of the judge

needs_mnist = pytest.mark.skipif("ZEROSUM_DATA" not in os.environ, reason="MNIST: set ZEROSUM_DATA to its folder")


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def blobs(n, seed=0):
    """Images of 784 pixels like MNIST's: mostly 0, a bright spot with soft edges somewhere; float32."""
    generator = torch.Generator().manual_seed(seed)
    place, size = (
        torch.rand(n, 1, 1, 2, generator=generator) * 16 + 6,
        torch.rand(n, 1, 1, generator=generator) * 3 + 2,
    )
    at = torch.stack(torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij"), -1)
    return (1.5 - (at - place).norm(dim=3) / size).clamp(0, 1).flatten(1)


def direct(points, samples, sigma):
    """The formula as it stands, in float64 by differences."""
    x, s = points.double().numpy(), samples.double().numpy()
    squares = ((x[:, None] - s[None]) ** 2).sum(2)
    norm = math.log(len(s)) + x.shape[1] / 2 * math.log(2 * math.pi * sigma**2)
    return torch.from_numpy(logsumexp(-squares / (2 * sigma**2), axis=1) - norm)


def mnist():
    """The test file in random order: as stored, its second half was written by other people."""
    order = torch.randperm(10_000, generator=torch.Generator().manual_seed(0))
    return open_data("mnist", "test").batch(0, 10_000)["x"].flatten(1)[order]


def images(x):
    return Arrays(DataSpec.of("made", "image", (1, 28, 28)), {"x": x.view(-1, 1, 28, 28)})


def splits(valid, test, train=None):
    held = {"valid": images(valid), "test": images(test), "train": images(valid if train is None else train)}
    return held.__getitem__


# identity 58


@pytest.mark.parametrize("sigma", [0.05, 0.3, 2.0])
def test_identity_58_one_sample(sigma):
    """-|x - s|^2 / 2 sigma^2 - (d/2) log 2 pi sigma^2."""
    x, s = normal(20, 7), normal(1, 7, seed=1)
    expected = -(x - s).square().sum(1) / (2 * sigma**2) - 7 / 2 * math.log(2 * math.pi * sigma**2)
    torch.testing.assert_close(log_densities(x, s, [sigma])[0], expected, rtol=1e-10, atol=1e-8)


def test_identity_58_best_sigma_of_one_sample():
    """sigma^2 = mean |x - s|^2 / d; the search comes as near as its bracket, and its score much nearer."""
    x, s = 0.3 * normal(50, 6), normal(1, 6, seed=1)
    expected = float(((x - s).square().sum(1).mean() / 6).sqrt())
    found = best_sigma(x, s)
    assert found == pytest.approx(expected, rel=0.02)
    best, mine = (float(log_densities(x, s, [sigma]).mean()) for sigma in (expected, found))
    assert best - 0.005 < mine <= best


def test_identity_58_scaling_pixels():
    """Pixels and sigma times c: - d log c."""
    x, s, c = normal(10, 5), normal(30, 5, seed=1), 255.0
    shifted = log_densities(x, s, [0.2])[0] - 5 * math.log(c)
    torch.testing.assert_close(log_densities(c * x, c * s, [c * 0.2])[0], shifted, rtol=1e-10, atol=1e-8)


def test_identity_58_moving_all_pixels_changes_nothing():
    x, s = normal(10, 5), normal(30, 5, seed=1)
    torch.testing.assert_close(log_densities(x + 3, s + 3, [0.2]), log_densities(x, s, [0.2]), rtol=1e-10, atol=1e-8)


def test_identity_58_no_bandwidth_underflows():
    x, s = blobs(10), blobs(40, seed=1)
    logs = log_densities(x, s, [1e-3])[0]
    assert logs.isfinite().all()
    expected = direct(x, s, 1e-3)
    assert float(expected.min()) < -1e6  # a plain exp would be 0
    torch.testing.assert_close(logs, expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(log_densities(x.double(), s.double(), [1e-3])[0], expected, rtol=1e-10, atol=1e-6)


# the estimator


@pytest.mark.parametrize("sigma", [0.1, 0.18, 1.0])
def test_the_direct_sum_is_the_oracle(sigma):
    x, s = blobs(40), blobs(300, seed=1)
    expected = direct(x, s, sigma)
    torch.testing.assert_close(log_densities(x.double(), s.double(), [sigma])[0], expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(log_densities(x, s, [sigma])[0], expected, rtol=0, atol=0.02)


def test_samples_that_are_the_points():
    x = blobs(20)
    torch.testing.assert_close(log_densities(x, x, [0.1])[0], direct(x, x, 0.1), rtol=0, atol=0.02)


@needs_mnist
def test_the_direct_sum_is_the_oracle_on_mnist():
    test = mnist()
    x, s = test[2000:2040], test[:2000]
    expected = direct(x, s, 0.18)
    assert 100 < float(expected.mean()) < 200  # on such data trees at default tolerance say 384 and 586
    torch.testing.assert_close(log_densities(x.double(), s.double(), [0.18])[0], expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(log_densities(x, s, [0.18])[0], expected, rtol=0, atol=0.02)
    torch.testing.assert_close(log_densities(x, s, [0.1])[0], direct(x, s, 0.1), rtol=0, atol=0.02)


def test_the_smoothed_density_of_a_gaussian():
    """Balls around samples of N(0, s^2 I_5) are on average N(0, (s^2 + sigma^2) I_5)."""
    s, sigma = 0.7, 0.4
    x, samples = s * normal(1000, 5), s * normal(20_000, 5, seed=1)
    variance = s**2 + sigma**2
    exact = -x.square().sum(1) / (2 * variance) - 5 / 2 * math.log(2 * math.pi * variance)
    assert float(log_densities(x, samples, [sigma]).mean()) == pytest.approx(float(exact.mean()), abs=0.1)


@pytest.mark.parametrize("width", [1, 7, 64, 1000])
def test_chunks_of_any_width_agree(width, monkeypatch):
    x, s = normal(64, 9), normal(50, 9, seed=1)
    whole = log_densities(x, s, SIGMAS)
    monkeypatch.setattr(MODULE, "CHUNK", width)
    torch.testing.assert_close(log_densities(x, s, SIGMAS), whole, rtol=1e-12, atol=1e-9)


def test_several_bandwidths_are_those_one_by_one():
    x, s = normal(8, 4), normal(9, 4, seed=1)
    together = log_densities(x, s, (0.1, 0.5))
    assert together.shape == (2, 8)
    assert together.dtype == torch.float64
    assert torch.equal(together, torch.cat([log_densities(x, s, [sigma]) for sigma in (0.1, 0.5)]))


def test_products_are_taken_in_full_and_the_setting_is_put_back(monkeypatch):
    seen, product = [], torch.addmm

    def spy(*args, **kwargs):
        seen.append(torch.get_float32_matmul_precision())
        return product(*args, **kwargs)

    monkeypatch.setattr(torch, "addmm", spy)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        log_densities(blobs(4), blobs(5), [0.2])
        assert torch.get_float32_matmul_precision() == "high"
        with pytest.raises(RuntimeError):
            log_densities(blobs(4), blobs(5)[:, 1:], [0.2])
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)
    assert set(seen) == {"highest"}


# sigma


def peaked_at(sigma, n=400, dim=20):
    """Points that lie sigma away from their nearest samples in every coordinate."""
    samples = 1000 * normal(n, dim)
    return samples + sigma * normal(n, dim, seed=1), samples


def test_the_grid_of_2014_has_ten_values():
    assert len(SIGMAS) == 10
    assert SIGMAS[0] == pytest.approx(0.1)
    assert SIGMAS[-1] == pytest.approx(1)
    assert best_sigma(*peaked_at(0.3), fine=False) in SIGMAS


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.147, 0.3, 1.0, 8.0])
def test_the_fine_search_finds_the_peak_wherever_it_is(sigma):
    x, s = peaked_at(sigma)
    exact = float((x - s).square().mean().sqrt())
    assert best_sigma(x, s) == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.13, SIGMAS[3], 0.3, 1.0, 8.0])
def test_fine_is_never_below_the_grid(sigma):
    x, s = peaked_at(sigma)
    grid, fine = (float(log_densities(x, s, [best_sigma(x, s, fine=f)]).mean()) for f in (False, True))
    assert fine >= grid


def test_fine_keeps_the_grids_value_where_the_search_finds_none_better():
    """One sample and one point, sigma away from it in every coordinate: a value of the grid is the peak itself."""
    sigma = SIGMAS[4]
    s = torch.zeros(1, 10, dtype=torch.float64)
    assert best_sigma(s + sigma, s) == pytest.approx(sigma, rel=1e-12)


def test_copies_of_the_points_have_no_best_sigma_and_the_search_ends():
    x = blobs(5)
    assert 0 < best_sigma(x, x) < 1e-5


def test_sigma_is_chosen_on_validation_images():
    samples = blobs(100).view(-1, 1, 28, 28)
    valid, test = blobs(60, seed=1), blobs(60, seed=2)
    results = [make_parzen(100).of(samples, splits(valid, x)) for x in (test, (test + 0.3).clamp(0, 1))]
    assert results[0].facts["sigma"] == results[1].facts["sigma"]
    assert results[0].value != results[1].value
    other = make_parzen(100).of(samples, splits((valid + 0.3).clamp(0, 1), test))
    assert other.facts["sigma"] != results[0].facts["sigma"]


# the judge


def test_a_result_is_the_mean_and_its_error_at_the_chosen_sigma():
    samples, valid, test = blobs(100), blobs(60, seed=1), blobs(80, seed=2)
    result = make_parzen(100).of(samples.view(-1, 1, 28, 28), splits(valid, test))
    sigma = best_sigma(valid, samples)
    logs = direct(test, samples, sigma)
    assert result.facts["sigma"] == sigma
    assert result.value == pytest.approx(float(logs.mean()), abs=0.02)
    error = float(logs.std(correction=0)) / math.sqrt(80)
    assert result.facts["error"] == pytest.approx(error, rel=1e-3)
    assert result.interval == pytest.approx((result.value - 1.96 * error, result.value + 1.96 * error), rel=1e-3)
    assert (result.metric, result.kind) == ("parzen[n=100, grid=fine, split=test]", "estimate")


def test_the_protocol_of_2014():
    samples, valid, test = blobs(100), blobs(60, seed=1), blobs(80, seed=2)
    result = make_parzen(100, grid="2014").of(samples, splits(valid, test))
    assert result.metric == "parzen[n=100, grid=2014, split=test]"
    assert result.facts["sigma"] in SIGMAS
    assert {row.model for row in make_parzen().published} >= {"Adversarial nets", "Deep GSN"}


def test_there_are_two_grids():
    with pytest.raises(ValueError, match="grid must be fine or 2014, got 'coarse'"):
        make_parzen(grid="coarse")


def test_only_so_many_images_choose_and_are_evaluated(monkeypatch):
    monkeypatch.setattr(MODULE, "CHOOSING", 30)
    monkeypatch.setattr(MODULE, "EVALUATED", 40)
    samples, valid, test = blobs(50), blobs(60, seed=1), blobs(80, seed=2)
    whole, cut = (make_parzen(50).of(samples, splits(valid[:v], test[:t])) for v, t in ((60, 80), (30, 40)))
    assert whole.value == cut.value


def test_more_samples_score_higher_and_so_are_another_metric():
    valid, test = blobs(100, seed=1), blobs(100, seed=2)
    few, many = (make_parzen(n).of(blobs(n), splits(valid, test)) for n in (50, 800))
    assert many.value > few.value + 20
    with pytest.raises(ValueError, match="do not compare"):
        many.minus(few)


def test_controls():
    train = blobs(500)
    judge = make_parzen(100)
    opened = splits(blobs(50, seed=1), blobs(50, seed=2), train)
    real = judge.controls["real training images"](opened, 100)
    assert torch.equal(real.flatten(1), train[:100])
    centres = judge.controls["k-means centres of them"](opened, 100)
    assert centres.shape == (100, 1, 28, 28)
    result = judge.control("k-means centres of them", opened)
    assert (result.subject, result.n) == ("k-means centres of them", 100)
    assert judge.control("real training images", opened).value == pytest.approx(judge.of(train[:100], opened).value)


# k-means


def objective(points, centres):
    return float(torch.cdist(points, centres).square().min(1).values.sum())


def test_lloyds_objective_never_rises():
    points = blobs(400).double()
    values = [objective(points, kmeans(points, 30, steps)) for steps in range(8)]
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(values))
    assert values[-1] < 0.9 * values[0]


def test_centres_are_means_of_what_is_nearest():
    points = torch.tensor([[0.0], [10.0], [1.0], [11.0], [2.0]])
    assert kmeans(points, 2, steps=1).tolist() == [[1.0], [10.5]]
    assert torch.equal(kmeans(points, 2, steps=0), points[:2])


def test_a_centre_nobody_is_near_stays():
    points = torch.tensor([[0.0], [0.0], [8.0], [1.0], [9.0]])  # the second centre is a copy of the first
    torch.testing.assert_close(kmeans(points, 3, steps=1), torch.tensor([[1 / 3], [0.0], [8.5]]))


@pytest.mark.parametrize("centres", [0, 6])
def test_there_are_no_more_centres_than_points(centres):
    with pytest.raises(ValueError, match=f"centres must be from 1 to the number of points, 5, got {centres}"):
        kmeans(blobs(5), centres)


@needs_mnist
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_k_means_beats_real_images_of_the_same_number():
    """Centres of 5,000 images: 1,000 of them score 237.6, as many real images 132.4, and all 5,000 real ones 223.8."""
    x = mnist()
    real, valid, test = x[:5000], x[5000:6000], x[6000:]

    def score(samples):
        return make_parzen(len(samples)).of(samples, splits(valid, test)).value

    assert score(kmeans(real, 1000)) == pytest.approx(237.6, abs=1)
    assert score(real[:1000]) == pytest.approx(132.4, abs=1)
    assert score(real) == pytest.approx(223.8, abs=1)


WHOLE = """
import resource, torch
from zerosum.data import DataSpec, Arrays
from zerosum.metrics import parzen

torch.set_num_threads(1)
spec = DataSpec.of("made", "image", (1, 28, 28))
samples, *held = (torch.rand(n, 1, 28, 28) ** 4 for n in (10_000, 1_000, 10_000))
data = dict(zip(("valid", "test"), (Arrays(spec, {"x": x}) for x in held)))
parzen(100).of(samples[:100], {split: Arrays(spec, {"x": data[split].batch(0, 100)["x"]}) for split in data}.get)
before = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
parzen().of(samples, data.get)
print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_the_whole_protocol_needs_little_memory():
    """10,000 samples, 10,000 images of 784 pixels: all distances at once would be 0.8 GB in float64, and copies."""
    done = subprocess.run([sys.executable, "-c", WHOLE], capture_output=True, text=True, check=True)
    assert 0 <= int(done.stdout) < 2**30
