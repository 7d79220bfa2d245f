"""Divergences by a critic's logit: exact logits, critics that were trained, and the judges made of them."""

import math

import pytest
import torch

from zerosum.data import open_data
from zerosum.data.toys import gaussian
from zerosum.metrics import estimates, js, kl, ratio, reverse_kl, train_critic
from zerosum.metrics.ratio import CHECK, _standardise

LOG_2 = math.log(2)

# N(0, 1) against N(mean, std^2): JS, KL(P, Q), KL(Q, P) in nats, by quadrature
PAIRS = {
    "1, 1": (gaussian(1, 1), (0.111421, 0.5, 0.5)),
    "2, 1": (gaussian(2, 1), (0.336831, 2.0, 2.0)),
    "0, 2": (gaussian(0, 2), (0.092733, 0.318147, 0.806853)),
    "1, 2": (gaussian(1, 2), (0.128175, 0.443147, 1.306853)),
}
P = gaussian(0, 1)


def draw(law, n, seed):
    return law.sample(n, torch.Generator().manual_seed(seed))[0]


def three(found):
    return found.js, found.kl, found.reverse_kl


def few(n=400, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2, generator=generator), torch.randn(n, 2, generator=generator) + 1


@pytest.mark.parametrize("name", PAIRS)
def test_exact_logits_give_the_divergences(name):
    q, expected = PAIRS[name]
    x, y = draw(P, 100_000, 1), draw(q, 100_000, 2)
    logit = [P.log_density(points) - q.log_density(points) for points in (x, y)]
    for measure, value in zip(three(estimates(*logit)), expected, strict=True):
        error = measure.facts["error"]
        assert 0 < error < 0.02
        assert abs(measure.value - value) < 4 * error
        assert measure.interval == pytest.approx((measure.value - 1.96 * error, measure.value + 1.96 * error))


def test_standard_errors_are_the_spread_of_repetitions():
    q, _ = PAIRS["1, 2"]
    found = []
    for seed in range(200):
        x, y = draw(P, 500, 2 * seed), draw(q, 300, 2 * seed + 1)
        found.append(three(estimates(P.log_density(x) - q.log_density(x), P.log_density(y) - q.log_density(y))))
    for measures in zip(*found, strict=True):
        spread = float(torch.tensor([m.value for m in measures]).std())
        stated = sum(m.facts["error"] for m in measures) / len(measures)
        assert stated == pytest.approx(spread, rel=0.2)


def test_by_hand():
    found = estimates(torch.tensor([[1.0], [3.0]]), torch.tensor([0.0, -2.0, -4.0]))
    assert (found.kl.value, found.reverse_kl.value) == (2, 2)
    assert found.kl.facts["error"] == pytest.approx(math.sqrt(2) / math.sqrt(2))
    assert found.reverse_kl.facts["error"] == pytest.approx(2 / math.sqrt(3))
    value = sum(-math.log1p(math.exp(-a)) for a in (1, 3)) / 2 - sum(math.log1p(math.exp(a)) for a in (0, -2, -4)) / 3
    assert found.js.value == pytest.approx((value + math.log(4)) / 2)


def test_ends_of_the_range():
    blind = estimates(torch.zeros(5), torch.zeros(9))
    assert [m.value for m in three(blind)] == [0, 0, 0]
    sure = estimates(torch.full((5,), 1000.0), torch.full((5,), -1000.0))
    assert sure.js.value == pytest.approx(LOG_2, abs=1e-12)
    assert sure.kl.value == 1000


def test_identity_11_unequal_counts_shift_the_logit():
    """Trained on n_P and n_Q examples, the best logit is log P/Q + log(n_P / n_Q)."""
    q, _ = PAIRS["1, 1"]
    shift = math.log(3 / 1)
    plain = [P.log_density(points) - q.log_density(points) for points in (draw(P, 1000, 1), draw(q, 1000, 2))]
    shifted = estimates(*(a + shift for a in plain), shift=shift)
    for mine, expected in zip(three(shifted), three(estimates(*plain)), strict=True):
        assert mine.value == pytest.approx(expected.value)
    assert estimates(*(a + shift for a in plain)).kl.value == pytest.approx(shifted.kl.value + shift)


@pytest.mark.parametrize("counts", [(1, 5, "1 real"), (5, 1, "1 fake")])
def test_one_logit_has_no_error(counts):
    real, fake, said = counts
    with pytest.raises(ValueError, match=f"a standard error needs at least 2 logits, got {said}"):
        estimates(torch.zeros(real), torch.zeros(fake))


def misses(name, n, updates=4000):
    """How far JS, KL and reverse KL come out from the truth: trained on n examples of either law, judged on others."""
    q, expected = PAIRS[name]
    critic = train_critic(draw(P, n, 1), draw(q, n, 2), updates)
    found = estimates(critic(draw(P, n, 3)), critic(draw(q, n, 4)))
    return [abs(measure.value - value) for measure, value in zip(three(found), expected, strict=True)]


def test_a_critic_learns_the_ratio():
    js, kl, reverse_kl = misses("1, 1", 20_000, updates=200)
    assert js < 0.01
    assert kl < 0.05
    assert reverse_kl < 0.05


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PAIRS)
def test_the_card_of_the_ratio(name):
    """|JS - ref| < 0.01, |KL - ref| < 0.05; the reverse KL of laws of wider tails is extrapolated, and says so."""
    js, kl, reverse_kl = misses(name, 200_000)
    assert js < 0.01
    assert kl < 0.05
    assert reverse_kl < 0.2


def test_unequal_counts_need_no_shift():
    q, (_, expected, _) = PAIRS["1, 1"]
    critic = train_critic(draw(P, 18_000, 1), draw(q, 6000, 2), updates=200)
    assert estimates(critic(draw(P, 20_000, 3)), critic(draw(q, 20_000, 4))).kl.value == pytest.approx(
        expected, abs=0.07
    )


def test_disjoint_laws_are_told_apart():
    real, fake = torch.rand(2000, 1), torch.rand(2000, 1) + 2
    critic = train_critic(real[:1000], fake[:1000], updates=200)
    found = estimates(critic(real[1000:]), critic(fake[1000:]))
    assert LOG_2 - 0.01 < found.js.value <= LOG_2


def test_equal_laws_are_not():
    x = draw(P, 4000, 1)
    critic = train_critic(x[:1000], x[1000:2000], updates=200)
    assert abs(estimates(critic(x[2000:3000]), critic(x[3000:])).js.value) < 0.005


def test_pixels_share_a_scale_and_coordinates_do_not():
    """A pixel that hardly ever varies is no news at a thousand of its deviations; in a table every column counts."""
    pooled = torch.zeros(400, 4)
    pooled[:, 1] = torch.rand(400, generator=torch.Generator().manual_seed(0))
    pooled[0, 2] = 0.01
    tables, images = _standardise(pooled)(pooled), _standardise(pooled.view(400, 1, 2, 2))(pooled)
    for found in (tables, images):
        assert found.isfinite().all()
        assert float(found[:, 1].std()) == pytest.approx(1)
        torch.testing.assert_close(found.mean(0), torch.zeros(4), rtol=0, atol=1e-5)
    assert float(tables[:, 2].std()) == pytest.approx(1)
    assert float(images[:, 2].max()) < 0.5


def test_a_critic_takes_images():
    images = torch.rand(200, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    logits = train_critic(images, images / 2, updates=CHECK)(images)
    assert logits.shape == (200,)
    assert not logits.requires_grad
    assert float(logits.mean()) > 0.1


def test_scale_and_place_of_points_do_not_matter():
    real, fake = few()
    logits = train_critic(real, fake, updates=20)(real)
    moved = train_critic(1e4 * real - 5e4, 1e4 * fake - 5e4, updates=20)(1e4 * real - 5e4)
    torch.testing.assert_close(moved, logits, rtol=0, atol=1e-3)


def test_training_stops_when_held_out_examples_say_so(monkeypatch):
    """Long after the best is found nothing changes any more; before that, more updates do."""
    real, fake = few()
    monkeypatch.setattr(ratio, "PATIENCE", 50)
    early, late, later = (train_critic(real, fake, updates)(real) for updates in (CHECK, 300, 400))
    assert torch.equal(late, later)
    assert not torch.equal(early, late)
    assert early.abs().max() > 0.1


def test_a_critic_is_a_function_of_its_seed_and_leaves_the_callers_randomness():
    real, fake = few()
    before = torch.random.get_rng_state()
    first, second, other = (train_critic(real, fake, 50, seed)(real) for seed in (0, 0, 1))
    assert first.abs().max() > 0.1
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_a_critic_can_be_trained_where_gradients_are_off():
    real, fake = few()
    with torch.no_grad():
        logits = train_critic(real, fake, 50)(real)
        assert not torch.is_grad_enabled()
    assert torch.equal(logits, train_critic(real, fake, 50)(real))


def test_a_critic_asks_for_examples():
    with pytest.raises(ValueError, match=r"at least 2 examples of either distribution, .* got 1 real and 5 generated"):
        train_critic(torch.zeros(1, 2), torch.zeros(5, 2))


def on_gaussian(split):
    return open_data("gaussian[mean=0,std=1]", split)


def test_judges_on_a_toy():
    """The samples are N(1, 1): JS 0.111, both KL 0.5."""
    samples = draw(gaussian(1, 1), 10_000, 7)
    for make, expected, tolerance, kind in ((js, 0.111421, 0.02, "lower bound"), (kl, 0.5, 0.12, "estimate")):
        result = make(updates=100).of(samples, on_gaussian)
        assert result.value == pytest.approx(expected, abs=tolerance)
        assert result.interval[0] < result.value < result.interval[1]
        assert result.facts["error"] == pytest.approx((result.interval[1] - result.value) / 1.96)
        assert (result.n, result.split, result.kind, result.data) == (
            10_000,
            "test",
            kind,
            on_gaussian("test").spec.name,
        )


def test_names_say_what_was_done():
    assert js().name == "js[n=10000, updates=4000, split=test]"
    assert kl(500, updates=7).name == "kl[n=500, updates=7, split=test]"
    assert reverse_kl().name.startswith("reverse_kl[")
    assert (js().kind, kl().kind, reverse_kl().kind) == ("lower bound", "estimate", "estimate")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n": 3}, "n must be at least 4 .*, got 3"),
        ({"updates": 0}, "updates must be at least 1, got 0"),
    ],
    ids=str,
)
def test_values_out_of_range(settings, said):
    with pytest.raises(ValueError, match=said):
        kl(**settings)


def test_samples_are_judged_by_a_critic_that_has_not_seen_them():
    """Every other one trains it: a mark that these alone carry is learned, and of no use."""
    marked = on_gaussian("test").batch(5000, 2000)["x"]
    marked[::2] += 100
    judged = js(n=2000, updates=100).of(marked, on_gaussian)
    assert judged.value < 0.05


def test_judges_take_images_and_a_control_is_near_zero():
    def digits(split):
        return open_data("digits", split)

    noise = torch.rand(400, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    judge = js(n=400, updates=100)
    assert judge.incompatible(digits("train").spec) is None
    assert judge.of(noise, digits).value > 0.6
    control = judge.control("real validation examples", digits)
    assert control.subject == "real validation examples"
    assert control.n == 200
    assert abs(control.value) < 0.05
