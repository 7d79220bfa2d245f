"""What BigGAN rests on: filters kept orthogonal, labels and chunks of the latent."""

import pytest

from tests.recipes.test_contract import tiny
from zerosum.data import DataSpec
from zerosum.errors import ConfigError
from zerosum.recipes import find


def test_the_orthogonal_term_is_of_the_generators_filters():
    """Of the weights before spectral norms are taken off, without the embedding of labels."""
    experiment, builder = tiny("biggan", orthogonal=0.1)
    net, (_, (last,)) = experiment.game.networks, builder.batches(0, 0)
    terms = experiment.game.schedule.turns[1].objective(net, last)
    wanted, count = 0.0, 0
    for name, parameter in net.generator.named_parameters():
        if name.endswith("weight.original") and not name.startswith("embedding"):
            rows = parameter.detach().flatten(1)
            product = rows @ rows.T
            wanted += float((product - product.diag().diag()).square().sum())
            count += 1
    assert count == 1 + 3 + 4 + 1  # dense, a block's convolutions, its norms' maps, to the image
    assert float(terms["orthogonal"].detach()) == pytest.approx(0.1 * wanted, rel=1e-4)
    assert set(tiny("biggan", orthogonal=0.0)[0].game.schedule.turns[1].objective(net, last)) == {"adversarial"}


def test_labels_may_be_done_without():
    module, spec = find("biggan"), DataSpec.of("plain", "image", (1, 8, 8))
    module.build(module.Config(width=4, latent=4, conditional=False), spec)
    with pytest.raises(ConfigError, match="makes images of a label, and plain has none"):
        module.build(module.Config(width=4, latent=4), spec)


def test_a_latent_that_is_not_cut_into_equal_chunks_is_refused():
    with pytest.raises(ConfigError, match="digits: the latent is cut into 2 equal chunks for 8 pixels"):
        tiny("biggan", latent=5)
