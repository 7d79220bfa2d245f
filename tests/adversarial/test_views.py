"""Views: ranges, labels, augmentation, gradients, the sliced head; on networks in closed form."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from zerosum.adversarial import ImageOptions, Views, zero_centered_penalty
from zerosum.adversarial.options import TRANSFORMS
from zerosum.data import DataSpec
from zerosum.game import Networks
from zerosum.networks import SlicedHead, augment, sliced
from zerosum.sources import Labels

SHAPE = (1, 2, 2)
SPEC = DataSpec.of("squares", "image", SHAPE, classes=3, count=100, shares=(0.5, 0.25, 0.25))


class Generator(nn.Module):
    """An image of one value: the latent, shifted by the label."""

    def forward(self, z, label=None):
        value = z[:, :1] + (0 if label is None else 0.1 * label[:, None])
        return value[:, :, None, None].expand(-1, *SHAPE) * torch.ones(())


class Head(nn.Linear):
    def forward(self, h, label=None):
        return super().forward(h) + (0 if label is None else 10.0 * label[:, None])


class Discriminator(nn.Module):
    """A logit linear in the pixels, plus ten times the label."""

    def __init__(self):
        super().__init__()
        self.features = nn.Flatten()
        self.head = Head(4, 1)

    def forward(self, x, label=None):
        return self.head(self.features(x), label)


@dataclass(frozen=True)
class Options(ImageOptions):
    pass


def made(classes=None, **options):
    torch.manual_seed(0)
    views = Views(SPEC, Generator(), Discriminator(), Options(**options), classes)
    return views, Networks(views.networks)


def batch(n=6, views=None, **fields):
    draw = torch.Generator().manual_seed(1)
    held = {
        "x": torch.rand(n, *SHAPE, generator=draw),
        "z": 2 * torch.rand(n, 1, generator=draw) - 1,
        "label": torch.arange(n) % 3,
        "examples": torch.tensor(0),
    }
    for name, prior in (views.priors if views else {}).items():
        held[name] = prior(n, draw)
    return held | fields


def test_outside_images_are_in_0_to_1():
    views, net = made()
    held = batch()
    shown = views.outputs["sample"](net, {"z": torch.tensor([[-1.0], [0.0], [1.0], [3.0]])})
    assert shown[:, 0, 0, 0].tolist() == [0, 0.5, 1, 1]
    logit = views.outputs["score"](net, held)
    torch.testing.assert_close(logit, net.discriminator(2 * held["x"] - 1).squeeze(1))


def test_views_are_in_the_networks_range():
    views, net = made()
    held = batch()
    real, fake = views.pair(net, held)
    assert torch.equal(real.x, 2 * held["x"] - 1)
    assert torch.equal(real.logits, net.discriminator(real.x))
    assert torch.equal(fake.x, net.generator(held["z"]))
    assert torch.equal(fake.logits, net.discriminator(fake.x))
    assert (real.label, real.features, real.direction) == (None, None, None)
    assert views.option_terms(net, real, fake) == {}
    assert torch.equal(views.fake(net, held).logits, fake.logits)
    assert torch.equal(views.at(net, held, fake.x).logits, fake.logits)


def test_networks_without_options_work_on_examples_as_they_are():
    views = Views(SPEC, Generator(), Discriminator(), symmetric=False)
    net, held = Networks(views.networks), batch()
    assert torch.equal(views.real(net, held).x, held["x"])
    assert torch.equal(views.outputs["sample"](net, held), net.generator(held["z"]))
    assert torch.equal(views.outputs["score"](net, held), net.discriminator(held["x"]).squeeze(1))
    assert (views.averages, views.priors, list(views.networks)) == ({}, {}, ["generator", "discriminator"])


def test_the_generator_gets_gradients_in_its_own_turn_alone():
    views, net = made()
    held = batch()
    held["z"].requires_grad_()
    assert not views.pair(net, held)[1].x.requires_grad
    assert views.fake(net, held).x.requires_grad


def test_gradient_penalties_are_in_the_papers_range():
    """Of a linear logit half its squared weights, before augmentation; half of that norm is R1."""
    views, net = made(augment="diffaugment")
    held = batch(views=views)
    held["augment"][:] = 1  # nothing is changed: the deciding number is not below 1
    expected = net.discriminator.head.weight.square().sum() / 2
    for view in (*views.pair(net, held, gradients=True), views.real(net, held, gradients=True)):
        torch.testing.assert_close(zero_centered_penalty(view.logits, view.x), expected)
    assert not any(view.x.requires_grad for view in views.pair(net, held))


def test_the_gradient_of_a_sliced_head_is_that_of_the_features():
    """Its direction is held and of length 1, so that of these features the norm is 1."""
    views, net = made(san=True)
    real = views.real(net, batch(), gradients=True)
    penalty = zero_centered_penalty(real.logits, real.x)
    assert not penalty.requires_grad
    assert float(penalty) == pytest.approx(0.5)


def test_a_pair_shares_the_label_of_its_real_image():
    views, net = made(classes=3)
    assert views.priors["fake_label"] == Labels(3, SPEC.shares)
    held = batch(views=views)
    label = held["label"]
    real, fake = views.pair(net, held)
    assert torch.equal(real.label, label)
    assert torch.equal(fake.label, label)
    assert torch.equal(real.logits, net.discriminator(2 * held["x"] - 1, label))
    assert torch.equal(fake.logits, net.discriminator(net.generator(held["z"], label), label))
    assert torch.equal(views.fake(net, held, same_labels=True).logits, fake.logits)
    drawn = held["fake_label"]
    alone = net.discriminator(net.generator(held["z"], drawn), drawn)
    assert torch.equal(views.fake(net, held).logits, alone)


def test_with_an_auxiliary_classifier_the_generator_alone_takes_the_label():
    torch.manual_seed(0)
    views = Views(SPEC, Generator(), Discriminator(), Options(), 3, auxiliary=True)
    net, held = Networks(views.networks), batch(views=views)
    fake = views.fake(net, held)
    assert torch.equal(fake.features, net.generator(held["z"], held["fake_label"]).flatten(1))
    assert torch.equal(fake.logits, net.discriminator(fake.x))


def test_outputs_of_networks_with_classes():
    views, net = made(classes=3)
    z = torch.zeros(2, 1)
    first, third = (
        views.outputs["decode"](net, {"z": z}),
        views.outputs["sample"](net, {"z": z, "fake_label": z[:, 0].long() + 2}),
    )
    assert first.unique().tolist() == [0.5]
    assert third.unique().tolist() == pytest.approx([0.6])
    held = batch()
    told = views.outputs["score"](net, held)
    untold = views.outputs["score"](net, {"x": held["x"]})
    torch.testing.assert_close(told - 10 * held["label"], untold - 10 * (0.25 + 2 * 0.25), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["diffaugment", "adaptive"])
def test_both_sides_are_augmented_by_numbers_of_their_own(kind):
    views, net = made(augment=kind)
    if kind == "adaptive":
        net.ada.p.fill_(0.7)
    held = batch(views=views)
    p = 0.7 if kind == "adaptive" else 1.0
    halves = held["augment"].chunk(2, 1)
    changed = [
        net.discriminator(augment(x, u, TRANSFORMS[kind], p))
        for x, u in zip((2 * held["x"] - 1, net.generator(held["z"])), halves, strict=True)
    ]
    for view, expected in zip(views.pair(net, held), changed, strict=True):
        torch.testing.assert_close(view.logits, expected)
    torch.testing.assert_close(views.fake(net, held).logits, changed[1])


def test_adaptive_augmentation_follows_the_discriminators_turn_alone():
    views, net = made(augment="adaptive", augment_examples=60)
    held = batch(views=views)
    net.discriminator.head.bias.data.fill_(100.0)
    views.fake(net, held)
    pair = views.pair(net, held)
    assert float(net.ada.p) == 0
    views.option_terms(net, *pair)
    assert float(net.ada.p) == pytest.approx(6 / 60)


def test_the_sliced_head_trains_features_and_direction_apart():
    views, net = made(san=True)
    held = batch()
    head = net.discriminator.head
    assert isinstance(head, SlicedHead)
    direction = normalize(head.weight, dim=1)
    real, fake = ((x.flatten(1) @ direction.T) for x in (2 * held["x"] - 1, net.generator(held["z"])))
    pair = views.pair(net, held)
    for view, expected in zip(pair, (real, fake), strict=True):
        torch.testing.assert_close(view.logits, expected)
        assert not view.logits.requires_grad  # these features have no parameters, and the direction is held
    terms = views.option_terms(net, *pair)
    torch.testing.assert_close(terms["direction"], fake.mean() - real.mean())
    (moved,) = torch.autograd.grad(terms["direction"], head.weight)
    assert moved.norm() > 0
    assert float((moved * head.weight.detach()).sum().abs()) < 1e-6  # a length says nothing


def test_either_half_of_the_sliced_head_is_held_while_the_other_learns():
    head, h = SlicedHead(4), torch.randn(3, 4).requires_grad_()
    function, direction = (part.sum() for part in head.parts(h))
    gradients = torch.autograd.grad(function, (h, head.weight), allow_unused=True)
    assert gradients[0].norm() > 0
    assert gradients[1] is None
    gradients = torch.autograd.grad(direction, (h, head.weight), allow_unused=True)
    assert gradients[0] is None
    assert gradients[1].norm() > 0


def test_the_direction_found_is_that_of_the_largest_difference():
    """By gradient descent on its term it becomes the difference of the mean features, the best of all directions."""
    head = SlicedHead(5)
    draw = torch.Generator().manual_seed(0)
    real, fake = torch.randn(500, 5, generator=draw) + 1, torch.randn(500, 5, generator=draw)
    for _ in range(300):
        term = head.parts(fake, None)[1].mean() - head.parts(real, None)[1].mean()
        (gradient,) = torch.autograd.grad(term, head.weight)
        head.weight.data -= 0.5 * gradient
    best = normalize((real.mean(0) - fake.mean(0))[None], dim=1)
    torch.testing.assert_close(normalize(head.weight.data, dim=1), best, atol=1e-3, rtol=0)


def test_a_sliced_head_with_classes_has_a_direction_each():
    discriminator = sliced(Discriminator(), SHAPE, 3)
    h, label = torch.randn(4, 4), torch.tensor([0, 2, 1, 2])
    directions = normalize(discriminator.head.weight, dim=1)
    torch.testing.assert_close(discriminator.head(h, label).squeeze(1), (h * directions[label]).sum(1))
    with pytest.raises(ValueError, match="has 3 classes and needs the label of every example"):
        discriminator.head(h)


def test_labels_come_in_their_shares():
    drawn = Labels(3, (2.0, 1.0, 1.0))(40_000, torch.Generator().manual_seed(0))
    assert (torch.bincount(drawn) / 40_000).tolist() == pytest.approx([0.5, 0.25, 0.25], abs=0.01)
    even = Labels(4)(40_000, torch.Generator().manual_seed(0))
    assert (torch.bincount(even) / 40_000).tolist() == pytest.approx([0.25] * 4, abs=0.01)
    with pytest.raises(ValueError, match="every label needs its share, got 2 for 3 labels"):
        Labels(3, (0.5, 0.5))


def test_the_average_is_young_at_first():
    views, _ = made(average_halflife=1000, average_rampup=0.1)
    ramp = views.averages["generator"]
    assert [float(ramp(torch.tensor(n))) for n in (0, 100, 5_000, 10_000, 99_000)] == [0, 10, 500, 1000, 1000]
