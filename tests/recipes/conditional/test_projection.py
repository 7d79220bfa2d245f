"""What a projection discriminator rests on."""

import pytest
import torch
from torch.nn.utils import parametrize

from tests.recipes.test_contract import tiny
from zerosum.data import to_symmetric


def test_every_layer_of_the_discriminator_is_normalised_the_embedding_too():
    experiment, _ = tiny("projection")
    generator, discriminator = (experiment.game.networks[name] for name in ("generator", "discriminator"))
    assert parametrize.is_parametrized(discriminator.head.embedding, "weight")
    plain = [name for name, p in discriminator.named_parameters() if p.ndim > 1 and "parametrizations" not in name]
    assert not plain
    assert not [module for module in generator.modules() if parametrize.is_parametrized(module)]


def test_the_terms_are_the_margins_of_the_labels_logits():
    """A real image and the generated one beside it have the same label; the generator's are drawn."""
    experiment, builder = tiny("projection")
    net, ((first, *others), (last,)) = experiment.game.networks, builder.batches(0, 0)
    assert len(others) == 4
    net.discriminator.eval()  # where a pass leaves the estimate of the norms alone
    terms = experiment.game.schedule.turns[0].objective(net, first)
    with torch.no_grad():
        real = net.discriminator(to_symmetric(first["x"]), first["label"])
        fake = net.discriminator(net.generator(first["z"], first["label"]), first["label"])
        drawn = net.discriminator(net.generator(last["z"], last["fake_label"]), last["fake_label"])
    assert float(terms["real"].detach()) == pytest.approx(float((1 - real).clamp(min=0).mean()), rel=1e-5)
    assert float(terms["fake"].detach()) == pytest.approx(float((1 + fake).clamp(min=0).mean()), rel=1e-5)
    fool = experiment.game.schedule.turns[1].objective(net, last)["adversarial"]
    assert float(fool.detach()) == pytest.approx(-float(drawn.mean()), rel=1e-5)
    assert not torch.equal(last["label"], last["fake_label"])


def test_an_images_score_is_of_its_label():
    experiment, builder = tiny("projection")
    batch = builder.batches(0, 0)[0][0]
    x, label = batch["x"][:1].expand(10, 1, 8, 8), torch.arange(10)
    scored = experiment.call("score", {"x": x, "label": label})
    assert len(scored.unique()) == 10
    torch.testing.assert_close(experiment.call("score", {"x": x})[0], scored.mean())
