"""Every pair at its optimum: on laws over few points, where the losses are exact, and on Gaussians by quadrature."""

import math

import pytest
import torch

from tests.losses.test_identities import PAIRS, P, X, expectation, integral, logit, slope
from zerosum.data.toys import gaussian
from zerosum.losses import ADVERSARIAL, hinge, least_squares_pearson, maximum_likelihood, reverse_kl, wasserstein

COUNTS_P, COUNTS_Q = torch.tensor([5, 3, 2, 0]), torch.tensor([1, 3, 4, 2])
"""Of ten examples each; a batch of all pairs has every product of the two laws."""

DENSITY_P, DENSITY_Q = COUNTS_P.double() / 10, COUNTS_Q.double() / 10
TILT = (DENSITY_P - DENSITY_Q) / (DENSITY_P + DENSITY_Q)
T = float(((DENSITY_P - DENSITY_Q).square() / (DENSITY_P + DENSITY_Q)).sum())


def discriminators_loss(loss, critic):
    """Exact: the critic's values at the four points, each as often as the laws have it."""
    real, fake = critic.repeat_interleave(COUNTS_P), critic.repeat_interleave(COUNTS_Q)
    real, fake = real.repeat_interleave(10), fake.repeat(10)
    return sum(loss.discriminator(real.unsqueeze(1), fake.unsqueeze(1)).values())


OPTIMA = {
    "least_squares": DENSITY_P / (DENSITY_P + DENSITY_Q),
    "least_squares_pearson": TILT,
    "hinge": TILT.sign(),
    "relativistic_pairing_least_squares": 2 / (2 + T) * TILT + 0.3,
    "relativistic_average_least_squares": 4 / (2 + 3 * T) * TILT - 2,
}


@pytest.mark.parametrize("name", OPTIMA)
def test_the_optimal_critic_is_as_stated(name):
    """No critic near it does better, in any direction; the smooth ones have no slope there."""
    loss, best = ADVERSARIAL[name], OPTIMA[name].clone().requires_grad_()
    least = discriminators_loss(loss, best)
    if name != "hinge":
        (gradient,) = torch.autograd.grad(least, best)
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-12, rtol=0)
    best, least = best.detach(), least.detach()
    directions = torch.randn(200, 4, dtype=torch.float64)
    for step in (0.01, 0.3):
        others = torch.stack([discriminators_loss(loss, best + step * direction) for direction in directions])
        assert float(others.min()) >= float(least) - 1e-12


LOGISTIC = ["minimax", "nonsaturating", "maximum_likelihood", "reverse_kl", "relativistic_pairing"]


@pytest.mark.parametrize("name", LOGISTIC)
def test_the_optimal_critic_is_the_log_ratio(name):
    """On the points that both laws have."""
    counts = slice(0, 3)
    p, q = COUNTS_P[counts], torch.tensor([2, 3, 5])
    best = (p.double().log() - q.double().log()).requires_grad_()
    real, fake = best.repeat_interleave(p).repeat_interleave(10), best.repeat_interleave(q).repeat(10)
    least = sum(ADVERSARIAL[name].discriminator(real.unsqueeze(1), fake.unsqueeze(1)).values())
    (gradient,) = torch.autograd.grad(least, best)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-12, rtol=0)


def test_values_of_the_relativistic_squares():
    pairing = discriminators_loss(
        ADVERSARIAL["relativistic_pairing_least_squares"], OPTIMA["relativistic_pairing_least_squares"]
    )
    assert float(pairing) == pytest.approx((2 - T) / (2 + T), abs=1e-12)


def over_the_line(loss, side):
    """What the loss of one side is the mean of, logit by logit."""
    return torch.vmap(lambda a: loss.discriminator(a, a)[side])


def value(loss, p, q, a):
    return expectation(p, over_the_line(loss, "real")(a)) + expectation(q, over_the_line(loss, "fake")(a))


def test_identity_08_what_the_generators_descend():
    """D frozen at D*, P = N(0, 1), Q = N(0.7, 1): maximum likelihood has the gradient of KL(P, Q), reverse KL that of
    KL(Q, P), and reverse KL is non-saturating and minimax together."""
    frozen = logit(P, gaussian(0.7, 1))

    def descends(loss):
        def cost(mean):
            # exp(a) overflows far out, where the density is 0: log density and logit are added first
            if loss is maximum_likelihood:
                return -integral((gaussian(mean, 1).log_density(X) + frozen.squeeze(1)).exp())
            return expectation(gaussian(mean, 1), torch.vmap(loss.generator)(frozen))

        return slope(cost, 0.7)

    assert float(maximum_likelihood.generator(torch.tensor([[0.0], [1.0]]))) == pytest.approx(-(1 + math.e) / 2)
    assert descends(maximum_likelihood) == pytest.approx(0.7, abs=1e-6)
    assert descends(reverse_kl) == pytest.approx(0.7, abs=1e-6)
    together = descends(ADVERSARIAL["nonsaturating"]) + descends(ADVERSARIAL["minimax"])
    assert together == pytest.approx(descends(reverse_kl), abs=1e-9)


def test_identity_18_least_squares():
    """a* = (P - Q) / (P + Q); N(0, 1) and N(1, 1) are 0.408109 apart, and L_D is one less half of it."""
    q = PAIRS["1, 1"]
    best = torch.tanh(logit(P, q) / 2)
    distance = integral(
        (P.log_density(X).exp() - q.log_density(X).exp()).square()
        / (P.log_density(X).exp() + q.log_density(X).exp()).clamp(min=1e-300)
    )
    assert distance == pytest.approx(0.408109, abs=1e-6)
    assert value(least_squares_pearson, P, q, best) == pytest.approx(1 - distance / 2, abs=1e-9)
    # What its generator descends at the optimum, with the part that is real: twice C(G) in the paper.
    costs = [expectation(law, (best.squeeze(1)).square()) for law in (P, q)]
    assert sum(costs) == pytest.approx(distance, abs=1e-9)


def test_identity_19_hinge():
    """a* = sign(P - Q), L_D = 2 - 2 TV = 1.234150 on N(0, 1) and N(1, 1); 2 at a = 0."""
    q = PAIRS["1, 1"]
    # The critic jumps at x = 1/2, where the trapezoid rule errs by a cell.
    assert value(hinge, P, q, logit(P, q).sign()) == pytest.approx(1.234150, abs=1e-6)
    assert value(hinge, P, q, torch.zeros_like(X)) == pytest.approx(2, abs=1e-9)


@pytest.mark.parametrize("shift", [0.5, -2.0])
def test_identity_20_wasserstein_of_a_shift(shift):
    """W1 on the line is the mean distance of sorted samples; a critic of slope 1 attains it, and none does better."""
    real = torch.randn(500, 1, dtype=torch.float64)
    fake = real + shift
    distance = (real.sort(0).values - fake.sort(0).values).abs().mean()
    assert float(distance) == pytest.approx(abs(shift))
    best = -math.copysign(1, shift)
    terms = wasserstein.discriminator(best * real, best * fake)
    assert float(sum(terms.values())) == pytest.approx(-float(distance))
    for other in (torch.sin, torch.tanh, lambda x: x.abs(), lambda x: -x * best):
        assert float(sum(wasserstein.discriminator(other(real), other(fake)).values())) >= -float(distance) - 1e-9


def test_wasserstein_of_unequal_laws():
    """Against scipy's, on samples of different laws; the potential is the slope the sorted order tells."""
    from scipy.stats import wasserstein_distance

    real, fake = torch.randn(300, dtype=torch.float64), torch.rand(300, dtype=torch.float64) * 3 - 1
    expected = wasserstein_distance(real, fake)
    points = torch.cat([real, fake]).sort().values
    ahead = torch.searchsorted(fake.sort().values, points, right=True) - torch.searchsorted(
        real.sort().values, points, right=True
    )  # n times the difference of the distribution functions, constant between points
    steps = ahead[:-1].sign() * points.diff()
    potential = dict(zip(points.tolist(), torch.cat([torch.zeros(1), steps.cumsum(0)]).tolist(), strict=True))
    on_real, on_fake = (torch.tensor([[potential[float(x)]] for x in side]) for side in (real, fake))
    found = float(sum(wasserstein.discriminator(on_real, on_fake).values()))
    assert abs(found) == pytest.approx(expected, abs=1e-6)
