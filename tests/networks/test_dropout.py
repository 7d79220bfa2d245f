import pytest
import torch
from torch import nn

from zerosum.networks import Dropout


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_identity_41_inverse_dropout(p):
    """What is kept is scaled so that keep * scale = 1: the expectation stays, and evaluation needs no factor."""
    torch.manual_seed(0)
    layer, x = Dropout(p), torch.ones(1_000_000)
    out = layer(x)
    nothing, scale = sorted(set(out.tolist()))
    assert nothing == 0
    assert scale == pytest.approx(1 / (1 - p), rel=1e-4)
    kept = (out > 0).double()
    assert float(kept.mean()) == pytest.approx(1 - p, abs=5 * (p * (1 - p) / 1e6) ** 0.5)
    # Entries are independent: of their neighbours, and of those four apart, which share a drawn word.
    for lag in (1, 2, 3, 4, 8):
        covariance = float((kept[lag:] * kept[:-lag]).mean() - kept.mean() ** 2)
        assert abs(covariance) < 5 * p * (1 - p) / 1000
    assert torch.equal(layer.eval()(x), x)


def test_the_scale_is_that_of_the_rounded_probability():
    """Exactly: the share of the 2^16 levels that are kept, times the factor, is 1."""
    layer = Dropout(0.3)
    scale = float(layer(torch.ones(100, dtype=torch.float64)).max())
    assert scale * round(0.7 * 65_536) / 65_536 == 1


@pytest.mark.parametrize("shape", [(), (1,), (3,), (5, 7), (2, 3, 4, 5), (0, 4)])
def test_any_shape(shape):
    x = torch.ones(shape)
    assert Dropout(0.5)(x).shape == x.shape


def test_the_gradient_passes_where_the_entry_did():
    x = torch.randn(1000, requires_grad=True)
    out = Dropout(0.5)(x)
    out.sum().backward()
    torch.testing.assert_close(x.grad, (out != 0).float() * 2)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_at_the_ends_it_keeps_all_or_nothing(p):
    x = torch.randn(100)
    assert torch.equal(Dropout(p)(x), (1 - p) * x)


def test_noise_follows_the_seed_and_the_dtype_the_input():
    layer, x = Dropout(0.5), torch.ones(999, dtype=torch.bfloat16)
    torch.manual_seed(1)
    one = layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), one)
    assert not torch.equal(layer(x), one)
    assert one.dtype == torch.bfloat16


def test_it_is_a_dropout_for_whoever_looks_for_one():
    assert isinstance(Dropout(0.5), nn.Dropout)
    with pytest.raises(ValueError, match="probability"):
        Dropout(1.5)
