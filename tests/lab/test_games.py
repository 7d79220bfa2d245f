"""The smallest games against their closed forms (identities 30, 31, 34 and 38)."""

import functools
import math

import pytest
import torch

from tests.games import bilinear as detached, values
from zerosum.game import alternating, consensus, extragradient, simultaneous
from zerosum.lab import spectrum, update_map
from zerosum.lab.games import bilinear, dirac
from zerosum.lab.spectrum import without_data
from zerosum.losses import ADVERSARIAL
from zerosum.updates import adam, momentum, optimistic, sgd

ETA = 0.1


def at_rest(game):
    """The game after a round at its equilibrium: there it stays, and every rule has begun."""
    game.play(without_data(game), 1)
    return game


@pytest.mark.parametrize(
    ("schedule", "update", "modulus"),
    [
        (simultaneous, sgd(ETA), math.sqrt(1 + ETA**2)),
        (alternating, sgd(ETA), 1.0),
        (extragradient, sgd(ETA), math.sqrt((1 - ETA**2) ** 2 + ETA**2)),
        (functools.partial(consensus, gamma=1.0), sgd(ETA), math.sqrt((1 - ETA) ** 2 + ETA**2)),
        (functools.partial(consensus, gamma=0.0), sgd(ETA), math.sqrt(1 + ETA**2)),
        # lambda^2 = (1 - 2 i eta) lambda + i eta, its larger root
        (simultaneous, optimistic(sgd(ETA)), abs((1 - 2j * ETA + (1 - 4 * ETA**2) ** 0.5) / 2)),
    ],
    ids=["simultaneous", "alternating", "extragradient", "consensus", "consensus 0", "optimistic"],
)
def test_identity_30_moduli_of_the_bilinear_game(schedule, update, modulus):
    game = at_rest(bilinear(0, 0, update, schedule))
    assert float(spectrum(game)[0].abs()) == pytest.approx(modulus, abs=1e-6)


def test_the_moduli_as_numbers():
    assert [
        round(float(spectrum(at_rest(bilinear(0, 0, update, schedule)))[0].abs()), 6)
        for schedule, update in ((extragradient, sgd(0.1)), (simultaneous, optimistic(sgd(0.1))))
    ] == [0.995038, 0.994936]


@pytest.mark.parametrize(
    ("gamma", "expected"),
    [
        (0.0, (0.5j, -0.5j)),
        (0.5, (-0.25 + 0.4330127j, -0.25 - 0.4330127j)),
        (2.0, (-0.1339746, -1.8660254)),
    ],
)
@pytest.mark.parametrize("loss", ["minimax", "nonsaturating"])
def test_identity_31_eigenvalues_of_the_dirac_gan(gamma, expected, loss):
    found = (spectrum(dirac(0, 0, ADVERSARIAL[loss], gamma)) - 1) / ETA
    for value in expected:
        assert float((found - value).abs().min()) < 1e-5


def test_identity_31_critical_damping():
    """A double root: its eigenvalues are the square root of an error apart, trace and determinant are not."""
    field = (update_map(dirac(0, 0, gamma=1.0)) - torch.eye(2)) / ETA
    assert float(field.trace()) == pytest.approx(-1, abs=1e-6)
    assert float(torch.linalg.det(field)) == pytest.approx(0.25, abs=1e-6)


def test_the_derivative_of_a_round_with_momentum_is_the_one_by_hand():
    """Of x' = x - eta v', v' = mu v + y; the maximiser's signs are turned."""
    game = bilinear(0.3, -0.2, momentum(ETA, 0.5))
    half = 0.5 * ETA
    expected = [[1, ETA, -half, 0], [-ETA, 1, 0, -half], [0, -1, 0.5, 0], [1, 0, 0, 0.5]]  # y, x, v_y, v_x
    expected = torch.tensor(expected, dtype=torch.float64)
    assert torch.allclose(update_map(game), expected, atol=1e-8)
    assert values(game) == (0.3, -0.2)


def test_extragradient_by_hand():
    game = bilinear(1.0, 2.0, schedule=extragradient)
    game.play([[{}, {}], [{}, {}]], 1)
    ahead_x, ahead_y = 1 - ETA * 2, 2 + ETA * 1
    assert values(game) == pytest.approx((1 - ETA * ahead_y, 2 + ETA * ahead_x))


def test_one_moment_state_is_moved_by_both_halves():
    game = bilinear(1.0, 2.0, adam(ETA), extragradient)
    game.play([[{}, {}], [{}, {}]], 1)
    assert float(game.states["x"]["step"][0]) == 2
    assert game.read().updates["x"] == 2


@pytest.mark.parametrize(("rule", "repeats"), [(extragradient, {"repeat": 2}), (extragradient, {"repeat": 3})])
def test_schedules_of_one_update_each_refuse_repeats(rule, repeats):
    with pytest.raises(ValueError, match="make one update each in every round; drop repeat and every"):
        bilinear(schedule=rule, **repeats)


def test_consensus_says_what_it_cannot_take():
    with pytest.raises(ValueError, match="gamma of consensus must be at least 0, got -1"):
        bilinear(schedule=functools.partial(consensus, gamma=-1))
    with pytest.raises(ValueError, match="an objective of 'y' whose gradient depends on the other players"):
        detached(schedule=functools.partial(consensus, gamma=1.0)).play([[{}], [{}]], 1)
    game = bilinear(schedule=functools.partial(consensus, gamma=1.0))
    game.micro_batches = 2
    with pytest.raises(ValueError, match="takes no micro-batches"):
        game.play([[{"x": torch.zeros(2)}], [{"x": torch.zeros(2)}]], 1)


def test_an_optimizer_of_torch_cannot_be_made_optimistic():
    from zerosum.updates import from_torch

    with pytest.raises(ValueError, match="must be of tensor operations, and SGD is of from_torch"):
        optimistic(from_torch(torch.optim.SGD, lr=0.1))


def test_optimistic_adam_is_twice_the_step_less_the_one_before():
    theta, gradients = [torch.tensor([1.0, -2.0])], [[torch.tensor(g)] for g in ([1.0, 3.0], [2.0, -1.0], [0.5, 0.5])]
    rule, inner, images = optimistic(adam(0.1)), adam(0.1), torch.tensor(0)
    state, plain, last, expected = rule.init(theta), inner.init(theta), torch.zeros(2), theta[0]
    for i, gradient in enumerate(gradients):
        theta, state = rule.plain(gradient, state, theta, images)
        (moved,), plain = inner.plain(gradient, plain, [torch.zeros(2)], images)
        expected = expected + (2 * moved - last if i else moved)
        last = moved
    assert torch.allclose(theta[0], expected, atol=1e-7)


@pytest.mark.parametrize("seed", range(20))
def test_the_dirac_gan_converges_with_r1_from_anywhere(seed):
    start = torch.randn(2, generator=torch.Generator().manual_seed(seed)).tolist()
    assert far(dirac(*start, ADVERSARIAL["nonsaturating"], gamma=1.0)) < 1e-3 * math.hypot(*start)


def test_without_a_penalty_minimax_leaves_and_nonsaturating_slows_down():
    """d/dt of the squared distance is 0 by minimax and 2 t (1 - 2 D), t = theta psi, by the other: of fourth order."""
    assert far(dirac(1.0, 1.0, ADVERSARIAL["minimax"])) > math.sqrt(2)
    distances = [far(dirac(1.0, 1.0, ADVERSARIAL["nonsaturating"]), rounds) for rounds in (400, 800, 1600)]
    assert distances[1] / distances[0] < distances[2] / distances[1] < 1


def far(game, rounds=400):
    """The distance from the equilibrium after some rounds."""
    for _ in range(rounds):
        game.play(without_data(game), 1)
    return math.hypot(*values(game))
