"""Conditional batch norm, projection and standing statistics against what they stand for."""

import copy
import functools

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot

from zerosum.losses import nonsaturating
from zerosum.networks import (
    ConditionalBatchNorm2d,
    ModulatedBatchNorm2d,
    ProjectionHead,
    spectral_norm,
    standing_statistics,
)


def double(*size):
    return torch.randn(*size, dtype=torch.float64)


def filled(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module.double()


def test_without_a_condition_both_are_batch_norm():
    """A new one of labels, and one of vectors whose matrices are 0, with the same running statistics after."""
    plain, labelled, modulated = nn.BatchNorm2d(3).double(), ConditionalBatchNorm2d(3, 5), ModulatedBatchNorm2d(3, 4)
    for linear in (modulated.gain, modulated.shift):
        nn.init.zeros_(linear.weight)
    given = ((labelled.double(), torch.arange(5)), (modulated.double(), double(5, 4)))
    for mode in (True, False):
        x = 3 * double(5, 3, 6, 6) + 1
        wanted = plain.train(mode)(x)
        for norm, condition in given:
            torch.testing.assert_close(norm.train(mode)(x, condition), wanted)
            torch.testing.assert_close(norm.norm.running_var, plain.running_var)


def test_a_label_chooses_the_gains_and_shifts():
    norm, x, label = filled(ConditionalBatchNorm2d(3, 5)), double(4, 3, 6, 6), torch.tensor([4, 0, 0, 2])
    normal = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    for n, y in enumerate(label):
        wanted = norm.gain[y][:, None, None] * normal[n] + norm.shift[y][:, None, None]
        torch.testing.assert_close(norm(x, label)[n], wanted)


def test_vectors_that_are_labels():
    labelled, modulated = filled(ConditionalBatchNorm2d(3, 5)), ModulatedBatchNorm2d(3, 5).double()
    with torch.no_grad():
        modulated.gain.weight.copy_(labelled.gain.T - 1)
        modulated.shift.weight.copy_(labelled.shift.T)
    x, label = double(4, 3, 6, 6), torch.tensor([4, 0, 0, 2])
    torch.testing.assert_close(modulated(x, one_hot(label, 5).double()), labelled(x, label))


def test_spectral_norm_leaves_gains_of_labels():
    norm = spectral_norm(ConditionalBatchNorm2d(3, 5))
    assert {name for name, _ in norm.named_parameters()} == {"gain", "shift"}
    assert torch.equal(norm.gain, torch.ones(5, 3))


def test_a_projection_is_one_hot_times_the_matrix():
    head, h, label = filled(ProjectionHead(6, 5)), double(4, 6), torch.tensor([4, 0, 0, 2])
    wanted = torch.einsum("nk,kf,nf->n", one_hot(label, 5).double(), head.embedding.weight, h)
    wanted = wanted + h @ head.linear.weight[0] + head.linear.bias
    torch.testing.assert_close(head(h, label), wanted[:, None])


def test_without_the_projection_labels_do_not_matter():
    """V = 0 is the unconditional head, which asks for no label."""
    head, plain, h = filled(ProjectionHead(6, 5)), ProjectionHead(6).double(), double(4, 6)
    plain.linear.load_state_dict(head.linear.state_dict())
    nn.init.zeros_(head.embedding.weight)
    for label in (torch.arange(4), torch.full((4,), 3)):
        assert torch.equal(head(h, label), plain(h))
        assert torch.equal(plain(h, label), plain(h))
    with pytest.raises(ValueError, match="has 5 classes and needs the label of every example"):
        head(h)


def test_the_projections_matrix_has_spectral_norm_one():
    head = spectral_norm(filled(ProjectionHead(6, 5)))
    for _ in range(100):
        head(double(4, 6), torch.arange(4))
    head.eval()
    for weight in (head.embedding.weight, head.linear.weight):
        assert float(torch.linalg.matrix_norm(weight.detach(), 2)) == pytest.approx(1, abs=1e-6)
    h, label = double(4, 6), torch.tensor([4, 0, 0, 2])
    wanted = (one_hot(label, 5).double() @ head.embedding.weight * h).sum(1, keepdim=True) + head.linear(h)
    torch.testing.assert_close(head(h, label), wanted)


def test_the_best_logit_is_the_log_odds_of_labels():
    """Unit normals at -1 and 1 with their labels, against one at 0 whose labels are drawn alone.

    log P(x, y) / Q(x, y) is -x - 1/2 and x - 1/2, linear in the feature x.
    """
    torch.manual_seed(0)
    n = 100_000
    label, fake_label = torch.randint(2, (2, n))
    x, fake = double(n, 1) + 2 * label[:, None] - 1, double(n, 1)
    head = ProjectionHead(1, 2).double()
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=40, line_search_fn="strong_wolfe")

    def loss():
        optimiser.zero_grad()
        value = nonsaturating.discriminator(head(x, label), head(fake, fake_label))
        total = value["real"] + value["fake"]
        total.backward()
        return total

    optimiser.step(loss)
    points = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    low, high = (head(points, torch.full((9,), y)) for y in (0, 1))
    torch.testing.assert_close(low, -points - 0.5, rtol=0, atol=0.05)
    torch.testing.assert_close(high - low, 2 * points, rtol=0, atol=0.1)


def network():
    return nn.Sequential(nn.Linear(4, 12), nn.Unflatten(1, (3, 2, 2)), nn.BatchNorm2d(3), nn.Dropout(0.5)).double()


def test_standing_statistics_are_means_over_the_batches():
    """Of the batches' means and unbiased variances; weights, modes and momenta stay as they were."""
    net = network()
    net[2](torch.full((2, 3, 2, 2), 7.0).double())
    net[3].eval()
    before = copy.deepcopy(net)
    batches = [double(8, 4) for _ in range(5)]
    standing_statistics([net], (functools.partial(net, z) for z in batches))
    hidden = [net[:2](z).transpose(0, 1).flatten(1) for z in batches]
    torch.testing.assert_close(net[2].running_mean, torch.stack([h.mean(1) for h in hidden]).mean(0))
    torch.testing.assert_close(net[2].running_var, torch.stack([h.var(1) for h in hidden]).mean(0))
    assert [m.training for m in net.modules()] == [m.training for m in before.modules()]
    assert net[2].momentum == 0.1
    for parameter, kept in zip(net.parameters(), before.parameters(), strict=True):
        assert torch.equal(parameter, kept)


def test_standing_statistics_need_a_batch():
    net = network()
    net[2](torch.full((2, 3, 2, 2), 7.0).double())
    kept = net[2].running_mean.clone()
    with pytest.raises(ValueError, match="at least one is needed, got none"):
        standing_statistics([net], [])
    assert torch.equal(net[2].running_mean, kept)
    assert net.training


def test_batch_norms_out_of_reach_keep_their_statistics():
    net, other = network(), network()
    other[2](torch.full((2, 3, 2, 2), 7.0).double())
    kept = copy.deepcopy(other[2].state_dict())
    standing_statistics([net, other], [functools.partial(net, double(8, 4))])
    assert other[2].state_dict().keys() == kept.keys()
    assert all(torch.equal(other[2].state_dict()[key], kept[key]) for key in kept)
    assert float(net[2].num_batches_tracked) == 1


def test_without_batch_norms_no_call_is_made():
    calls = []
    standing_statistics([nn.Linear(2, 2)], [lambda: calls.append(1)])
    assert not calls
