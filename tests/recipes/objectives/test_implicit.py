"""What is particular to implicit models: any rule with any cost, and moments without a critic."""

import itertools
import typing

import pytest
import torch

from tests.games import play
from tests.recipes.test_contract import tiny
from zerosum.errors import Unsupported
from zerosum.losses import ADVERSARIAL, COMPARISONS, mmd
from zerosum.profiling.flops import count_operations
from zerosum.recipes.objectives import implicit

HINTS = typing.get_type_hints(implicit.Config)
RULES, COSTS = typing.get_args(HINTS["comparison"]), typing.get_args(HINTS["cost"])


def test_every_rule_is_offered():
    assert set(RULES) == {*COMPARISONS, "moment_matching"}


@pytest.mark.parametrize(("comparison", "cost"), [*itertools.product(COMPARISONS, COSTS)])
def test_any_rule_goes_with_any_cost(comparison, cost):
    """The terms are the pair's; in two rounds both players move, no update is skipped and nothing is waited for."""
    experiment, builder = tiny("implicit", "ring", comparison=comparison, cost=cost)
    game, net = experiment.game, experiment.game.networks
    (told,), (fool,) = builder.batches(0, 0)
    terms = game.schedule.turns[0].objective(net, told)
    fooled = game.schedule.turns[1].objective(net, fool)["adversarial"]
    with torch.no_grad():
        expected = COMPARISONS[comparison](net.discriminator(told["x"]), net.discriminator(net.generator(told["z"])))
        hoped = ADVERSARIAL[cost].generator(net.discriminator(net.generator(fool["z"])))
    assert all(torch.equal(terms[side].detach(), expected[side]) for side in ("real", "fake"))
    assert torch.equal(fooled.detach(), hoped)
    before = {player: [p.clone() for p in game.moved_by(player)] for player in game.players}
    work = count_operations(lambda: play(game, builder, 2))
    assert work.waits == ()
    assert not any(game.read().skipped.values())
    for player, kept in before.items():
        assert not any(torch.equal(old, new) for old, new in zip(kept, game.moved_by(player), strict=True))


def test_moments_are_matched_by_one_player():
    experiment, builder = tiny("implicit", "digits", comparison="moment_matching", bandwidth=2.0)
    game, batch = experiment.game, builder.batches(0, 0)[0][0]
    assert list(game.players) == list(game.networks) == ["generator"]
    (turn,) = game.schedule.turns
    terms = turn.objective(game.networks, batch)
    with torch.no_grad():
        expected = mmd(batch["x"], game.networks.generator(batch["z"]), [0.5, 1.0, 2.0, 4.0, 8.0])
    assert list(terms) == ["mmd"]
    assert torch.equal(terms["mmd"].detach(), expected)
    play(game, builder, 2)
    with pytest.raises(Unsupported, match="critic"):
        experiment.call("score", batch)


def test_moments_of_a_learnt_gaussian_come_near():
    """From a discrepancy of 0.5 and above to a few hundredths, in 300 rounds of batches of 64."""
    from zerosum import api
    from zerosum.data import open_data
    from zerosum.training import BatchBuilder

    data = open_data("gaussian", seed=0)
    config = implicit.Config(comparison="moment_matching", batch_size=64, hidden=16)
    experiment = api.build(implicit, config, data.spec, 0)
    x = data.batch(10**6, 2_000)["x"]
    before = float(mmd(x, experiment.sample(2_000), [1.0]))
    builder = BatchBuilder(data, experiment.priors, experiment.game.schedule, 64, 0, experiment.game.device)
    play(experiment.game, builder, 300)
    assert before > 0.5
    assert abs(float(mmd(x, experiment.sample(2_000), [1.0]))) < 0.05
