"""Identities 14 to 17: conjugates, the 2014 row, tight bounds, least squares on the ratio."""

import math

import pytest
import torch

from tests.losses.test_identities import P, X, expectation, integral, logit
from zerosum.data.toys import gaussian
from zerosum.losses import DIVERGENCES, minimax

Q = gaussian(1, 2)
TIGHT = {
    "kl": 0.443147,
    "reverse_kl": 1.306853,
    "pearson": 0.744026,
    "squared_hellinger": 0.298389,
    "jensen_shannon": 0.256350,
    "gan": -1.129944,
    "total_variation": 0.390066,
}
U = torch.tensor([0.1, 0.5, 1, 2, 10], dtype=torch.float64)
names = pytest.mark.parametrize("name", DIVERGENCES)


def logit_to_output(name, a):
    """The best v where log P / Q = a, clamped where the density of Q is 0 anyway."""
    return {
        "kl": a + 1,
        "reverse_kl": a,
        "pearson": 2 * torch.expm1(a),
        "squared_hellinger": a / 2,
        "jensen_shannon": a,
        "gan": a,
        "total_variation": a.sign() * 40,
    }[name]


def bound(divergence, v):
    return expectation(P, divergence.output(v)) - expectation(Q, divergence.second(v))


def test_every_row_has_its_figure():
    assert set(TIGHT) == set(DIVERGENCES)


@names
def test_identity_14_the_conjugate_at_the_slope(name):
    """f*(f'(u)) = u f'(u) - f(u); f(1) = 0 but for the row of 2014, - log 4."""
    d = DIVERGENCES[name]
    u = U[U != 1] if name == "total_variation" else U  # |u - 1| has no slope at 1
    assert torch.allclose(d.conjugate(d.derivative(u)), u * d.derivative(u) - d.f(u), atol=1e-12)
    assert float(d.f(torch.ones((), dtype=torch.float64))) == pytest.approx(-math.log(4) if name == "gan" else 0)
    assert d.pair().value == pytest.approx(math.log(4) if name == "gan" else 0)


@names
def test_the_slope_is_the_derivative(name):
    d, u = DIVERGENCES[name], U[U != 1].requires_grad_()
    (slope,) = torch.autograd.grad(d.f(u).sum(), u)
    assert torch.allclose(d.derivative(u), slope)


@names
def test_second_terms_are_the_conjugate_of_the_output(name):
    d, v = DIVERGENCES[name], torch.linspace(-5, 5, 41, dtype=torch.float64)
    assert torch.allclose(d.second(v), d.conjugate(d.output(v)), atol=1e-9)
    assert bool((d.output(v).diff() > 0).all())
    far = torch.tensor([-80.0, 80.0])
    assert d.second(far).isfinite().all()


def test_identity_15_the_row_of_2014_is_its_game_bit_for_bit():
    real, fake = torch.randn(64), torch.randn(64)
    ours, theirs = DIVERGENCES["gan"].pair(), minimax
    assert all(
        torch.equal(ours.discriminator(real, fake)[term], value)
        for term, value in theirs.discriminator(real, fake).items()
    )
    assert torch.equal(ours.generator(fake), theirs.generator(fake))


@names
def test_identity_16_the_bound_is_tight_at_its_optimum_and_nowhere_else(name):
    d = DIVERGENCES[name]
    best = logit_to_output(name, logit(P, Q).squeeze(1))
    assert bound(d, best) == pytest.approx(TIGHT[name], abs=3e-5 if name == "total_variation" else 1e-6)
    x = X.squeeze(1)
    for other in (0.9 * best, best + 0.1 * torch.cos(x), torch.zeros_like(x)):
        if name != "total_variation" or not torch.equal(other.sign(), best.sign()):
            assert bound(d, other) < bound(d, best)


@names
def test_the_threshold_is_where_both_laws_are_as_likely(name):
    d = DIVERGENCES[name]
    at_par = logit_to_output(name, torch.zeros(1, dtype=torch.float64))
    assert float(d.output(at_par)) == pytest.approx(d.threshold)


def test_identity_17_least_squares_on_the_ratio():
    """min over r of E_Q r^2 / 2 - E_P r is -(1 + chi squared) / 2, at r = P / Q."""
    ratio = logit(P, Q).squeeze(1).exp()

    def fit(r):
        return expectation(Q, r.square()) / 2 - expectation(P, r)

    chi = integral((P.log_density(X) * 2 - Q.log_density(X)).exp()) - 1
    assert chi == pytest.approx(TIGHT["pearson"], abs=1e-6)
    assert fit(ratio) == pytest.approx(-(1 + chi) / 2, abs=1e-9)
    assert fit(1.05 * ratio) > fit(ratio)
    assert fit(ratio + 0.1 * torch.sin(X.squeeze(1))) > fit(ratio)
    # Pearson's row is the same problem: v = 2 (r - 1).
    v = 2 * (ratio - 1)
    assert bound(DIVERGENCES["pearson"], v) == pytest.approx(-2 * fit(ratio) - 1, abs=1e-9)


@pytest.mark.parametrize("name", [name for name in DIVERGENCES if name != "total_variation"])
def test_what_the_generator_descends_at_the_optimum_is_the_divergence(name):
    """The gradient in Q of the bound at the best T is that of D_f itself: -E_Q f*(T*), T* frozen.

    Not by total variation, whose best T jumps, and moves with Q where it does.
    """
    from tests.losses.test_identities import slope

    d = DIVERGENCES[name]

    def distance(mean):
        q = gaussian(mean, 2)
        a = logit(P, q).squeeze(1).clamp(-700, 700)
        inside = d.f(a.exp().clamp(min=1e-300)) if name != "kl" else a.exp() * a
        return expectation(q, torch.nan_to_num(inside, posinf=0))

    frozen = d.second(logit_to_output(name, logit(P, Q).squeeze(1)))
    cost = slope(lambda mean: -expectation(gaussian(mean, 2), torch.nan_to_num(frozen, posinf=0)), 1.0)
    assert cost == pytest.approx(slope(distance, 1.0), abs=1e-5)
