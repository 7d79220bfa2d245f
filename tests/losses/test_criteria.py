"""Noise-contrastive and self-contrastive estimation, on Gaussians by quadrature."""

import math

import pytest
import torch

from tests.losses.test_identities import P, X as FINE
from zerosum.losses import noise_contrastive, self_contrastive

X = FINE[::20]
HALF_LOG_TWO_PI = math.log(2 * math.pi) / 2
TRUE = torch.tensor([0.0, 0.0, -HALF_LOG_TWO_PI], dtype=torch.float64)
"""Of N(0, 1): mean, log standard deviation, constant."""


def model(theta):
    """log p of a Gaussian whose constant is a parameter of its own."""
    return lambda x: -((x.squeeze(1) - theta[0]) ** 2) * (-2 * theta[1]).exp() / 2 + theta[2]


def gaussian(mean, log_std):
    """log p of a normalised one."""
    return model(torch.stack([mean, log_std, -log_std - HALF_LOG_TWO_PI]))


def noise(x):
    """log q of N(0.5, 3^2)."""
    return model(torch.tensor([0.5, math.log(3), -math.log(3) - HALF_LOG_TWO_PI], dtype=torch.float64))(x)


def in_expectation(terms, law_of_fakes):
    """A loss given point by point, over N(0, 1) as real and a law of generated ones."""
    weights = {"real": P.log_density(X).exp(), "fake": law_of_fakes(X).detach().exp()}
    return sum(torch.trapezoid(weights[side] * terms(X)[side], X.squeeze(1)) for side in weights)


def each(loss):
    """Its terms at every point alone, differentiable in what it closes over."""
    return lambda x: torch.vmap(lambda point: loss(point[None], point[None]))(x)


def contrast(theta):
    return in_expectation(each(lambda real, fake: noise_contrastive(model(theta), noise, real, fake)), noise)


def test_noise_contrast_has_no_slope_at_the_truth_in_its_constant_either():
    theta = TRUE.clone().requires_grad_()
    gradient = torch.autograd.grad(contrast(theta), theta)[0]
    assert gradient.abs().max() < 1e-9
    hessian = torch.autograd.functional.hessian(contrast, TRUE)
    assert torch.linalg.eigvalsh(hessian).min() > 1e-3


@pytest.mark.parametrize("start", [(1.0, 0.5, 0.0), (-1.0, -0.4, -3.0)])
def test_noise_contrast_finds_mean_width_and_constant(start):
    theta = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([theta], max_iter=60, line_search_fn="strong_wolfe", tolerance_grad=1e-10)

    def closure():
        search.zero_grad()
        loss = contrast(theta)
        loss.backward()
        return loss

    search.step(closure)
    torch.testing.assert_close(theta.detach(), TRUE, atol=1e-5, rtol=0)


def test_noise_contrast_is_two_cross_entropies():
    """D = p / (p + q), written out."""
    real, fake = torch.randn(7, 1, dtype=torch.float64), torch.randn(9, 1, dtype=torch.float64)
    p = model(torch.tensor([0.3, 0.2, -1.0], dtype=torch.float64))

    def d(x):
        return p(x).exp() / (p(x).exp() + noise(x).exp())

    terms = noise_contrastive(p, noise, real, fake)
    assert float(terms["real"]) == pytest.approx(float(-d(real).log().mean()))
    assert float(terms["fake"]) == pytest.approx(float(-(1 - d(fake)).log().mean()))


@pytest.mark.parametrize(("mean", "log_std"), [(0.7, 0.0), (-1.0, 0.4)])
def test_identity_13_self_contrast_has_half_the_gradient_of_likelihood(mean, log_std):
    """Against autograd through the likelihood by quadrature, in mean and width; and the value is 2 log 2."""
    theta = torch.tensor([mean, log_std], dtype=torch.float64, requires_grad=True)
    law = gaussian(*theta)
    loss = in_expectation(each(lambda real, fake: self_contrastive(law, real, fake)), law)
    likelihood = torch.trapezoid(P.log_density(X).exp() * law(X), X.squeeze(1))
    assert float(loss.detach()) == pytest.approx(2 * math.log(2), abs=1e-9)
    ours, theirs = (torch.autograd.grad(value, theta, retain_graph=True)[0] for value in (loss, likelihood))
    assert theirs.abs().max() > 0.1
    torch.testing.assert_close(ours, -theirs / 2, atol=1e-8, rtol=0)


def test_self_contrast_on_a_batch_is_half_of_the_two_mean_scores():
    """Without expectations too; nothing flows to the examples of the model."""
    theta = torch.tensor([0.4, -0.2], dtype=torch.float64, requires_grad=True)
    real, fake = torch.randn(6, 1, dtype=torch.float64), torch.randn(8, 1, dtype=torch.float64).requires_grad_()
    loss = sum(self_contrastive(gaussian(*theta), real, fake).values())
    score = gaussian(*theta)(fake.detach()).mean() / 2 - gaussian(*theta)(real).mean() / 2
    ours, theirs = (torch.autograd.grad(value, theta, retain_graph=True)[0] for value in (loss, score))
    torch.testing.assert_close(ours, theirs)
    assert torch.autograd.grad(loss, fake, allow_unused=True)[0] is None
