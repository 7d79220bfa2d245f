"""What is particular to tricks as switches: off they are nothing, on they are what they say."""

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.games import play
from tests.recipes.test_contract import tiny
from zerosum import api
from zerosum.adversarial import OUTPUTS
from zerosum.api.contract import CHECKS, Trial, broken
from zerosum.data import open_data
from zerosum.errors import ConfigError
from zerosum.game import Game, Player, Turn, alternating
from zerosum.lab.objectives import discriminator_loss, generator_loss
from zerosum.losses import nonsaturating
from zerosum.networks import mlp_pair
from zerosum.recipes.objectives import ganhacks
from zerosum.recipes.objectives.ganhacks import Config, LastingDropout, Noise, cross_entropy
from zerosum.sources import Uniform
from zerosum.training import BatchBuilder, Experiment
from zerosum.updates import adam

TRICKS = {
    "prior": "normal",
    "discriminator_rule": "sgd",
    "leak": 0.2,
    "soft_labels": True,
    "flip": 0.25,
    "instance_noise": 0.5,
    "layer_noise": 0.1,
    "dropout": 0.5,
    "batch_norm": "separate",
    "replay": 0.5,
}


def weights(game):
    return torch.cat([p.detach().flatten() for network in game.networks.values() for p in network.parameters()])


def after(rounds=2, data="ring", **settings):
    experiment, builder = tiny("ganhacks", data, **settings)
    play(experiment.game, builder, rounds)
    return weights(experiment.game)


def first(experiment, builder):
    """The discriminator's terms and those of the generator, in round 0, and the batches."""
    (one,), (two,) = builder.batches(0, 0)
    one["examples"] = two["examples"] = experiment.game.examples
    turns, net = experiment.game.schedule.turns, experiment.game.networks
    return turns[0].objective(net, one), turns[1].objective(net, two), one, two


@pytest.mark.parametrize("data", ["ring", "digits"])
def test_all_off_it_is_the_plain_game_bit_for_bit(data):
    spec, update = open_data(data).spec, adam(1e-3, (0.5, 0.999))
    experiment = tiny("ganhacks", data)[0]
    game = Game(
        mlp_pair(spec.shape, 4, (8, 8), final=None if data == "ring" else nn.Sigmoid),
        {"discriminator": Player(("discriminator",), update), "generator": Player(("generator",), update)},
        alternating(
            Turn("discriminator", discriminator_loss(nonsaturating)), Turn("generator", generator_loss(nonsaturating))
        ),
    )
    for mine, theirs in zip(weights_of(game), weights_of(experiment.game), strict=True):
        with torch.no_grad():
            mine.copy_(theirs)
    plain = Experiment(game, {"z": Uniform(-1, 1, 4)}, OUTPUTS)
    play(game, BatchBuilder(open_data(data, seed=0), plain.priors, game.schedule, 16, 0, game.device), 5)
    assert torch.equal(weights(game), after(5, data))


def weights_of(game):
    return [p for network in game.networks.values() for p in network.parameters()]


@pytest.mark.parametrize("trick", TRICKS)
def test_every_trick_changes_what_is_played(trick):
    plain, tricked = after(), after(**{trick: TRICKS[trick]})
    assert plain.shape != tricked.shape or not torch.equal(plain, tricked)


@pytest.mark.parametrize("sentence", CHECKS)
@pytest.mark.parametrize("batch_norm", ["joint", "separate"])
def test_with_all_tricks_at_once_it_keeps_what_every_recipe_keeps(sentence, batch_norm):
    config = Config(**{**TRICKS, "batch_norm": batch_norm}, batch_size=16, hidden=8, latent=4)
    assert broken(CHECKS[sentence], Trial(ganhacks, config, "digits")) is None


def test_labels_between_0_and_1_are_the_cross_entropy_and_pull_by_probability_minus_label():
    logits = torch.linspace(-4, 4, 9, dtype=torch.float64).requires_grad_()
    labels = torch.linspace(0, 1, 9, dtype=torch.float64)
    loss = cross_entropy(logits, labels)
    assert torch.allclose(loss, binary_cross_entropy_with_logits(logits, labels))
    (pull,) = torch.autograd.grad(loss, logits)
    assert torch.allclose(pull, (torch.sigmoid(logits) - labels) / 9)


def test_a_label_above_1_alone_has_no_lower_bound():
    one, two = (cross_entropy(torch.tensor([a]), torch.tensor([1.2])) for a in (100.0, 1000.0))
    assert float(two) < float(one) < -10


def test_soft_labels_are_drawn_for_every_example_from_their_ranges():
    experiment, builder = tiny("ganhacks", "ring", soft_labels=True)
    told, _, batch, _ = first(experiment, builder)
    assert batch["label_real"].shape == batch["label_fake"].shape == (16, 1)
    assert ((batch["label_real"] >= 0.7) & (batch["label_real"] < 1.2)).all()
    assert batch["label_real"].std() > 0.05
    assert ((batch["label_fake"] >= 0) & (batch["label_fake"] < 0.3)).all()
    assert batch["label_fake"].std() > 0.03
    net = experiment.game.networks
    assert torch.equal(told["real"], cross_entropy(net.discriminator(batch["x"]), batch["label_real"]))


def test_exchanged_labels_are_those_of_the_draws_below_the_share():
    """By hand: an exchanged real example costs what a generated one would, and the other way."""
    experiment, builder = tiny("ganhacks", "ring", flip=0.4)
    told, _, batch, _ = first(experiment, builder)
    net = experiment.game.networks
    p = torch.sigmoid(net.discriminator(batch["x"])).detach()
    q = torch.sigmoid(net.discriminator(net.generator(batch["z"]))).detach()
    flipped = {side: batch[f"flip_{side}"] < 0.4 for side in ("real", "fake")}
    assert 0 < int(flipped["real"].sum()) < 16
    real = torch.where(flipped["real"], -(1 - p).log(), -p.log()).mean()
    fake = torch.where(flipped["fake"], -q.log(), -(1 - q).log()).mean()
    assert torch.allclose(told["real"], real, atol=1e-6)
    assert torch.allclose(told["fake"], fake, atol=1e-6)


@pytest.mark.parametrize(("seen", "std"), [(0, 0.5), (250, 0.375), (1000, 0.0), (5000, 0.0)])
def test_the_noise_on_what_is_judged_falls_in_a_line_to_nothing(seen, std):
    experiment, builder = tiny("ganhacks", "ring", instance_noise=0.5, instance_noise_examples=1000)
    experiment.game.examples.fill_(seen)
    inputs = []
    experiment.game.networks.discriminator.register_forward_pre_hook(lambda module, given: inputs.append(given[0]))
    *_, one, two = first(experiment, builder)
    generator = experiment.game.networks.generator
    clean = [one["x"], generator(one["z"]), generator(two["z"])]
    noise = [one["noise_real"], one["noise_fake"], two["noise_fake"]]
    for given, x, drawn in zip(inputs, clean, noise, strict=True):
        assert torch.allclose(given, x + std * drawn, atol=1e-6)


def test_gradient_descent_moves_by_the_rate_times_the_slope():
    experiment, builder = tiny("ganhacks", "ring", discriminator_rule="sgd", sgd_rate=0.3)
    game, batch = experiment.game, builder.batches(0, 0)[0][0]
    own = list(game.networks.discriminator.parameters())
    slopes = torch.autograd.grad(sum(game.schedule.turns[0].objective(game.networks, batch).values()), own)
    wanted = [p.detach() - 0.3 * slope for p, slope in zip(own, slopes, strict=True)]
    game.move(0, batch)
    assert all(torch.allclose(p.detach(), w, atol=1e-7) for p, w in zip(own, wanted, strict=True))


def test_batches_apart_do_not_see_each_other_and_joint_ones_do():
    """What a real example is scored, in the discriminator's turn, with other generated ones beside it."""

    def real_term(batch_norm, shift):
        experiment, builder = tiny("ganhacks", "ring", batch_norm=batch_norm)
        with torch.no_grad():
            experiment.game.networks.generator[0][-1].bias.add_(shift)
        return float(first(experiment, builder)[0]["real"].detach())

    assert real_term("separate", 0.0) == real_term("separate", 3.0)
    assert real_term("joint", 0.0) != pytest.approx(real_term("joint", 3.0), rel=1e-3)


def test_with_batches_apart_nobody_sees_where_a_batch_lies():
    """Its mean leaves with the first normalisation, so real examples moved by any distance are as real as before."""
    experiment, builder = tiny("ganhacks", "ring", batch_norm="separate")
    x, net = builder.batches(0, 0)[0][0]["x"], experiment.game.networks
    assert torch.allclose(net.discriminator(x), net.discriminator(x + 5), atol=1e-4)
    assert not torch.allclose(*(net.discriminator(torch.cat([x, x + by]))[16:] for by in (0, 5)), atol=1e-2)


def test_noise_and_dropout_of_the_generator_go_on_when_samples_are_drawn():
    torch.manual_seed(0)
    x = torch.ones(200, 200)
    for layer in (LastingDropout(0.25).eval(), Noise(0.5).eval()):
        out = layer(x)
        assert float(out.mean()) == pytest.approx(1, abs=0.02)  # neither moves the mean
    assert float((LastingDropout(0.25).eval()(x) == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(Noise(0.5).eval()(x).std()) == pytest.approx(0.5, abs=0.01)
    for trick in ("layer_noise", "dropout"):
        experiment, _ = tiny("ganhacks", "ring", **{trick: 0.5})
        z = torch.zeros(50, 4)
        assert len(torch.unique(experiment.decode(z), dim=0)) > 25
    assert len(torch.unique(tiny("ganhacks", "ring")[0].decode(torch.zeros(50, 4)), dim=0)) == 1


@pytest.mark.parametrize(
    ("setting", "value"), [("flip", 1.0), ("dropout", -0.1), ("batch_norm", "instance"), ("instance_noise_examples", 0)]
)
def test_a_setting_out_of_its_range_is_refused(setting, value):
    with pytest.raises(ConfigError, match=setting):
        api.checked(Config, {setting: value}, "here")
