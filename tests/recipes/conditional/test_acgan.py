"""What AC-GAN rests on: a second head that both players read."""

import copy

import pytest
import torch
from torch.nn.functional import softplus

from tests.recipes.test_contract import tiny
from zerosum.data import to_symmetric


def surprise(net, x, label):
    """Minus the mean log probability of the labels, by the definition."""
    scores = net.discriminator.classifier(net.discriminator.features(x))
    return float(-(scores.exp() / scores.exp().sum(1, keepdim=True))[torch.arange(len(x)), label].log().mean())


def test_the_terms_are_the_papers():
    """Log-likelihoods of the source and of the label, at real and generated images of the same labels."""
    experiment, builder = tiny("acgan", classify=0.7, dropout=0.0)
    net, ((first,), (last,)) = experiment.game.networks, builder.batches(0, 0)
    turns = experiment.game.schedule.turns
    found = [turn.objective(copy.deepcopy(net), b) for turn, b in zip(turns, (first, last), strict=True)]
    with torch.no_grad():
        x, fake = to_symmetric(first["x"]), net.generator(first["z"], first["label"])
        drawn = net.generator(last["z"], last["fake_label"])
        wanted = {
            "real": float(softplus(-net.discriminator(x)).mean()),
            "fake": float(softplus(net.discriminator(fake)).mean()),
            "class_real": 0.7 * surprise(net, x, first["label"]),
            "class_fake": 0.7 * surprise(net, fake, first["label"]),
        }
        fool = {
            "adversarial": float(softplus(-net.discriminator(drawn)).mean()),
            "class": 0.7 * surprise(net, drawn, last["fake_label"]),
        }
    for terms, expected in zip(found, (wanted, fool), strict=True):
        assert {name: float(term.detach()) for name, term in terms.items()} == pytest.approx(expected, rel=1e-4)


def test_both_players_descend_the_labels_surprise():
    """The term's gradient reaches the features and the classifier of one, and the embedding of the other."""
    experiment, builder = tiny("acgan")
    net, ((first,), (last,)) = experiment.game.networks, builder.batches(0, 0)
    turns = experiment.game.schedule.turns
    for term, network, batch, turn in (
        ("class_real", "discriminator", first, turns[0]),
        ("class_fake", "discriminator", first, turns[0]),
        ("class", "generator", last, turns[1]),
    ):
        parameters = dict(net[network].named_parameters())
        loss = turn.objective(net, batch)[term]
        slopes = torch.autograd.grad(loss, parameters.values(), allow_unused=True)
        unreached = {name for name, slope in zip(parameters, slopes, strict=True) if slope is None}
        assert unreached == ({"head.weight", "head.bias"} if network == "discriminator" else set())


def test_the_source_does_not_depend_on_the_label():
    experiment, builder = tiny("acgan")
    batch = builder.batches(0, 0)[0][0]
    scored = experiment.call("score", {"x": batch["x"], "label": batch["label"]})
    assert torch.equal(scored, experiment.call("score", {"x": batch["x"]}))
    assert torch.equal(scored, experiment.call("score", {"x": batch["x"], "label": batch["label"].flip(0)}))


def test_samples_are_of_their_label():
    """The same latent with every label: different images."""
    experiment, _ = tiny("acgan")
    z = torch.randn(1, 4).expand(10, 4)
    samples = experiment.call("sample", {"z": z, "fake_label": torch.arange(10)})
    assert len(samples.flatten(1).unique(dim=0)) == 10


@pytest.mark.parametrize("san", [False, True])
def test_the_sliced_head_takes_no_label_either(san):
    experiment, _ = tiny("acgan", san=san)
    head = experiment.game.networks.discriminator.head
    assert head.weight.shape[0] == 1
