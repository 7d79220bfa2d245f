"""Experiments: samples, questions, refusals."""

import dataclasses

import pytest
import torch
from torch import nn

from tests.games import noisy_experiment
from tests.recipes.test_contract import tiny
from zerosum.errors import ConfigError, Unsupported
from zerosum.sources import Normal
from zerosum.training.outputs import CHUNK


def test_a_larger_number_of_samples_begins_with_the_same():
    experiment, _ = noisy_experiment()
    many = experiment.sample(2 * CHUNK + 7, seed=3)
    assert many.shape == (2 * CHUNK + 7, 2)
    torch.testing.assert_close(experiment.sample(CHUNK + 3, seed=3), many[: CHUNK + 3])
    assert not torch.equal(experiment.sample(5, seed=4), many[:5])
    assert max(len(chunk) for chunk in experiment.samples(2 * CHUNK + 7)) == CHUNK


def test_samples_are_drawn_in_evaluation_mode_and_leave_no_trace():
    experiment, _ = noisy_experiment()
    network = experiment.game.networks.generator
    before = network[1].running_mean.clone()
    assert torch.equal(experiment.sample(9, raw=True), experiment.sample(9, raw=True))
    assert torch.equal(network[1].running_mean, before)
    assert network.training
    assert not experiment.sample(3).requires_grad


def test_averages_answer_unless_raw():
    experiment, _ = noisy_experiment()
    with torch.no_grad():
        experiment.game.averages["generator"][4].bias.fill_(100.0)
    assert experiment.sample(3).min() > 50
    assert experiment.sample(3, raw=True).max() < 50


def test_an_output_that_is_not_there_says_why():
    """With the recipe's reason, or else with a sentence that is true of any model."""
    plain, _ = noisy_experiment()
    experiment = dataclasses.replace(plain, reasons={"log_prob": "its density is implicit; use the metric parzen"})
    with pytest.raises(
        Unsupported,
        match=r"^this model has no output 'log_prob': its density is implicit; use the metric parzen \(it has: sample",
    ):
        experiment.call("log_prob", {"x": torch.zeros(1, 2)})
    for name in ("encode", "dance"):
        with pytest.raises(Unsupported, match=rf"^this model has no output '{name}' \(it has: sample\).$"):
            experiment.call(name, {"x": torch.zeros(1, 2)})


def test_a_picture_shows_one_label_after_another():
    experiment, _ = tiny("conditional")
    (batch,) = experiment.drawn(32)
    order = sorted(range(32), key=lambda i: (int(batch["fake_label"][i]), i))
    assert order != list(range(32))
    assert torch.equal(experiment.pictured(32), experiment.sample(32)[order])
    plain, _ = tiny("vanilla")
    assert torch.equal(plain.pictured(8), plain.sample(8))


def norms(network):
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def test_truncated_samples_are_of_cut_off_latents():
    """The same latents, nearer to 0; what the model decodes of them is what it samples."""
    plain, _ = tiny("r3gan")
    cut = plain.truncated(0.5)
    far, near = (next(experiment.drawn(50))["z"] for experiment in (plain, cut))
    assert float(near.abs().max()) <= 0.5 < float(far.abs().max())
    assert torch.equal(near.sign(), far.sign())
    assert torch.equal(cut.sample(50), plain.decode(near))
    assert plain.priors["z"] == Normal(4)


@pytest.mark.parametrize("raw", [False, True])
def test_batch_norms_have_the_statistics_of_truncated_samples(raw):
    """Those of the generator that answers, by its own mean over the passes, also of networks that draw."""
    experiment, _ = tiny("biggan")
    generator = experiment.game.shown(raw).generator
    first = norms(generator)[0]
    seen = []
    hook = first.register_forward_pre_hook(lambda norm, args: seen.append(args[0]) if norm.training else None)
    noise = first.register_forward_pre_hook(lambda norm, args: args[0] + torch.randn_like(args[0]), prepend=True)
    before = torch.get_rng_state()
    cut = experiment.truncated(0.3)
    assert torch.equal(torch.get_rng_state(), before)
    again = first.running_mean.clone()
    torch.manual_seed(1)  # from another place of the caller's numbers
    experiment.truncated(0.3)
    assert torch.equal(first.running_mean, again)
    noise.remove()
    del seen[:]
    experiment.truncated(0.3)
    hook.remove()
    assert [len(x) for x in seen] == [CHUNK] * 4
    torch.testing.assert_close(first.running_mean, torch.stack([x.mean((0, 2, 3)) for x in seen]).mean(0))
    before = cut.sample(5)
    assert torch.equal(experiment.truncated(0.3).sample(5), before)


def test_truncation_needs_a_normal_latent_and_a_positive_threshold():
    with pytest.raises(Unsupported, match=r"cuts off a normal latent z, and the priors of this model are .*Uniform"):
        tiny("dcgan")[0].truncated(0.5)
    with pytest.raises(ConfigError, match="truncation must be positive, got 0"):
        tiny("r3gan")[0].truncated(0)
