"""Lazy turns and the penalty on paths, as StyleGAN2 has them."""

import pytest
import torch

from tests.games import play
from tests.recipes.test_contract import tiny
from zerosum.data import DataSpec
from zerosum.errors import ConfigError
from zerosum.game import gradients
from zerosum.recipes.gan import stylegan2


def turns(experiment):
    """Discriminator's, its R1, generator's, its paths."""
    return experiment.game.schedule.turns


def test_penalties_are_played_in_every_16th_and_4th_round():
    experiment, builder = tiny("stylegan2")
    schedule = experiment.game.schedule
    assert [schedule.pattern(r) for r in (0, 1, 4, 16)] == [(1, 1, 1, 1), (1, 0, 1, 0), (1, 0, 1, 1), (1, 1, 1, 1)]
    assert torch.tensor([schedule.pattern(r) for r in range(16)]).sum(0).tolist() == [16, 1, 16, 4]
    assert [turn.gain for turn in turns(experiment)] == [1, 16, 1, 4]
    (first,), (slope,), _, (path,) = builder.batches(0, 0)
    assert (len(first["z"]), len(path["z"])) == (16, 8)
    assert torch.equal(first["x"], slope["x"])


def test_truncation_brings_styles_to_their_mean():
    """At 1 nothing changes; near 0 all samples are one, that of the mean style."""
    experiment, _ = tiny("stylegan2")
    generator = experiment.game.averages["generator"]
    generator.mean.mean.normal_()
    whole, none = experiment.truncated(1.0), experiment.truncated(1e-6)
    assert torch.equal(whole.sample(5), experiment.sample(5))
    z = experiment.priors["z"](5, torch.Generator().manual_seed(0))
    assert torch.equal(whole.decode(z), experiment.decode(z))
    one = generator.synthesis(generator.mean.mean.expand(1, generator.synthesis.layers, -1))
    torch.testing.assert_close(none.sample(5), (one.detach() / 2 + 0.5).clamp(0, 1).expand(5, -1, -1, -1))


def test_a_lazy_turn_has_the_gradient_of_the_rounds_it_stands_for():
    """R1 once in 16 rounds, at 16 times its weight, is R1 in all of them where nothing moves."""
    experiment, builder = tiny("stylegan2", gamma=3.0)
    game = experiment.game
    (batch,) = builder.batches(0, 0)[1]
    batch["examples"] = torch.tensor(0)
    lazy, moved = gradients(game, turns(experiment)[1], batch)
    x = (2 * batch["x"] - 1).requires_grad_()
    (slope,) = torch.autograd.grad(game.networks.discriminator(x).sum(), x, create_graph=True)
    r1 = 1.5 * slope.square().flatten(1).sum(1).mean()
    torch.testing.assert_close(lazy["r1"], r1)
    expected = torch.autograd.grad(16 * r1, game.moved_by("discriminator"), materialize_grads=True)
    for one, other in zip(moved, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_lengths_of_paths_are_those_of_the_whole_jacobian():
    experiment, builder = tiny("stylegan2", path_weight=3.0)
    net, (batch,) = experiment.game.networks, builder.batches(0, 0)[3]
    torch.manual_seed(0)
    term = turns(experiment)[3].objective(net, batch)["path_length"]
    torch.manual_seed(0)
    w = net.generator.styles(batch["z"]).detach()
    noise = torch.randn_like(net.generator.synthesis(w))  # that of the planes has strength 0 in a new generator
    lengths = []
    for style, y in zip(w, noise, strict=True):
        of_one = torch.autograd.functional.jacobian(net.generator.synthesis, style[None])[0, :, :, :, 0]
        along = torch.einsum("chwld,chw->ld", of_one, y) / 8  # the root of 8 x 8 pixels
        lengths.append(along.square().sum(1).mean().sqrt())
    lengths = torch.stack(lengths)
    mean = 0.01 * lengths.mean()
    torch.testing.assert_close(net.path_mean.mean, mean, rtol=1e-4, atol=0)
    torch.testing.assert_close(term.detach(), 3 * (lengths - mean).square().mean(), rtol=1e-4, atol=0)


@pytest.mark.parametrize(("switches", "shares"), [({}, (16 / 17, 4 / 5)), ({"path_weight": 0.0}, (16 / 17, 1.0))])
def test_steps_and_decays_are_shortened_for_the_additional_updates(switches, shares):
    """From a step g after one of 1, the second moment is (b (1 - b) + (1 - b) g^2) and its correction 1 - b^2."""
    experiment, _ = tiny("stylegan2", learning_rate=0.1, beta2=0.9, **switches)
    assert ("path_mean" in experiment.game.networks) == (not switches)
    for player, share in zip(("discriminator", "generator"), shares, strict=True):
        rule, point = experiment.game.players[player].update, [torch.zeros(1)]
        state, before = rule.init(point), point
        for g in (1.0, 3.0):
            before = point
            point, state = rule.plain([torch.tensor([g])], state, point, torch.tensor(0))
        b = 0.9**share
        expected = 0.1 * share * 3 / ((b * (1 - b) + (1 - b) * 9) / (1 - b**2)) ** 0.5
        assert float(before[0] - point[0]) == pytest.approx(expected, rel=1e-5)


def test_without_paths_it_is_the_plain_game_with_r1():
    experiment, builder = tiny("stylegan2", path_weight=0.0, r1_every=1, mixing=0.0)
    assert [turn.player for turn in turns(experiment)] == ["discriminator", "discriminator", "generator"]
    play(experiment.game, builder, 1)
    assert set(experiment.game.read().terms) == {
        "discriminator/real",
        "discriminator/fake",
        "discriminator/r1",
        "generator/adversarial",
    }


def test_labels_reach_all_four_turns():
    experiment, builder = tiny("stylegan2", conditional=True)
    net, batches = experiment.game.networks, builder.batches(0, 0)
    for turn, (batch,) in zip(turns(experiment), batches, strict=True):
        batch["examples"] = torch.tensor(0)
        of_generator = turn.player == "generator"
        embedding = net.generator.mapping.embedding if of_generator else net.discriminator.head.embedding
        terms = turn.objective(net, batch)
        (slope,) = torch.autograd.grad(sum(terms.values()), embedding.weight)
        used = batch["fake_label" if of_generator else "label"].unique()
        assert torch.equal(slope.abs().sum(1).nonzero().squeeze(1), used)


def test_labels_that_are_not_there_are_refused():
    spec = DataSpec.of("digits", "image", (1, 8, 8))
    with pytest.raises(ConfigError, match=r"stylegan2 with --conditional makes images of a label, and .* has none"):
        stylegan2.build(stylegan2.Config(conditional=True), spec)
