"""The listing's numbers."""

import math

import pytest
import torch

from tests.recipes.test_contract import tiny
from zerosum import api
from zerosum.data import DataSpec
from zerosum.recipes.gan import vanilla


def built(spec=None, **settings):
    spec = spec or DataSpec.of("mnist", "image", (1, 28, 28), classes=10, count=50_000)
    return api.build(vanilla, vanilla.Config(**settings), spec, 0)


def test_sizes_and_initialisation_on_mnist():
    networks = built().game.networks
    assert sum(p.numel() for p in networks.generator.parameters()) == 100 * 128 + 128 + 128 * 784 + 784
    assert sum(p.numel() for p in networks.discriminator.parameters()) == 784 * 128 + 128 + 128 + 1
    first, last = networks.generator[0][0], networks.generator[0][2]
    assert float(first.weight.detach().std()) == pytest.approx(math.sqrt(2 / 100), rel=0.02)
    assert float(last.weight.detach().std()) == pytest.approx(math.sqrt(2 / 128), rel=0.02)
    assert not first.bias.any()


def test_the_prior_is_uniform_on_minus_one_one():
    z = built().priors["z"](10_000, torch.Generator().manual_seed(0))
    assert z.shape == (10_000, 100)
    assert -1 <= z.min() < -0.999
    assert 0.999 < z.max() < 1


def test_k_is_the_discriminators_updates():
    experiment = built(k=5)
    assert [turn.repeat for turn in experiment.game.schedule.turns] == [5, 1]


def test_the_score_is_the_logit():
    experiment, builder = tiny("vanilla")
    batch = builder.batches(0, 0)[0][0]
    expected = experiment.game.networks.discriminator(batch["x"]).squeeze(1)
    assert torch.equal(experiment.call("score", {"x": batch["x"]}), expected.detach())
