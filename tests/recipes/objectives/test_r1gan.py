"""What the recipe with R1 rests on."""

import copy

import pytest
import torch
from torch import nn

from tests.game.test_execution import largest_gap
from tests.games import discriminator, generator
from tests.recipes.test_contract import tiny
from zerosum import api
from zerosum.data import open_data
from zerosum.game import Game, Networks, Turn, alternating
from zerosum.recipes.objectives import r1gan


def test_without_penalties_it_is_the_plain_gan_bit_for_bit():
    experiment, builder = tiny("r1gan", gamma=0.0)
    game = experiment.game
    networks = {name: copy.deepcopy(network) for name, network in game.networks.items()}
    other = Game(
        networks, game.players, alternating(Turn("discriminator", discriminator), Turn("generator", generator))
    )
    gap, one, _ = largest_gap(game, other, builder, rounds=5)
    assert gap == 0
    assert "discriminator/r1" not in one.terms


def test_penalties_are_gamma_half_times_the_squared_slope_of_the_logit():
    experiment, builder = tiny("r1gan", gamma=3.0, gamma_fake=0.5)
    game, (batch,) = experiment.game, builder.batches(0, 0)[0]
    terms = game.schedule.turns[0].objective(game.networks, batch)
    points = {"r1": batch["x"], "r2": game.networks.generator(batch["z"]).detach()}
    for name, gamma in (("r1", 3.0), ("r2", 0.5)):
        x = points[name].clone().requires_grad_()
        (slope,) = torch.autograd.grad(game.networks.discriminator(x).sum(), x)
        assert float(terms[name].detach()) == pytest.approx(gamma / 2 * float(slope.square().flatten(1).sum(1).mean()))


class Point(nn.Module):
    """Puts everything at theta, or scores it by psi x."""

    def __init__(self, score):
        super().__init__()
        self.value = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.score = score

    def forward(self, x):
        return self.value * x if self.score else self.value.expand(len(x), 1)


@pytest.mark.parametrize(("gamma", "gamma_fake"), [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (3.0, 0.0), (0.0, 3.0)])
def test_the_game_of_a_point_is_damped_as_the_paper_says(gamma, gamma_fake):
    """P at 0, Q at theta, a(x) = psi x: at the solution the field's eigenvalues are -g/2 +- sqrt(g^2/4 - 1/4)."""
    config = r1gan.Config(gamma=gamma, gamma_fake=gamma_fake)
    turns = api.build(r1gan, config, open_data("gaussian").spec, 0).game.schedule.turns
    net = Networks({"discriminator": Point(True), "generator": Point(False)})
    batch = {"x": torch.zeros(4, 1, dtype=torch.float64), "z": torch.zeros(4, 1, dtype=torch.float64)}
    both = [net.discriminator.value, net.generator.value]

    def field():
        terms = [sum(turn.objective(net, batch).values()) for turn in turns]
        return torch.stack([-torch.autograd.grad(loss, own)[0] for loss, own in zip(terms, both, strict=True)])

    columns = []
    for number in both:
        ends = []
        for offset in (1e-5, -2e-5, 1e-5):
            with torch.no_grad():
                number += offset
            ends.append(field())
        columns.append((ends[0] - ends[1]) / 2e-5)
    jacobian = torch.stack(columns, 1)
    found = sorted(torch.linalg.eigvals(jacobian).tolist(), key=lambda e: (e.real, e.imag))
    g = gamma + gamma_fake
    root = complex(g * g / 4 - 1 / 4) ** 0.5
    expected = sorted([-g / 2 - root, -g / 2 + root], key=lambda e: (e.real, e.imag))
    assert [e.real for e in found] == pytest.approx([e.real for e in expected], abs=1e-3)
    assert [e.imag for e in found] == pytest.approx([e.imag for e in expected], abs=1e-3)
