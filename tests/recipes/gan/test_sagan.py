"""What SAGAN rests on: attention at one side, norms in both networks, two step sizes."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from tests.games import play
from tests.recipes.test_contract import tiny
from zerosum.data import DataSpec
from zerosum.errors import ConfigError
from zerosum.networks import SelfAttention
from zerosum.recipes import find


def network(experiment, name):
    return experiment.game.networks[name]


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_one_layer_attends_and_all_are_normalised(name):
    experiment, _ = tiny("sagan", conditional=True)
    modules = list(network(experiment, name).modules())
    assert len([module for module in modules if isinstance(module, SelfAttention)]) == 1
    layers = [module for module in modules if isinstance(module, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert layers
    assert all(parametrize.is_parametrized(layer, "weight") for layer in layers)


def test_without_attention_the_rest_is_the_same():
    """It begins as the identity: the same networks otherwise have the same numbers."""
    attending, builder = tiny("sagan")
    plain, _ = tiny("sagan", attention=False)
    for name in ("generator", "discriminator"):
        found = network(plain, name)
        assert not [module for module in found.modules() if isinstance(module, SelfAttention)]
        kept = [module for module in network(attending, name).modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        inside = [m for a in network(attending, name).modules() if isinstance(a, SelfAttention) for m in a.modules()]
        kept = [module for module in kept if module not in inside]
        others = [module for module in found.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        for layer, other in zip(kept, others, strict=True):
            layer.load_state_dict(other.state_dict())
    x = builder.batches(0, 0)[0][0]["x"]
    torch.testing.assert_close(attending.call("score", {"x": x}), plain.call("score", {"x": x}))


def test_the_discriminator_steps_four_times_as_far():
    """Adam's first step is the step size, wherever the slope is not tiny."""
    experiment, builder = tiny("sagan")
    before = {n: [p.detach().clone() for p in network(experiment, n).parameters()] for n in experiment.game.networks}
    play(experiment.game, builder, 1)
    moved = {
        n: max(
            float((p.detach() - q).abs().max()) for p, q in zip(network(experiment, n).parameters(), old, strict=True)
        )
        for n, old in before.items()
    }
    assert moved["generator"] == pytest.approx(1e-4, rel=1e-2)
    assert moved["discriminator"] == pytest.approx(4e-4, rel=1e-2)


def test_labels_are_needed_where_they_are_asked_for():
    module, unlabelled = find("sagan"), DataSpec.of("plain", "image", (1, 8, 8))
    module.build(module.Config(width=4), unlabelled)
    with pytest.raises(ConfigError, match="sagan with --conditional makes images of a label, and plain has none"):
        module.build(module.Config(width=4, conditional=True), unlabelled)
