"""Micro-batches: less memory, the same numbers."""

import pytest
import torch

from tests.games import copies, noisy_experiment, plain_gan, play, same
from zerosum import api, recipes
from zerosum.data import open_data
from zerosum.game import Turn, alternating
from zerosum.training import BatchBuilder
from zerosum.updates import sgd


def recipe(name, **settings):
    module = recipes.find(name)
    data = open_data("digits", seed=0)
    experiment = api.build(module, module.Config(batch_size=16, **settings), data.spec, 0)
    game = experiment.game
    for module in (*game.networks.values(), *game.averages.values()):
        module.double()
    game.to(game.device)
    return game, BatchBuilder(data, experiment.priors, game.schedule, 16, 0, game.device)


@pytest.mark.parametrize("name", ["vanilla", "mlp_gan"])
@pytest.mark.parametrize("parts", [2, 4, 16])
def test_micro_batches_are_the_whole_batch_where_it_is_the_mean_of_its_examples(name, parts):
    (whole, builder), (cut, _) = (plain(name) for plain in (recipe, recipe))
    cut.micro_batches = parts
    examples = 0
    for _ in range(6):
        batches = [
            [{k: v.double() if v.is_floating_point() else v for k, v in batch.items()} for batch in turn]
            for turn in builder.batches(whole.round, examples)
        ]
        for game in (whole, cut):
            game.play([[dict(batch) for batch in turn] for turn in batches], 16)
        examples += 16
    for network in whole.networks:
        for a, b in zip(copies(whole.networks[network]), copies(cut.networks[network]), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)
    assert cut.read().terms == pytest.approx(whole.read().terms, rel=1e-6)
    assert cut.round == whole.round == 6


def test_a_prepared_batch_is_prepared_in_its_parts():
    seen = []

    def prepare(net, batch):
        seen.append(len(batch["z"]))
        return {"fake": net.generator(batch["z"])}

    def apart(net, batch):
        return {"t": (net.discriminator(batch["fake"]) - net.discriminator(batch["x"])).mean()}

    def fool(net, batch):
        return {"t": -net.discriminator(batch["fake"]).mean()}

    def made():
        return plain_gan(
            update=sgd(0.1),
            schedule=alternating(Turn("discriminator", apart), Turn("generator", fool), prepare=prepare),
        )

    (whole, builder), (cut, _) = made(), made()
    cut.micro_batches = 4
    play(whole, builder, 3)
    seen.clear()
    play(cut, builder, 3)
    assert seen == [4] * 12
    for a, b in zip(copies(whole.networks.generator), copies(cut.networks.generator), strict=True):
        torch.testing.assert_close(a, b)


def test_parts_are_equal():
    game, builder = plain_gan()
    game.micro_batches = 3
    with pytest.raises(ValueError, match="micro-batches are equal parts of a batch: 3 do not divide the 16 of 'x'"):
        play(game, builder, 1)


def test_batch_dependent_games_can_be_played_in_parts():
    """Batch statistics are then of the parts: another game, but a game."""
    experiment, builder = noisy_experiment()
    experiment.game.micro_batches = 2
    play(experiment.game, builder, 5)
    assert all(torch.tensor(v).isfinite() for v in experiment.game.read().terms.values())
    assert not same(copies(experiment.game.networks.generator), copies(noisy_experiment()[0].game.networks.generator))
