"""Adversarial losses: closed forms, optima by quadrature, stability."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from zerosum.losses import ADVERSARIAL, least_squares, maximum_likelihood, minimax, nonsaturating, relativistic_pairing

LOG_2 = math.log(2)
ZERO = torch.zeros(8, 1, dtype=torch.float64)


def total(terms):
    return float(sum(terms.values()))


@pytest.mark.parametrize("loss", ADVERSARIAL.values(), ids=lambda loss: loss.name)
def test_value_at_the_optimum(loss):
    """Where P = Q the optimal critic is constant: half way between the targets, or 0."""
    best = ZERO + (0.5 if loss is least_squares else 0)
    assert total(loss.discriminator(best, best)) == pytest.approx(loss.value, abs=1e-12)


def test_identity_1_constant_half():
    terms = minimax.discriminator(ZERO, ZERO)
    assert total(terms) == pytest.approx(1.386294361, abs=1e-9)
    assert float(nonsaturating.generator(ZERO)) == pytest.approx(LOG_2)
    assert float(minimax.generator(ZERO)) == pytest.approx(-LOG_2)


def test_discriminator_is_binary_cross_entropy():
    real, fake = torch.randn(2, 50, 1, dtype=torch.float64)
    expected = binary_cross_entropy_with_logits(real, torch.ones_like(real)) + binary_cross_entropy_with_logits(
        fake, torch.zeros_like(fake)
    )
    assert total(minimax.discriminator(real, fake)) == pytest.approx(float(expected), abs=1e-12)


BOUNDED = [loss for loss in ADVERSARIAL.values() if loss is not maximum_likelihood]  # which is an exponential


@pytest.mark.parametrize("logit", [-1000.0, 1000.0])
@pytest.mark.parametrize("loss", BOUNDED, ids=lambda loss: loss.name)
def test_identity_2_finite_at_any_logit(loss, logit):
    fake = torch.full((4, 1), logit, requires_grad=True)
    real = torch.full((4, 1), -logit, requires_grad=True)
    value = sum(loss.discriminator(real, fake).values()) + loss.generator(fake, real)
    slopes = torch.autograd.grad(value, (real, fake))
    assert value.isfinite()
    assert all(s.isfinite().all() for s in slopes)


def test_identity_3_generator_slopes():
    """dL_ns/da = -(1 - D), dL_mm/da = -D; at D = 1e-4 the ratio is 9999."""
    d = torch.tensor([0.3, 0.9, 1e-4], dtype=torch.float64)
    logits = torch.logit(d).requires_grad_()
    (ns,) = torch.autograd.grad(3 * nonsaturating.generator(logits), logits)
    (mm,) = torch.autograd.grad(3 * minimax.generator(logits), logits)
    torch.testing.assert_close(ns, -(1 - d))
    torch.testing.assert_close(mm, -d)
    torch.testing.assert_close(ns + mm, -torch.ones_like(d))
    assert float(ns[2] / mm[2]) == pytest.approx(9999, rel=1e-9)


def test_identity_5_value_of_the_optimal_discriminator():
    """V(D*, G) = -log 4 + 2 JS on N(0,1) against N(1,1), by quadrature; no other logit does better."""
    x = torch.linspace(-12, 13, 200_001, dtype=torch.float64)
    p, q = (torch.exp(-((x - m) ** 2) / 2) / math.sqrt(2 * math.pi) for m in (0.0, 1.0))

    def value(logit):
        density = torch.stack([p * torch.nn.functional.logsigmoid(logit), q * torch.nn.functional.logsigmoid(-logit)])
        return float(torch.trapezoid(density.sum(0), x))

    best = p.log() - q.log()
    assert value(best) == pytest.approx(-1.163451, abs=1e-6)
    assert value(best + 0.1) < value(best)
    assert value(0.9 * best) < value(best)


RELATIVISTIC = [loss for loss in ADVERSARIAL.values() if loss.relativistic]


@pytest.mark.parametrize("loss", RELATIVISTIC, ids=lambda loss: loss.name)
def test_identity_24_relativistic(loss):
    """The value at a constant critic, invariance to a + c, and the generator's loss is the other side's."""
    constant = torch.full((6, 1), 3.7, dtype=torch.float64)
    assert total(loss.discriminator(constant, constant)) == pytest.approx(loss.value)
    assert float(loss.generator(constant, constant)) == pytest.approx(loss.value)
    real, fake = torch.randn(2, 40, 1, dtype=torch.float64)
    assert total(loss.discriminator(real + 5, fake + 5)) == pytest.approx(total(loss.discriminator(real, fake)))
    assert float(loss.generator(fake + 5, real + 5)) == pytest.approx(float(loss.generator(fake, real)))
    assert float(loss.generator(fake, real)) == pytest.approx(total(loss.discriminator(fake, real)))


def test_identity_24_relativistic_pairing():
    """log 2 at a constant critic; invariant to a + c; L_G - L_D = mean(a(x) - a(x'))."""
    constant = torch.full((6, 1), 3.7, dtype=torch.float64)
    assert total(relativistic_pairing.discriminator(constant, constant)) == pytest.approx(LOG_2)
    assert float(relativistic_pairing.generator(constant, constant)) == pytest.approx(LOG_2)
    real, fake = torch.randn(2, 40, 1, dtype=torch.float64)
    loss_d, loss_g = (
        total(relativistic_pairing.discriminator(real, fake)),
        float(relativistic_pairing.generator(fake, real)),
    )
    assert total(relativistic_pairing.discriminator(real + 5, fake + 5)) == pytest.approx(loss_d)
    assert loss_g - loss_d == pytest.approx(float((real - fake).mean()))


def test_a_relativistic_generator_asks_for_real_examples():
    with pytest.raises(ValueError, match=r"scored against real examples, got none; pass the logits of batch\[.x.\]"):
        relativistic_pairing.generator(ZERO)


@pytest.mark.parametrize("loss", RELATIVISTIC, ids=lambda loss: loss.name)
def test_every_relativistic_generator_asks_for_real_examples(loss):
    with pytest.raises(ValueError, match="scored against real examples, got none"):
        loss.generator(ZERO)


@pytest.mark.parametrize("loss", ADVERSARIAL.values(), ids=lambda loss: loss.name)
def test_the_generator_descends_upwards(loss):
    """A step down the generator's loss raises the logits of what it makes, wherever it stands below its aim."""
    fake = torch.full((4, 1), -0.5, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss.generator(fake, torch.zeros(4, 1, dtype=torch.float64)), fake)
    assert (slope < 0).all()
