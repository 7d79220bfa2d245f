"""What the scenes claim, in numbers that need no full training."""

import itertools
import math

import pytest
import torch

from zerosum.data.toys import gaussian
from zerosum.errors import ConfigError
from zerosum.lab import blur, learning_process, order, ratio
from zerosum.lab.cost import Cost
from zerosum.lab.matrix import ROCK_PAPER_SCISSORS, exploitability, fictitious_play


def test_a_cost_is_a_line_and_gives_the_count_that_takes_so_long():
    cost = Cost("rounds", each=0.01, fixed=1.0)
    config = blur.Config(rounds=200)
    assert cost.seconds(config) == pytest.approx(3)
    assert cost.within(config, 5.0) == blur.Config(rounds=400)
    assert cost.seconds(cost.within(config, 1.01)) == pytest.approx(1.01)
    with pytest.raises(ConfigError, match=r"about 1\.1 s, got 1; ask for more"):
        cost.within(config, 1.0)


@pytest.mark.parametrize(("rounds", "frames"), [(0, 5), (1, 5), (3, 4), (59, 60), (3000, 60), (50, 1)])
def test_frames_are_those_asked_for_each_of_its_own_round(rounds, frames):
    chosen = learning_process._spaced(rounds, frames)
    assert len(chosen) == min(frames, rounds + 1)
    assert chosen <= set(range(rounds + 1))
    assert frames == 1 or {0, rounds} <= chosen


def test_the_learning_process_shows_every_frame_and_leaves_the_game_to_its_slow_motion():
    config = learning_process.Config(rounds=120, frames=7, best=3, batch_size=64)
    shown = learning_process.play(config)
    assert shown.html.count('class="frame"') == 7
    assert set(shown.figures) == {"learning.svg", "slow-1.svg", "slow-2.svg", "slow-3.svg"}
    plain = learning_process.Process(config)
    for _ in range(120):
        plain.play()
    assert shown.numbers[0]["figure"] == plain.gap()


def test_densities_of_the_learning_process_are_the_generators_and_the_datas():
    """With the identity for a generator the examples are standard normal, and N(3, 1) is the known distance away."""
    process = learning_process.Process(learning_process.Config())
    line = torch.nn.Linear(1, 1)  # log P / Q = 3 x - 4.5
    process.game.networks = process.game.networks.replace({"generator": torch.nn.Identity(), "discriminator": line})
    below = 0.5 * (1 + math.erf(1.5 / math.sqrt(2)))  # the densities cross half way
    assert process.gap() == pytest.approx(2 * (2 * below - 1), abs=0.02)
    with torch.no_grad():
        line.weight.fill_(3.0)
        line.bias.fill_(-4.5)
        assert process.tracking() < 0.02
        line.bias.fill_(-4.0)
        assert process.tracking() > 0.02
        line.weight.zero_()
    assert process.indifference() == pytest.approx(0.5 - 1 / (1 + math.exp(4)), abs=1e-6)


def test_a_discriminator_held_against_a_generator_that_holds_still_tracks_the_ratio():
    process = learning_process.Process(learning_process.Config())
    before = process.tracking()
    for step in range(300):
        process.improve(0, step)
    assert process.game.round == 0
    assert process.tracking() < 0.05 < before


def test_rock_paper_scissors_converges_on_average_and_circles_in_its_last_moves():
    *_, (early, _), (rows, columns) = fictitious_play(ROCK_PAPER_SCISSORS, 10_000)
    assert (rows / rows.sum() - 1 / 3).abs().max() < 0.02
    assert exploitability(ROCK_PAPER_SCISSORS, rows, columns) < 0.03
    last = rows - early
    assert last.sum() == 1
    assert exploitability(ROCK_PAPER_SCISSORS, last, torch.ones(3, dtype=torch.float64)) == pytest.approx(1)
    even = torch.ones(3, dtype=torch.float64)
    assert exploitability(ROCK_PAPER_SCISSORS, even, even) == pytest.approx(0, abs=1e-12)


def test_the_value_of_single_moves_depends_on_who_shows_first():
    assert float(ROCK_PAPER_SCISSORS.max(0).values.min()) == 1
    assert float(ROCK_PAPER_SCISSORS.min(1).values.max()) == -1


def test_identity_12_no_second_derivative_at_a_constant_discriminator():
    constant, other = (row["largest second derivative"] for row in order.hessian_rows(0))
    assert constant == 0 < other


def test_a_mode_is_covered_by_a_share_of_samples_near_it():
    ring = order.Ring(order.Config(), 1)
    modes = ring._modes.float()
    assert ring.covered(modes.repeat(10, 1)) == 8
    assert ring.covered(modes[:1].repeat(99, 1)) == 1
    assert ring.covered(torch.cat([modes[:1].repeat(99, 1), modes[1:2]])) == 1  # one in a hundred is too few
    assert ring.covered(1.4 * modes) == 0


def test_both_orders_begin_alike_and_the_generator_moves_as_often():
    config = order.Config(updates=20, inner=5, frames=2)
    one, other = order.Ring(config, 1), order.Ring(config, 5)
    assert torch.equal(one.samples(), other.samples())
    one.play(5)
    other.play(1)
    assert one.game.read().updates["generator"] == other.game.read().updates["generator"] == 5


@pytest.mark.parametrize(
    ("mean", "std", "js", "kl", "reverse"),
    [
        (1, 1, 0.111421, 0.5, 0.5),
        (2, 1, 0.336831, 2, 2),
        (0, 2, 0.092733, 0.318147, 0.806853),
        (1, 2, 0.128175, 0.443147, 1.306853),
    ],
)
def test_exact_divergences(mean, std, js, kl, reverse):
    found = ratio.exact(gaussian(0, 1), gaussian(mean, std))
    assert found == pytest.approx({"js": js, "kl": kl, "reverse_kl": reverse}, abs=1e-6)


def test_answers_lie_on_the_circle_of_their_question():
    circle = blur.Circle(blur.Config(answers=5))
    batch = circle.batch(1000, "some")
    x, y = batch["x"].squeeze(1), batch["y"]
    angle = (torch.atan2(y[:, 1], y[:, 0]) - blur.TURN * x) / (2 * math.pi / 5)
    assert torch.allclose(y.norm(dim=1), torch.ones(1000))
    assert torch.allclose(angle, angle.round(), atol=1e-4)
    assert len(set((angle.round().long() % 5).tolist())) == 5


def test_a_perfect_answerer_is_judged_perfect_and_the_mean_is_not():
    circle = blur.Circle(blur.Config(answers=4))

    class Right(torch.nn.Module):
        def forward(self, inward):
            x, z = inward[:, 0], inward[:, 1]
            which = (torch.special.ndtr(z) * 4).floor()
            angle = 2 * math.pi * which / 4 + blur.TURN * x
            return torch.stack([angle.cos(), angle.sin()], 1)

    class Middle(torch.nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 2)

    answerers = {"generator": Right(), "regressor": Middle(), "flat_generator": Middle()}
    circle.game.networks = circle.game.networks.replace(answerers)
    found = circle.evaluate()
    assert found["answers near a right one"] == 1
    assert found["right answers used"] == 4
    assert found["rarest answer's share, in fair shares"] > 0.9
    assert found["distance of the regressor from the middle"] == 0
    assert found["its squared error (1 is the least)"] == pytest.approx(1, abs=1e-5)
    assert found["without a latent: answers near a right one"] == 0


def test_a_players_turn_moves_no_other_player():
    circle = blur.Circle(blur.Config())
    for place, turn in enumerate(circle.game.schedule.turns):
        before = {name: [p.clone() for p in n.parameters()] for name, n in circle.game.networks.items()}
        circle.game.move(place, circle.batch(8, place))
        for name, network in circle.game.networks.items():
            alike = all(itertools.starmap(torch.equal, zip(before[name], network.parameters(), strict=True)))
            assert alike == (name != turn.player)
