"""What image recipes share: ranges, labels, augmentation, penalties, the sliced head; on networks in closed form."""

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize, softplus

from zerosum.adversarial import ImageConfig, Images
from zerosum.adversarial.images import CHANGES, now
from zerosum.data import DataSpec
from zerosum.game import Networks, half_cosine
from zerosum.losses import hinge, nonsaturating, relativistic_pairing
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


def made(classes=None, **switches):
    torch.manual_seed(0)
    images = Images(ImageConfig(**switches), SPEC, Generator(), Discriminator(), classes)
    return images, Networks(images.networks)


def batch(n=6, images=None, **fields):
    draw = torch.Generator().manual_seed(1)
    held = {
        "x": torch.rand(n, *SHAPE, generator=draw),
        "z": 2 * torch.rand(n, 1, generator=draw) - 1,
        "label": torch.arange(n) % 3,
        "examples": torch.tensor(0),
    }
    for name, prior in (images.priors if images else {}).items():
        held[name] = prior(n, draw)
    return held | fields


def test_outside_images_are_in_0_to_1():
    images, net = made()
    held = batch()
    shown = images.outputs["sample"](net, {"z": torch.tensor([[-1.0], [0.0], [1.0], [3.0]])})
    assert shown[:, 0, 0, 0].tolist() == [0, 0.5, 1, 1]
    logit = images.outputs["score"](net, held)
    torch.testing.assert_close(logit, net.discriminator(2 * held["x"] - 1).squeeze(1))


def test_objectives_are_the_pairs_losses():
    images, net = made()
    held = batch()
    real, fake = net.discriminator(2 * held["x"] - 1), net.discriminator(net.generator(held["z"]))
    terms = images.tell_apart(nonsaturating)(net, held)
    assert terms == nonsaturating.discriminator(real, fake)
    torch.testing.assert_close(images.fool(nonsaturating)(net, held)["fool"], softplus(-fake).mean())
    paired = images.fool(relativistic_pairing)(net, held)["fool"]
    torch.testing.assert_close(paired, softplus(-(fake - real)).mean())


@pytest.mark.parametrize("ramp", [False, True])
def test_penalties_are_on_slopes_in_the_papers_range(ramp):
    """Of a linear logit both are half its squared weights, times a weight that may be a ramp over images."""
    images, net = made(augment="diffaugment")
    weight = half_cosine(2.0, 0.5, 1000) if ramp else 2.0
    held = batch(images=images)
    held["augment"][:] = 1  # nothing is changed: the deciding number is not below 1
    for seen, factor in ((0, 2.0), (1000, 0.5 if ramp else 2.0)):
        held["examples"] = torch.tensor(seen)
        terms = images.tell_apart(nonsaturating, r1=weight, r2=weight)(net, held)
        expected = factor / 2 * net.discriminator.head.weight.square().sum()
        torch.testing.assert_close(terms["r1"], expected)
        torch.testing.assert_close(terms["r2"], expected)
        assert float(now(weight, held)) == pytest.approx(factor)
    assert "r1" not in images.tell_apart(nonsaturating)(net, held)


@pytest.mark.parametrize("switches", [{}, {"san": True}, {"augment": "diffaugment"}])
def test_slopes_at_real_images_by_themselves_are_the_discriminators_term(switches):
    """With the sliced head the direction is held and of length 1, so that of these features the slope is 1."""
    images, net = made(**switches)
    held = batch(images=images)
    alone = images.steepness(3.0)(net, held)
    together = images.tell_apart(nonsaturating, r1=3.0)(net, held)["r1"]
    assert list(alone) == ["r1"]
    torch.testing.assert_close(alone["r1"], together)
    if "san" in switches:
        assert not alone["r1"].requires_grad
        assert float(alone["r1"]) == pytest.approx(1.5)


def test_a_pair_shares_the_label_of_its_real_image():
    images, net = made(classes=3)
    assert images.priors["fake_label"] == Labels(3, SPEC.shares)
    held = batch(images=images)
    label = held["label"]
    real = net.discriminator(2 * held["x"] - 1, label)
    fake = net.discriminator(net.generator(held["z"], label), label)
    assert images.tell_apart(hinge)(net, held) == hinge.discriminator(real, fake)
    paired = images.fool(relativistic_pairing)(net, held)["fool"]
    torch.testing.assert_close(paired, softplus(-(fake - real)).mean())
    drawn = held["fake_label"]
    alone = net.discriminator(net.generator(held["z"], drawn), drawn)
    torch.testing.assert_close(images.fool(hinge)(net, held)["fool"], -alone.mean())


def test_answers_of_networks_with_classes():
    images, net = made(classes=3)
    z = torch.zeros(2, 1)
    first, third = (
        images.outputs["decode"](net, {"z": z}),
        images.outputs["sample"](net, {"z": z, "fake_label": z[:, 0].long() + 2}),
    )
    assert first.unique().tolist() == [0.5]
    assert third.unique().tolist() == pytest.approx([0.6])
    held = batch()
    told = images.outputs["score"](net, held)
    untold = images.outputs["score"](net, {"x": held["x"]})
    torch.testing.assert_close(told - 10 * held["label"], untold - 10 * (0.25 + 2 * 0.25), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["diffaugment", "adaptive"])
def test_both_sides_are_augmented_by_numbers_of_their_own(kind):
    images, net = made(augment=kind)
    if kind == "adaptive":
        net.strength.p.fill_(0.7)
    held = batch(images=images)
    p = 0.7 if kind == "adaptive" else 1.0
    halves = held["augment"].chunk(2, 1)
    changed = [
        net.discriminator(augment(x, u, CHANGES[kind], p))
        for x, u in zip((2 * held["x"] - 1, net.generator(held["z"])), halves, strict=True)
    ]
    terms = images.tell_apart(nonsaturating)(net, held)
    for name, expected in nonsaturating.discriminator(*changed).items():
        torch.testing.assert_close(terms[name], expected)
    if kind == "adaptive":
        net.strength.p.fill_(0.7)
    torch.testing.assert_close(images.fool(nonsaturating)(net, held)["fool"], softplus(-changed[1]).mean())


def test_the_strength_is_moved_by_the_discriminators_turn_alone():
    images, net = made(augment="adaptive", augment_images=60)
    held = batch(images=images)
    net.discriminator.head.bias.data.fill_(100.0)
    images.fool(nonsaturating)(net, held)
    assert float(net.strength.p) == 0
    images.tell_apart(nonsaturating)(net, held)
    assert float(net.strength.p) == pytest.approx(6 / 60)


def test_the_sliced_head_trains_features_and_direction_apart():
    images, net = made(san=True)
    held = batch()
    head = net.discriminator.head
    assert isinstance(head, SlicedHead)
    direction = normalize(head.weight, dim=1)
    real, fake = ((x.flatten(1) @ direction.T) for x in (2 * held["x"] - 1, net.generator(held["z"])))
    terms = images.tell_apart(nonsaturating)(net, held)
    for name, expected in nonsaturating.discriminator(real, fake).items():
        torch.testing.assert_close(terms[name], expected)
        assert not terms[name].requires_grad  # these features have no parameters, and the direction is held
    torch.testing.assert_close(terms["direction"], fake.mean() - real.mean())
    (moved,) = torch.autograd.grad(terms["direction"], head.weight)
    assert moved.norm() > 0
    assert float((moved * head.weight.detach()).sum().abs()) < 1e-6  # a length says nothing


def test_either_half_of_the_sliced_head_is_held_while_the_other_learns():
    head, h = SlicedHead(4), torch.randn(3, 4).requires_grad_()
    function, direction = (part.sum() for part in head.parts(h))
    slopes = torch.autograd.grad(function, (h, head.weight), allow_unused=True)
    assert slopes[0].norm() > 0
    assert slopes[1] is None
    slopes = torch.autograd.grad(direction, (h, head.weight), allow_unused=True)
    assert slopes[0] is None
    assert slopes[1].norm() > 0


def test_the_direction_found_is_that_of_the_largest_difference():
    """By gradient descent on its term it becomes the difference of the mean features, the best of all directions."""
    head = SlicedHead(5)
    draw = torch.Generator().manual_seed(0)
    real, fake = torch.randn(500, 5, generator=draw) + 1, torch.randn(500, 5, generator=draw)
    for _ in range(300):
        term = head.parts(fake, None)[1].mean() - head.parts(real, None)[1].mean()
        (slope,) = torch.autograd.grad(term, head.weight)
        head.weight.data -= 0.5 * slope
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
    images, _ = made(average_halflife=1000, average_rampup=0.1)
    ramp = images.averages["generator"]
    assert [float(ramp(torch.tensor(n))) for n in (0, 100, 5_000, 10_000, 99_000)] == [0, 10, 500, 1000, 1000]
