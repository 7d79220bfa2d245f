"""Every comparison is least at the log ratio and nowhere else; moments against their closed form."""

import math

import pytest
import torch

from tests.losses.test_identities import PAIRS, P, X, expectation, integral, logit, slope
from zerosum.data.toys import gaussian
from zerosum.losses import ADVERSARIAL, COMPARISONS, DIVERGENCES, least_squares, mmd, nonsaturating

rules = pytest.mark.parametrize("name", COMPARISONS)
AT_PAR = {
    "bernoulli": 2 * math.log(2),
    "brier": 1 / 4,
    "spherical": -math.sqrt(2),
    "exponential": 0,
    "kliep": 0,
    "reverse_kl": 0,
    "lsif": 0,
}
"""The summed loss at the optimum, where P = Q."""

DENSITY_P = torch.tensor([0.5, 0.3, 0.19, 0.01], dtype=torch.float64)
DENSITY_Q = torch.tensor([0.1, 0.3, 0.4, 0.2], dtype=torch.float64)
BEST = DENSITY_P.log() - DENSITY_Q.log()


def sides(name):
    """What either side's loss is the mean of, output by output."""
    rule = COMPARISONS[name]
    return [torch.vmap(lambda a, side=side: rule(a, a)[side]) for side in ("real", "fake")]


def risk(name, a):
    """The critic's loss on laws over four points, each point's part."""
    real, fake = sides(name)
    return DENSITY_P * real(a) + DENSITY_Q * fake(a)


@rules
def test_the_log_ratio_is_where_the_risk_has_no_slope(name):
    """On laws over points and, to 1e-10, for the output itself: Newton's method from there does not move."""
    best = BEST.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(risk(name, best).sum(), best, create_graph=True)
    (curvature,) = torch.autograd.grad(gradient.sum(), best)
    assert (curvature > 0).all()
    assert (gradient / curvature).detach().abs().max() < 1e-10


@rules
def test_nowhere_else_is_the_risk_as_low(name):
    """Over the whole line, convex or not: lower on neither side, and rising away from the optimum."""
    steps = torch.linspace(0.05, 8, 160, dtype=torch.float64).unsqueeze(1)
    for sign in (-1, 1):
        others = torch.stack([risk(name, BEST + sign * step) for step in steps])
        assert (others[0] > risk(name, BEST)).all()
        assert (others.diff(dim=0) > 0).all()


@rules
def test_values_at_par(name):
    zero = torch.zeros(5, 1, dtype=torch.float64)
    assert float(sum(COMPARISONS[name](zero, zero).values())) == pytest.approx(AT_PAR[name], abs=1e-12)


@pytest.mark.parametrize(
    ("name", "divergence", "distance"),
    [
        ("kliep", "kl", 0.443147),
        ("reverse_kl", "reverse_kl", 1.306853),
        ("lsif", "pearson", 0.744026),
        ("exponential", "squared_hellinger", 0.298389),
    ],
)
def test_the_terms_of_a_bound_add_up_to_minus_the_divergence(name, divergence, distance):
    """Of N(0, 1) and N(1, 2), by quadrature, at the log ratio; and less anywhere else."""
    q, best = PAIRS["1, 2"], logit(P, PAIRS["1, 2"])
    # Far out exp(-a) overflows where the densities are 0.
    best = best.clamp(-600, 600)

    def loss(a):
        real, fake = sides(name)
        return expectation(P, real(a)) + expectation(q, fake(a))

    assert -loss(best) == pytest.approx(distance, abs=1e-6)
    assert loss(best + 0.1 * X.cos()) > loss(best)
    at_par = float(DIVERGENCES[divergence].f(torch.ones((), dtype=torch.float64)))
    assert at_par == pytest.approx(AT_PAR[name], abs=1e-12)


def test_identity_17_least_squares_on_the_ratio_is_lsif_but_for_a_factor_and_a_constant():
    real, fake = torch.randn(2, 50, 1, dtype=torch.float64)
    published = fake.exp().square().mean() / 2 - real.exp().mean()
    assert float(sum(COMPARISONS["lsif"](real, fake).values())) == pytest.approx(float(2 * published + 1), abs=1e-12)


def test_other_formulas_of_the_rules():
    """As their papers write them."""
    real, fake = torch.randn(2, 50, 1, dtype=torch.float64)
    d, e = real.sigmoid(), fake.sigmoid()
    total = {name: float(sum(rule(real, fake).values())) for name, rule in COMPARISONS.items()}
    spherical = -(d / (d**2 + (1 - d) ** 2).sqrt()).mean() - ((1 - e) / (e**2 + (1 - e) ** 2).sqrt()).mean()
    assert total["bernoulli"] == pytest.approx(float(-d.log().mean() - (1 - e).log().mean()))
    assert total["brier"] == pytest.approx(float(((1 - d) ** 2).mean() / 2 + (e**2).mean() / 2))
    assert total["spherical"] == pytest.approx(float(spherical))
    assert total["exponential"] == pytest.approx(float((-real / 2).exp().mean() + (fake / 2).exp().mean() - 2))
    assert total["kliep"] == pytest.approx(float(fake.exp().mean() - real.mean() - 1))
    assert total["reverse_kl"] == pytest.approx(float((-real).exp().mean() + fake.mean() - 1))


@pytest.mark.parametrize("row", ["gan", "jensen_shannon"])
def test_two_rows_of_the_divergences_are_bernoulli(row):
    """They have its slope in every output, so they are one rule."""
    real, fake = torch.randn(2, 50, 1, dtype=torch.float64).requires_grad_()
    theirs = torch.autograd.grad(sum(DIVERGENCES[row].pair().discriminator(real, fake).values()), (real, fake))
    ours = torch.autograd.grad(sum(COMPARISONS["bernoulli"](real, fake).values()), (real, fake))
    for a, b in zip(theirs, ours, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["bernoulli", "brier", "spherical"])
def test_scoring_rules_are_finite_at_any_output(name):
    far = torch.tensor([[-1000.0], [1000.0], [0.0]]).requires_grad_()
    terms = COMPARISONS[name](far, far)
    (gradient,) = torch.autograd.grad(terms["real"] + terms["fake"], far)
    assert terms["real"].isfinite()
    assert terms["fake"].isfinite()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("cost", ["minimax", "nonsaturating", "maximum_likelihood", "reverse_kl"])
def test_any_cost_at_the_log_ratio_leaves_the_generator_where_it_is_right_and_draws_it_there_where_it_is_not(cost):
    """The gradient in Q's mean, the critic at its best, of N(0, 1) and N(m, 1): 0 at m = 0, of m's sign elsewhere."""

    def gradient(at):
        frozen = logit(P, gaussian(at, 1))

        def descends(mean):
            log_q = gaussian(mean, 1).log_density(X)
            if cost == "maximum_likelihood":
                return -integral((log_q + frozen.squeeze(1)).exp())
            return integral(log_q.exp() * torch.vmap(ADVERSARIAL[cost].generator)(frozen))

        return slope(descends, at)

    assert gradient(0.0) == pytest.approx(0, abs=1e-9)
    assert gradient(0.5) > 0.1
    assert gradient(-0.5) < -0.1


def test_bernoulli_and_brier_are_losses_that_stand_elsewhere():
    real, fake = torch.randn(2, 9, 1)
    for ours, theirs in (
        (COMPARISONS["bernoulli"](real, fake), nonsaturating.discriminator(real, fake)),
        (COMPARISONS["brier"](real, fake), least_squares.discriminator(real.sigmoid(), fake.sigmoid())),
    ):
        assert all(torch.equal(ours[term], theirs[term]) for term in ("real", "fake"))


def closed_form(mean, std_x, std_y, bandwidth):
    """MMD^2 of N(0, std_x^2) and N(mean, std_y^2) on the line under a Gaussian kernel."""

    def inner(variance, shift=0.0):
        s = bandwidth**2
        return math.sqrt(s / (s + variance)) * math.exp(-(shift**2) / (2 * (s + variance)))

    return inner(2 * std_x**2) + inner(2 * std_y**2) - 2 * inner(std_x**2 + std_y**2, mean)


@pytest.mark.parametrize(("mean", "std", "bandwidths"), [(1, 1, [1.0]), (0, 2, [0.5]), (1, 2, [0.5, 1.0, 2.0])])
def test_mmd_comes_to_its_closed_form(mean, std, bandwidths):
    """The mean over 4,000 pairs of small batches, within three of its standard errors."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(4_000, 8, 1, generator=draw, dtype=torch.float64)
    y = mean + std * torch.randn(4_000, 12, 1, generator=draw, dtype=torch.float64)
    values = torch.vmap(lambda x, y: mmd(x, y, bandwidths))(x, y)
    expected = sum(closed_form(mean, 1, std, bandwidth) for bandwidth in bandwidths)
    error = float(values.std() / math.sqrt(4_000))
    assert error < expected / 5
    assert abs(float(values.mean()) - expected) < 3 * error


def test_mmd_is_unbiased_where_the_laws_are_one():
    """Batches of three: a biased estimator is off by far more than the three standard errors allowed."""
    draw = torch.Generator().manual_seed(1)
    x, y = torch.randn(2, 20_000, 3, 1, generator=draw, dtype=torch.float64)
    values = torch.vmap(lambda x, y: mmd(x, y, [1.0]))(x, y)
    error = float(values.std() / math.sqrt(20_000))
    assert abs(float(values.mean())) < 3 * error < 0.02
    assert float(values.min()) < 0


def test_mmd_is_its_sums():
    x, y = torch.randn(5, 2, 3, dtype=torch.float64), torch.randn(4, 2, 3, dtype=torch.float64) + 0.3

    def kernel(a, b):
        return sum(math.exp(-float((a - b).square().sum()) / (2 * s * s)) for s in (0.7, 3.0))

    expected = sum(kernel(x[i], x[j]) for i in range(5) for j in range(5) if i != j) / 20
    expected += sum(kernel(y[i], y[j]) for i in range(4) for j in range(4) if i != j) / 12
    expected -= 2 * sum(kernel(a, b) for a in x for b in y) / 20
    assert float(mmd(x, y, [0.7, 3.0])) == pytest.approx(expected, abs=1e-12)


def test_the_slope_of_mmd_against_finite_differences():
    x, y = torch.randn(6, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda y: mmd(x, y, [0.5, 2.0]), y.requires_grad_())


def test_the_slope_of_mmd_is_finite_where_examples_are_equal():
    x = torch.zeros(4, 3).requires_grad_()
    (gradient,) = torch.autograd.grad(mmd(x, torch.zeros(4, 3), [0.1]), x)
    assert torch.equal(gradient, torch.zeros_like(gradient))


def test_moments_of_what_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="at least two of either, got 1 and 3"):
        mmd(torch.zeros(1, 2), torch.zeros(3, 2), [1.0])
    with pytest.raises(ValueError, match="must be positive"):
        mmd(torch.zeros(3, 2), torch.zeros(3, 2), [1.0, 0.0])
    with pytest.raises(ValueError, match="at least one"):
        mmd(torch.zeros(3, 2), torch.zeros(3, 2), [])
