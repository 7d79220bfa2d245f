"""The 2014 system: sizes, initial weights, the two schedules and the ramps, as published."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from tests.games import copies, play
from zerosum import api
from zerosum.data import Arrays, DataSpec, open_data
from zerosum.errors import ConfigError
from zerosum.game import gradients
from zerosum.networks.gan2014 import GlobalContrast
from zerosum.recipes.gan import gan
from zerosum.recipes.gan.gan import Config, build
from zerosum.training import BatchBuilder

MNIST = DataSpec.of("mnist", "image", (1, 28, 28), classes=10, count=50_000)
TFD = DataSpec.of("tfd", "image", (1, 48, 48), count=1000)
CIFAR = DataSpec.of("cifar10", "image", (3, 32, 32), classes=10, count=40_000)
SMALL = {"hidden": 8, "units": 6, "latent": 4, "batch_size": 16}


def dense(*widths):
    return sum((a + 1) * b for a, b in itertools.pairwise(widths))


def maxout(*widths, pieces=5):
    return sum((a + 1) * b * pieces for a, b in itertools.pairwise(widths))


def conv(inward, outward, kernel):
    return (inward * kernel * kernel + 1) * outward


COUNTS = {
    "mnist": (MNIST, dense(100, 1200, 1200, 784), maxout(784, 240, 240) + 241),
    "tfd": (TFD, dense(100, 8000, 100) + dense(100, 8000, 8000, 2304), maxout(2304, 1200, 1200) + 1201),
    "cifar_mlp": (CIFAR, dense(100, 8000, 8000, 3072), maxout(3072, 1600, 1600) + 1601),
    "cifar_conv": (
        CIFAR,
        dense(100, 8000, 8000) + 80 * 3 * 5 * 5 + 3 * 32 * 32,
        conv(3, 64, 8) + conv(32, 64, 8) + conv(32, 384, 5) + maxout(192 * 5 * 5, 500) + 501,
    ),
}


@pytest.mark.parametrize("variant", COUNTS)
def test_the_published_networks_have_the_published_sizes(variant):
    spec, in_generator, in_discriminator = COUNTS[variant]
    with torch.device("meta"):  # sizes without the memory
        generator, discriminator = gan.generator_of(Config(variant), spec), gan.discriminator_of(Config(variant), spec)
        fake = generator(torch.zeros(3, 100))
        assert fake.shape == (3, *spec.shape)
        assert discriminator(fake).shape == (3, 1)
    assert sum(p.numel() for p in generator.parameters()) == in_generator
    assert sum(p.numel() for p in discriminator.parameters()) == in_discriminator


def test_the_published_settings():
    assert [(c.batch_size, c.learning_rate, c.prior) for c in map(Config, COUNTS)] == [
        (100, 0.1, "uniform"),
        (100, 0.05, "normal"),
        (100, 0.025, "normal"),
        (128, 0.004, "normal"),
    ]
    assert Config("tfd", batch_size=7, prior="uniform").batch_size == 7
    assert Config("tfd", batch_size=7, prior="uniform").prior == "uniform"


def experiment(spec=MNIST, **settings):
    return build(Config(**{**SMALL, **settings}), spec)


@pytest.mark.parametrize("variant", ["mnist", "tfd", "cifar_mlp", "cifar_conv"])
def test_initial_weights(variant):
    spec = COUNTS[variant][0]
    hidden = 200 if variant == "cifar_conv" else 150
    networks = experiment(spec, variant=variant, hidden=hidden, units=40).game.networks

    def radius(name):
        return {n: float(p.detach().abs().max()) for n, p in networks[name].named_parameters() if n.endswith("weight")}

    assert all(0.0045 < value <= 0.005 for value in radius("discriminator").values())
    weights = list(radius("generator").values())
    if variant in ("tfd", "cifar_mlp"):
        *weights, last = weights
        assert 0.45 < last <= 0.5 if variant == "cifar_mlp" else last > 2
    assert all(0.045 < value <= 0.05 for value in weights)
    biases = {float(p.detach().unique()) for n, p in networks["generator"].named_parameters() if n.endswith("bias")}
    assert biases == ({0, -2} if variant == "tfd" else {0})
    if variant == "tfd":
        last = list(networks["generator"].parameters())[-2].detach()
        assert ((last != 0).sum(1) == 100).all()
        assert abs(float(last[last != 0].std()) - 1) < 0.02


def test_the_prior_has_unit_variance():
    for variant in ("mnist", "cifar_mlp"):
        z = experiment(CIFAR, variant=variant, latent=50).priors["z"](4000, torch.Generator().manual_seed(0))
        assert z.shape == (4000, 50)
        assert abs(float(z.var()) - 1) < 0.02
        assert abs(float(z.mean())) < 0.02
        assert (float(z.abs().max()) <= 3**0.5) == (variant == "mnist")


def test_the_output_begins_at_the_mean_image():
    data = open_data("digits")
    system = experiment(data.spec)
    system.begin(lambda: data)
    mean = data.batch(0, data.count)["x"].double().mean(0).clamp(1e-7, 1 - 1e-7)
    layer = system.game.averages["generator"][0][-2]
    torch.testing.assert_close(layer.bias.sigmoid().view(1, 8, 8).double(), mean, rtol=1e-5, atol=1e-7)
    with torch.no_grad():
        layer.weight.zero_()
    torch.testing.assert_close(system.sample(3)[2].double(), mean, rtol=1e-5, atol=1e-7)


def test_a_run_begins_with_it(tmp_path):
    """The loop initialises from the training split, once, before the first round."""
    api.train("gan", data="digits", rounds=1, out=tmp_path, learning_rate=1e-9, progress=False, hidden=8, units=6)
    data = open_data("digits")
    bias = api.load(tmp_path).experiment.game.networks.generator[0][-2].bias
    mean = data.batch(0, data.count)["x"].mean(0).clamp(1e-7, 1 - 1e-7)
    torch.testing.assert_close(bias.detach().sigmoid().view(1, 8, 8), mean, rtol=1e-4, atol=1e-6)


def without_dropout(system):
    for module in system.game.networks["discriminator"].modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return system


def feed_of(system, spec=None, seed=0):
    data = open_data("digits", seed=seed)
    return BatchBuilder(data, system.priors, system.game.schedule, 16, seed, system.game.device)


DIGITS = open_data("digits").spec


def loss(system, x, z, half):
    """Both players' losses by hand, on given examples."""
    net = system.game.networks
    real, fake = net.discriminator(x), net.discriminator(net.generator(z))
    d = (softplus(-real).mean() + softplus(fake).mean()) * (0.5 if half else 1)
    return d, {"nonsaturating": softplus(-fake).mean(), "minimax": -softplus(fake).mean()}


@pytest.mark.parametrize("objective", ["nonsaturating", "minimax"])
def test_as_released_both_gradients_are_taken_at_the_same_parameters(objective):
    system = without_dropout(experiment(DIGITS, objective=objective, momentum=0.0, final_momentum=0.0))
    game, builder = system.game, feed_of(system)
    (batch,), (other,) = builder.batches(0, 0)
    assert torch.equal(batch["z"], other["z"])  # one batch of fakes for both
    d, g = loss(system, batch["x"], batch["z"], half=True)
    before = {player: [p.detach().clone() for p in game.moved_by(player)] for player in game.players}
    slopes = {
        "discriminator": torch.autograd.grad(d, game.moved_by("discriminator"), retain_graph=True),
        "generator": torch.autograd.grad(g[objective], game.moved_by("generator")),
    }
    play(game, builder, 1)
    for player in game.players:
        for old, new, slope in zip(before[player], game.moved_by(player), slopes[player], strict=True):
            torch.testing.assert_close(new.detach(), old - 0.1 * slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("objective", ["nonsaturating", "minimax"])
def test_as_printed_the_generator_sees_the_discriminator_after_its_k_steps_and_fresh_noise(objective):
    system = without_dropout(
        experiment(DIGITS, schedule="alternating", k=3, objective=objective, momentum=0.0, final_momentum=0.0)
    )
    game, builder = system.game, feed_of(system)
    ahead = without_dropout(build(Config(**SMALL), DIGITS))
    for name in ("generator", "discriminator"):
        ahead.game.networks[name].load_state_dict(game.networks[name].state_dict())
    steps, (last,) = builder.batches(0, 0)
    assert len({batch["z"][0, 0].item() for batch in (*steps, last)}) == 4
    assert len({batch["x"].sum().item() for batch in steps}) == 3  # k minibatches of data
    rate = 0.1
    for player, batch in [*(("discriminator", b) for b in steps), ("generator", last)]:
        d, g = loss(ahead, batch["x"], batch["z"], half=False)
        moved = ahead.game.moved_by(player)
        slopes = torch.autograd.grad(d if player == "discriminator" else g[objective], moved)
        with torch.no_grad():
            for p, slope in zip(moved, slopes, strict=True):
                p -= rate * slope
    play(game, builder, 1)
    for name in ("generator", "discriminator"):
        for mine, byhand in zip(copies(game.networks[name]), copies(ahead.game.networks[name]), strict=True):
            torch.testing.assert_close(mine, byhand, rtol=1e-5, atol=1e-7)


def test_as_released_both_see_one_pass_under_one_dropout():
    """The logits that both objectives read are the same tensors, so what was dropped for one was dropped for both."""
    system = experiment(DIGITS, units=40)
    seen = {}
    for turn in system.game.schedule.turns:
        real = turn.objective

        def spy(net, batch, real=real, player=turn.player):
            seen[player] = batch["fake_logit"]
            return real(net, batch)

        object.__setattr__(turn, "objective", spy)
    play(system.game, feed_of(system), 1)
    assert seen["discriminator"] is seen["generator"]


def test_samples_are_of_the_generator_s_average_and_training_is_without_it():
    """The average changes no weight: another half-life trains the very same networks."""
    one, other = (experiment(DIGITS, average_halflife=h, learning_rate=5.0) for h in (10.0, 1000.0))
    for a, b in zip(one.game.networks.values(), other.game.networks.values(), strict=True):
        b.load_state_dict(a.state_dict())
    for system in (one, other):
        torch.manual_seed(0)
        play(system.game, feed_of(system), 5)
    for name in one.game.networks:
        for a, b in zip(copies(one.game.networks[name]), copies(other.game.networks[name]), strict=True):
            assert torch.equal(a, b)
    assert torch.equal(one.sample(3, raw=True), other.sample(3, raw=True))
    assert not torch.equal(one.sample(3), one.sample(3, raw=True))


def test_the_loss_of_an_undecided_discriminator():
    """At first D is 1/2 everywhere: half of each cross-entropy as released, all of it as printed."""
    for schedule, weight in (("simultaneous", 0.5), ("alternating", 1.0)):
        system = experiment(DIGITS, schedule=schedule)
        play(system.game, feed_of(system), 1)
        terms = system.game.read().terms
        assert terms["discriminator/real"] == pytest.approx(weight * math.log(2), abs=1e-3)
        assert terms["discriminator/fake"] == pytest.approx(weight * math.log(2), abs=1e-3)
        assert terms["generator/adversarial"] == pytest.approx(math.log(2), abs=2e-3)


def test_dropout_is_on_in_the_generators_step_and_fresh_in_every_pass():
    system = experiment(DIGITS, schedule="alternating", units=40)
    with torch.no_grad():
        for p in system.game.moved_by("discriminator"):
            p *= 100  # an undecided discriminator is so whatever is dropped
    batch = feed_of(system).batches(0, 0)[1][0]
    batch["examples"] = system.game.examples
    turn = system.game.schedule.turns[1]
    first, second = (gradients(system.game, turn, batch)[0]["adversarial"] for _ in range(2))
    assert first != second
    dropouts = [m.p for m in system.game.networks["discriminator"].modules() if isinstance(m, nn.Dropout)]
    assert dropouts == [0.2, 0.5, 0.5]
    assert not any(isinstance(m, nn.Dropout) for m in system.game.networks["generator"].modules())
    ones = torch.ones(1, 100_000)
    for p, scale in ((0.2, 1.25), (0.5, 2.0)):
        kept = nn.functional.dropout(ones, p)
        assert kept.unique().tolist() == [0, scale]
        assert abs(float(kept.mean()) - 1) < 0.02


@pytest.mark.parametrize(("schedule", "k"), [("simultaneous", 1), ("alternating", 3)])
def test_the_ramps(schedule, k):
    """The rate falls by 1.000004 every round to its floor; momentum rises from 0.5 to 0.7 over 250 epochs."""
    system = experiment(MNIST, schedule=schedule, k=k, batch_size=100)
    per_round = 100 * k
    player = system.game.players["generator"]

    def moved(images, velocity, gradient):
        state = {"velocity": [torch.tensor([velocity], dtype=torch.float64)]}
        (p,), after = player.update.plain(
            [torch.tensor([gradient], dtype=torch.float64)],
            state,
            [torch.zeros(1, dtype=torch.float64)],
            torch.tensor(images),
        )
        return -float(p), float(after["velocity"][0])

    for rounds in (0, 1, 1000, 125_000, 2_000_000):
        step, velocity = moved(rounds * per_round, 1.0, 1.0)
        assert velocity - 1 == pytest.approx(0.5 + 0.2 * min(1, rounds * per_round / 12.5e6), rel=1e-5)
        assert step / velocity == pytest.approx(0.1 * 1.000004**-rounds, rel=1e-4)
    assert moved(10**10, 1.0, 1.0)[0] == pytest.approx(1.7e-6, rel=1e-4)


def test_the_paper_s_horizon_is_the_goal_where_none_is_given():
    assert experiment(MNIST, batch_size=100).rounds == 125_000
    assert experiment(MNIST, batch_size=100, schedule="alternating", k=5).rounds == 25_000
    assert build(Config(), open_data("ring").spec).rounds == 125_000


def test_tfd_is_pretrained_first():
    """The inner generator alone for 50 epochs, then the stack for 22: one module in both games."""
    system = experiment(TFD, variant="tfd", hidden=120)
    before = system.before
    assert [stage.stage for stage in system.stages] == ["pretraining", "main"]
    assert before.game.networks["generator"] is system.game.networks["generator"][1]
    assert before.game.networks["discriminator"] is not system.game.networks["discriminator"]
    assert (before.rounds, system.rounds) == (math.ceil(50 * 1000 / 16), math.ceil(22 * 1000 / 16))
    assert (before.priors["z"].dim, system.priors["z"].dim) == (100, 4)
    assert system.initialise is None  # the output's bias is the pretrained one
    inner = {id(p) for p in before.game.moved_by("generator")}
    assert inner < {id(p) for p in system.game.moved_by("generator")}  # all of the stack is trained


def test_the_tfd_projection():
    """No unit's incoming weights are longer than 1.9365, after any step."""
    system = experiment(TFD, variant="tfd", hidden=120)
    data = Arrays(TFD, {"x": torch.randint(0, 256, (64, 1, 48, 48), dtype=torch.uint8)}, seed=0)
    play(system.game, BatchBuilder(data, system.priors, system.game.schedule, 16, 0, system.game.device), 2)
    lengths = [
        float(p.detach().norm(dim=1).max())
        for network in system.game.networks.values()
        for p in network.parameters()
        if p.ndim == 2
    ]
    assert max(lengths) == pytest.approx(1.9365, abs=1e-4)  # the sparse weights had a length of 10


def test_global_contrast():
    x = torch.rand(50, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    contrast = GlobalContrast()
    y = contrast(x)
    torch.testing.assert_close(y.flatten(1).norm(dim=1), torch.full((50,), 55.0))
    torch.testing.assert_close(y.mean((1, 2, 3)), torch.zeros(50), rtol=0, atol=1e-5)
    contrast.learn(x)
    assert float(contrast.brightness) == pytest.approx(float(x.mean()), rel=1e-5)
    one = GlobalContrast()
    one.learn(x[:1])  # the way back is exact for an image of mean brightness and length
    torch.testing.assert_close(one.back(one(x[:1])), x[:1], rtol=1e-4, atol=1e-5)
    assert contrast(torch.full((1, 3, 32, 32), 0.3)).abs().max() < 1e-3  # a flat image has no contrast to divide by


@pytest.mark.parametrize("variant", ["cifar_mlp", "cifar_conv"])
def test_cifar_plays_normalised_images_and_shows_pixels(variant):
    system = experiment(CIFAR, variant=variant, hidden=100)
    data = Arrays(CIFAR, {"x": torch.randint(0, 256, (64, 3, 32, 32), dtype=torch.uint8)}, seed=0)
    system.begin(lambda: data)
    play(system.game, BatchBuilder(data, system.priors, system.game.schedule, 16, 0, system.game.device), 2)
    samples = system.sample(5)
    assert samples.shape == (5, 3, 32, 32)
    assert 0 <= float(samples.min()) <= float(samples.max()) <= 1
    assert system.call("score", {"x": samples}).shape == (5,)
    x = data.batch(0, 64)["x"]
    length = (x - x.mean((1, 2, 3), keepdim=True)).flatten(1).norm(dim=1).mean()
    assert float(system.game.state()["networks/contrast/length"]) == pytest.approx(float(length), rel=1e-5)


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        (DIGITS, {"k": 2}, "k counts in the alternating schedule alone, got 2; give schedule=alternating"),
        (MNIST, {"variant": "cifar_conv"}, "cifar_conv is of 3x32x32 images, got 1x28x28; take variant cifar_mlp"),
        (open_data("ring").spec, {"variant": "cifar_mlp"}, "cifar_mlp is of images, got ring.*; take variant mnist"),
        (open_data("ring").spec, {"variant": "tfd"}, "tfd is of images, got ring.*; take variant mnist"),
        (CIFAR, {"variant": "cifar_conv", "hidden": 150}, "hidden must be a multiple of 100 for cifar_conv .*got 150"),
    ],
)
def test_what_does_not_go_together(spec, settings, message):
    with pytest.raises(ConfigError, match=message):
        experiment(spec, **settings)
