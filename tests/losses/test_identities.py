"""Identities of the 2014 theory, by quadrature on Gaussians of the line. Those with a number not here stand beside the
function they are about: 1, 3 in test_adversarial.py, 21 and 22 in test_penalties.py."""

import math

import pytest
import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from zerosum.data.toys import gaussian
from zerosum.losses import minimax, nonsaturating

LOG_2 = math.log(2)
X = torch.linspace(-40, 40, 160_001, dtype=torch.float64).unsqueeze(1)
"""Where integrands are taken. The trapezoid rule on a smooth integrand that ends at 0 is exact to rounding."""

P = gaussian(0, 1)
PAIRS = {"1, 1": gaussian(1, 1), "2, 1": gaussian(2, 1), "0, 2": gaussian(0, 2), "1, 2": gaussian(1, 2)}

# The losses are means over a batch; these are what they are the mean of, logit by logit.
real_term = torch.vmap(lambda a: minimax.discriminator(a, a)["real"])
fake_term = torch.vmap(lambda a: minimax.discriminator(a, a)["fake"])
saturating, non_saturating = torch.vmap(minimax.generator), torch.vmap(nonsaturating.generator)


def integral(y):
    return float(torch.trapezoid(y.flatten(), X.flatten()))


def expectation(law, y):
    return integral(law.log_density(X).exp() * y.flatten())


def logit(p, q):
    """The optimal discriminator's, log p - log q."""
    return (p.log_density(X) - q.log_density(X)).unsqueeze(1)


def kl(p, q):
    return expectation(p, logit(p, q))


def js(p, q):
    middle = torch.logaddexp(p.log_density(X), q.log_density(X)) - LOG_2
    return sum(expectation(law, law.log_density(X) - middle) for law in (p, q)) / 2


def value(p, q, a):
    """V(D, G) of a discriminator with logits a."""
    return -expectation(p, real_term(a)) - expectation(q, fake_term(a))


def slope(function, at, step=1e-3):
    """Central differences, fourth order."""
    near, far = (function(at + s) - function(at - s) for s in (step, 2 * step))
    return (8 * near - far) / (12 * step)


def test_identity_01_mean_cross_entropy_of_a_constant_half():
    a = torch.zeros(6, 1, dtype=torch.float64)
    sides = torch.cat([torch.ones_like(a), torch.zeros_like(a)])
    assert float(binary_cross_entropy_with_logits(torch.cat([a, a]), sides)) == pytest.approx(LOG_2, abs=1e-12)
    assert value(P, PAIRS["1, 1"], torch.zeros_like(X)) == pytest.approx(-1.386294361, abs=1e-9)


def test_identity_02_softplus_is_minus_the_log_of_the_sigmoid():
    a = torch.linspace(-30, 30, 241, dtype=torch.float64).unsqueeze(1)
    close = {"rtol": 1e-12, "atol": 3e-9}  # torch takes the softplus of more than 20 for linear, off by exp(-20)
    torch.testing.assert_close(real_term(a), -logsigmoid(a).squeeze(1), **close)
    torch.testing.assert_close(fake_term(a), -logsigmoid(-a).squeeze(1), **close)
    torch.testing.assert_close(fake_term(a) - real_term(a), a.squeeze(1), **close)


@pytest.mark.parametrize(("alpha", "beta"), [(1, 1), (3, 1), (0.2, 0.7), (1, 50)])
def test_identity_04_the_best_answer_is_the_share(alpha, beta):
    """alpha log y + beta log(1 - y) is highest at alpha / (alpha + beta)."""

    def loss(a):
        terms = minimax.discriminator(*torch.full((2, 1, 1), a, dtype=torch.float64))
        return float(alpha * terms["real"] + beta * terms["fake"])

    best = minimize_scalar(loss, bracket=(-5, 5), tol=1e-12).x
    assert 1 / (1 + math.exp(-best)) == pytest.approx(alpha / (alpha + beta), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "expected"), [("1, 1", -1.163451), ("2, 1", -0.712633), ("0, 2", -1.200828), ("1, 2", -1.129944)]
)
def test_identity_05_value_of_the_optimal_discriminator(name, expected):
    """V(D*, G) = -log 4 + 2 JS(P, Q), and no other logit does better."""
    q = PAIRS[name]
    best = logit(P, q)
    highest = value(P, q, best)
    assert highest == pytest.approx(expected, abs=1e-6)
    assert highest == pytest.approx(-math.log(4) + 2 * js(P, q), abs=1e-9)
    for other in (best + 0.1, best - 0.1, 0.9 * best, 1.1 * best, best.clamp(-2, 2), best + 0.1 * X.sin()):
        assert value(P, q, other) < highest


def test_identity_05_disjoint_laws():
    """V goes to 0, JS to log 2."""
    far = gaussian(30, 0.5)
    assert value(gaussian(-30, 0.5), far, logit(gaussian(-30, 0.5), far)) == pytest.approx(0, abs=1e-12)
    assert js(gaussian(-30, 0.5), far) == pytest.approx(LOG_2, abs=1e-12)


@pytest.mark.parametrize(("mean_p", "mean_q", "std"), [(0, 1, 1), (-2, 3, 0.5), (1, 1, 2)])
def test_identity_06_gaussians_of_one_width_have_a_linear_logit(mean_p, mean_q, std):
    expected = (mean_p - mean_q) / std**2 * (X - (mean_p + mean_q) / 2)
    torch.testing.assert_close(logit(gaussian(mean_p, std), gaussian(mean_q, std)), expected, rtol=1e-9, atol=1e-9)


KL = {"1, 1": (0.5, 0.5), "2, 1": (2, 2), "0, 2": (0.318147, 0.806853), "1, 2": (0.443147, 1.306853)}


@pytest.mark.parametrize("name", PAIRS)
def test_identity_07_means_of_the_optimal_logit(name):
    """E_P a = KL(P, Q), -E_Q a = KL(Q, P), E_Q exp(a) = 1 = E_P exp(-a)."""
    q = PAIRS[name]
    a = logit(P, q)
    forward, reverse = KL[name]
    assert expectation(P, a) == pytest.approx(forward, abs=1e-6)
    assert -expectation(q, a) == pytest.approx(reverse, abs=1e-6)
    # exp(a) alone overflows far out, where the density is 0
    assert integral((q.log_density(X) + a.squeeze(1)).exp()) == pytest.approx(1, abs=1e-9)
    assert integral((P.log_density(X) - a.squeeze(1)).exp()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("shift", [0.7, -1.5, 2.0])
def test_identity_09_what_the_generator_descends(shift):
    """With D frozen at D*, the gradient in Q's mean is that of 2 JS for minimax and of KL(Q, P) - 2 JS for
    non-saturating; both at shift 0.7: 0.311549 and 0.388451."""
    frozen = logit(P, gaussian(shift, 1))

    def descends(loss):
        return slope(lambda mean: expectation(gaussian(mean, 1), loss(frozen)), shift)

    twice_js = slope(lambda mean: 2 * js(P, gaussian(mean, 1)), shift)
    reverse = slope(lambda mean: kl(gaussian(mean, 1), P), shift)
    assert reverse == pytest.approx(shift, abs=1e-6)
    assert descends(saturating) == pytest.approx(twice_js, abs=1e-6)
    assert descends(non_saturating) == pytest.approx(reverse - twice_js, abs=1e-6)
    if shift == 0.7:
        assert descends(saturating) == pytest.approx(0.311549, abs=1e-6)
        assert descends(non_saturating) == pytest.approx(0.388451, abs=1e-6)


def smoothed(a, real_target, fake_target, p, q):
    """Cross entropy with targets off 0 and 1, under densities p and q at one point."""
    real = real_target * real_term(a) + (1 - real_target) * fake_term(a)
    fake = fake_target * real_term(a) + (1 - fake_target) * fake_term(a)
    return float(p * real + q * fake)


@pytest.mark.parametrize(("real_target", "fake_target"), [(0.9, 0.0), (0.9, 0.1), (1.0, 0.0), (1.0, 0.3)])
@pytest.mark.parametrize("density", [(0.4, 0.2), (1e-3, 0.5), (0.3, 1e-3)])
def test_identity_10_smoothed_targets(real_target, fake_target, density):
    """D* = (alpha P + beta Q) / (P + Q)."""
    p, q = density
    best = minimize_scalar(
        lambda a: smoothed(torch.tensor([[a]], dtype=torch.float64), real_target, fake_target, p, q),
        bracket=(-5, 5),
        tol=1e-14,
    ).x
    expected = (real_target * p + fake_target * q) / (p + q)
    assert 1 / (1 + math.exp(-best)) == pytest.approx(expected, abs=1e-6)
    if not fake_target:  # one-sided: the plain D*, scaled
        assert expected == pytest.approx(real_target * p / (p + q))
    elif p < 1e-2:  # where hardly anything is real D stays up at beta, and the generator is drawn to what it makes
        assert expected == pytest.approx(fake_target, abs=2e-3)


@pytest.mark.parametrize(("n_p", "n_q"), [(1, 1), (10, 1), (2, 7)])
def test_identity_11_class_counts_shift_the_logit(n_p, n_q):
    """Weighted by counts, the loss is least at log P/Q + log(n_P / n_Q)."""
    q = PAIRS["1, 1"]

    def loss(a):
        return n_p * expectation(P, real_term(a)) + n_q * expectation(q, fake_term(a))

    best = logit(P, q) + math.log(n_p / n_q)
    least = loss(best)
    shift = minimize_scalar(lambda c: loss(logit(P, q) + c), bracket=(-1, 1), tol=1e-8).x
    assert shift == pytest.approx(math.log(n_p / n_q), abs=1e-5)
    assert all(loss(best + other) > least for other in (0.05 * X.sin(), 0.05 * X.cos(), 0.01 * X))


def test_identity_12_a_constant_discriminator_leaves_the_generator_no_curvature():
    """Second derivatives of its cost vanish where D does not depend on x: no equilibrium is seen in them."""
    z = torch.randn(16, 2, dtype=torch.float64)

    def cost(loss, slope):
        def of(theta):
            x = torch.tanh(z @ theta[:4].view(2, 2)) * theta[4:]
            return loss.generator(slope * x.sum(1) + 0.3)

        return torch.autograd.functional.hessian(of, torch.randn(6, dtype=torch.float64))

    for loss in (minimax, nonsaturating):
        assert torch.equal(cost(loss, 0.0), torch.zeros(6, 6, dtype=torch.float64))
        assert cost(loss, 1.0).abs().max() > 1e-3


def test_identity_13_self_contrast_has_half_the_gradient_of_likelihood():
    """The model against a copy of itself as noise, the logit log p_model - log p_noise: at the copy, and only there,
    the gradient of V is half that of E_P log p_model."""
    theta = 0.7

    def contrast(mean, noise):
        return value(P, gaussian(noise, 1), logit(gaussian(mean, 1), gaussian(noise, 1)))

    likelihood = slope(lambda mean: expectation(P, gaussian(mean, 1).log_density(X)), theta)
    assert slope(lambda mean: contrast(mean, theta), theta) == pytest.approx(likelihood / 2, abs=1e-6)
    assert slope(lambda mean: contrast(mean, 0.2), theta) != pytest.approx(likelihood / 2, abs=1e-2)


def test_identity_36_the_duality_gap_is_zero_at_the_equilibrium_and_positive_beside_it():
    """M is half of V. At D = 1/2 no generator changes it, and where P = Q no discriminator does."""
    half = torch.zeros_like(X)
    for q in PAIRS.values():
        best = value(P, q, logit(P, q)) / 2
        assert value(P, q, half) / 2 == pytest.approx(-LOG_2, abs=1e-6)
        assert best - -LOG_2 == pytest.approx(js(P, q), abs=1e-6)
        assert best > -LOG_2
    for a in (half, X, torch.sin(3 * X)):
        assert value(P, P, a) / 2 <= -LOG_2 + 1e-6
