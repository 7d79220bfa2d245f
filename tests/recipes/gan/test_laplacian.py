"""LAPGAN: bands add up, each level sees its own images, and a sample is what its levels made."""

import pytest
import torch

from tests.recipes.test_contract import tiny
from zerosum import api, recipes
from zerosum.data import DataSpec, from_laplacian_pyramid, laplacian_pyramid, to_symmetric
from zerosum.errors import ConfigError
from zerosum.losses import nonsaturating
from zerosum.networks import BandGenerator, band_discriminator


def built(side=28, channels=1, levels=2, **settings):
    module = recipes.find("laplacian")
    spec = DataSpec.of("squares", "image", (channels, side, side), count=100)
    return api.build(module, module.Config(hidden=8, width=4, latent=6, levels=levels, **settings), spec, 0)


def batch(n=3, side=28, channels=1):
    draw = torch.Generator().manual_seed(1)
    size = 6 + sum((side // 2**k) ** 2 for k in (0, 1))
    return {"x": torch.rand(n, channels, side, side, generator=draw), "z": 2 * torch.rand(n, size, generator=draw) - 1}


@pytest.mark.parametrize(("side", "levels", "sides"), [(28, 2, [7, 14, 28]), (32, 2, [8, 16, 32]), (8, 2, [4, 8])])
def test_a_pair_of_players_for_every_level(side, levels, sides):
    game = built(side, levels=levels).game
    names = {f"{kind}_{s}" for s in sides for kind in ("generator", "discriminator")}
    assert set(game.players) == set(game.networks) == names
    assert set(game.averages) == {f"generator_{s}" for s in sides}
    with torch.device("meta"):
        assert built(side, 3, levels).call(
            "sample", {"z": torch.zeros(2, 6 + sum(s * s for s in sides[1:]))}
        ).shape == (
            2,
            3,
            side,
            side,
        )


def test_without_detail_of_its_own_every_level_hands_on_the_coarse_image():
    """All bands zero: a sample is the smallest image through both enlargements, as the pyramid's inverse has it."""
    experiment = built()
    net, held = experiment.game.networks, batch()
    for side in (14, 28):
        last = net[f"generator_{side}"].layers[-1]
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
    smallest = net["generator_7"](held["z"][:, :6])
    zeros = [torch.zeros(3, 1, side, side) for side in (28, 14)]
    expected = from_laplacian_pyramid([*zeros, smallest])
    made = experiment.call("sample", {"z": held["z"]}, raw=True)
    torch.testing.assert_close(2 * made - 1, expected.clamp(-1, 1))


def test_the_right_detail_gives_the_image_back():
    """The pyramid is its own inverse to 1e-6, so a generator that draws the band cannot be told from real."""
    x = batch()["x"].double()
    bands = laplacian_pyramid(to_symmetric(x), 2)
    assert float((from_laplacian_pyramid(bands) - to_symmetric(x)).abs().max()) < 1e-6


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_level_compares_real_images_of_its_size_with_detail_on_the_same_coarse_image(level):
    experiment = built()
    net, held = experiment.game.networks, batch()
    turns = {turn.player: turn.objective for turn in experiment.game.schedule.turns}
    side = (7, 14, 28)[level]
    images = [to_symmetric(held["x"])]
    for _ in range(2):
        images.insert(0, laplacian_pyramid(images[0], 1)[1])
    real, noise = images[level], torch.split(held["z"], (6, 14 * 14, 28 * 28), 1)[level]
    generator, judge = net[f"generator_{side}"], net[f"discriminator_{side}"]
    if level:
        coarse = from_laplacian_pyramid([torch.zeros_like(real), images[level - 1]])
        fake = coarse + generator(coarse, noise)
    else:
        fake = generator(noise)
    terms = turns[f"discriminator_{side}"](net, held)
    for name, expected in nonsaturating.discriminator(judge(real), judge(fake)).items():
        torch.testing.assert_close(terms[name], expected, rtol=1e-4, atol=1e-5)
    fooled = turns[f"generator_{side}"](net, held)["adversarial"]
    torch.testing.assert_close(fooled, nonsaturating.generator(judge(fake)), rtol=1e-4, atol=1e-5)


def test_levels_do_not_move_each_other():
    """A turn's gradient reaches the networks of its own level alone."""
    experiment = built()
    net, held = experiment.game.networks, batch()
    for turn in experiment.game.schedule.turns:
        parameters = {name: list(network.parameters()) for name, network in net.items()}
        total = sum(turn.objective(net, held).values())
        for name, those in parameters.items():
            reached = torch.autograd.grad(total, those, retain_graph=True, allow_unused=True)
            same_level = name.rpartition("_")[2] == turn.player.rpartition("_")[2]
            assert any(g is not None for g in reached) <= same_level
            if name == turn.player:
                assert all(g is not None for g in reached)


def test_counts_of_parameters():
    generator, judge = BandGenerator(3, 64), band_discriminator(3, 32, 64)
    convolutions = 25 * (4 * 64 + 64 * 64 + 64 * 3)
    assert sum(p.numel() for p in generator.parameters()) == convolutions + 3 + 4 * 64
    assert sum(p.numel() for p in judge.parameters()) == 25 * (3 * 64 + 64 * 64) + 128 + 64 * 256 + 1


def test_what_cannot_be_halved_is_refused():
    with pytest.raises(ConfigError, match="squares: convolutions take square images"):
        built(30)
    with pytest.raises(ValueError, match="a band has an even side, got 7"):
        band_discriminator(1, 7, 4)


def test_a_sample_depends_on_every_part_of_its_latent():
    experiment, _ = tiny("laplacian")
    z = next(iter(experiment.drawn(4)))["z"]
    image = experiment.call("sample", {"z": z})
    for part in (slice(0, 4), slice(4, None)):
        other = z.clone()
        other[:, part] *= -1
        assert not torch.equal(experiment.call("sample", {"z": other}), image)
