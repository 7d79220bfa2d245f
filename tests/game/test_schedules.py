"""Turns and schedules: who sees what, on data and networks that can be followed by hand."""

import math

import pytest
import torch
from torch import nn

from tests.games import bilinear, plain_gan, values
from zerosum.data import Arrays, DataSpec
from zerosum.game import Game, Player, Round, Schedule, Turn, alternating, simultaneous
from zerosum.networks import mlp
from zerosum.sources import Uniform
from zerosum.training import BatchBuilder
from zerosum.updates import sgd


def spectral_radius(schedule, rate=0.1):
    """Of the linear map one round is on the bilinear game."""
    columns = []
    for start in ((1.0, 0.0), (0.0, 1.0)):
        game = bilinear(*start, rate=rate, schedule=schedule)
        game.play([[{}], [{}]], 1)
        columns.append(values(game))
    matrix = torch.tensor(columns, dtype=torch.float64).T
    return float(torch.linalg.eigvals(matrix).abs().max())


def test_identity_30_moduli_of_the_bilinear_game():
    assert spectral_radius(simultaneous) == pytest.approx(math.sqrt(1.01), abs=1e-9)
    assert spectral_radius(alternating) == pytest.approx(1.0, abs=1e-9)


def test_identity_34_simultaneous_play_sees_the_old_parameters():
    game = bilinear(1.0, 1.0, rate=0.1, schedule=simultaneous)
    game.play([[{}], [{}]], 1)
    assert values(game) == pytest.approx((1 - 0.1, 1.1), abs=1e-12)


def test_repeat_is_the_k_of_algorithm_1():
    game = bilinear(1.0, 1.0, rate=0.1, repeat_y=3)
    game.play([[{}] * 3, [{}]], 1)
    assert values(game) == pytest.approx((1 - 0.1 * 1.3, 1.3), abs=1e-12)


def test_simultaneous_repeats_go_together():
    """Repeat i of all turns at the same parameters, turns with fewer repeats resting."""
    game = bilinear(1.0, 1.0, rate=0.1, schedule=simultaneous, repeat_y=2)
    game.play([[{}] * 2, [{}]], 1)
    assert values(game) == pytest.approx((0.9, 1.1 + 0.1 * 0.9), abs=1e-12)


@pytest.mark.parametrize(("field", "value"), [("repeat", 0), ("every", 0), ("offset", -1), ("size", 0)])
def test_a_turn_names_what_is_out_of_range(field, value):
    with pytest.raises(ValueError, match=rf"{field} must be at least \d, got {value} \(turn of 'critic'\)"):
        Turn("critic", lambda net, batch: {}, **{field: value})


def test_a_schedule_has_turns():
    with pytest.raises(ValueError, match="at least one turn"):
        alternating()


class Recorder:
    """A game whose objectives write down which examples and latents they were given."""

    def __init__(self, *turns, prepare=None, seed=0, batch_size=2):
        self.seen = []
        turns = [Turn(f"player{i}", self.objective(i), **kw) for i, kw in enumerate(turns)]
        self.game = Game(
            {f"net{i}": nn.Linear(1, 1) for i in range(len(turns))},
            {f"player{i}": Player((f"net{i}",), sgd(0.0)) for i in range(len(turns))},
            Schedule(tuple(turns), alternating(*turns).order, prepare),
        )
        data = Arrays(DataSpec.of("count", "points", (1,), count=1000), {"x": torch.arange(1000.0).unsqueeze(1)})
        self.builder = BatchBuilder(
            data, {"z": Uniform(0, 1, 1)}, self.game.schedule, batch_size, seed, self.game.device
        )
        self.examples = 0

    def objective(self, place):
        def objective(net, batch):
            self.seen.append(
                (place, batch["x"].flatten().tolist(), batch["z"].flatten().tolist(), int(batch["examples"]))
            )
            return {"t": 0 * net[f"net{place}"](batch["x"][:1]).sum()}

        return objective

    def play(self, rounds=1):
        self.seen.clear()
        for _ in range(rounds):
            batches = self.builder.batches(self.game.round, self.examples)
            taken = self.builder.examples(self.game.round)
            self.game.play(batches, taken)
            self.examples += taken
        return self.seen


def test_rule_8_data_per_round_latents_per_turn():
    recorder = Recorder({"repeat": 2}, {}, {"offset": 2})
    seen = recorder.play(2)
    assert [(place, x) for place, x, _, _ in seen[:4]] == [(0, [0, 1]), (0, [2, 3]), (1, [0, 1]), (2, [4, 5])]
    assert [(place, x) for place, x, _, _ in seen[4:]] == [(0, [6, 7]), (0, [8, 9]), (1, [6, 7]), (2, [10, 11])]
    latents = [tuple(z) for _, _, z, _ in seen]
    assert len(set(latents)) == len(latents)
    assert [examples for *_, examples in seen] == [0] * 4 + [6] * 4
    assert int(recorder.game.examples) == 12


def test_rule_8_a_lazy_turn_does_not_shift_the_data():
    seen = Recorder({}, {"every": 2, "repeat": 3}).play(4)
    assert [x[0] for place, x, _, _ in seen if place == 0] == [0, 6, 12, 18]
    assert [x[0] for place, x, _, _ in seen if place == 1] == [0, 2, 4, 12, 14, 16]


def test_repeat_may_be_a_function_of_the_round():
    seen = Recorder({"repeat": lambda round: 3 if round == 0 else 1}).play(3)
    assert [x[0] for _, x, _, _ in seen] == [0, 2, 4, 6, 8]


def test_size_is_of_the_latents_alone():
    ((_, x, z, _),) = Recorder({"size": 5}).play()
    assert len(x) == 2
    assert len(z) == 5


def test_latents_are_a_function_of_what_they_are_for():
    first, again, other = (Recorder({}, {}, seed=s).play(2) for s in (0, 0, 1))
    assert first == again
    assert [z for *_, z, _ in first] != [z for *_, z, _ in other]


def test_prepare_runs_once_per_data_batch_and_shares_its_latents():
    calls = []

    def prepare(net, batch):
        calls.append(batch["x"].flatten().tolist())
        return {"twice": 2 * batch["x"]}

    recorder = Recorder({"repeat": 2}, {}, prepare=prepare)
    seen = recorder.play()
    assert calls == [[0, 1], [2, 3]]
    assert seen[0][2] == seen[2][2]
    assert seen[0][2] != seen[1][2]


def test_a_prepared_batch_has_no_size_of_its_own():
    with pytest.raises(ValueError, match="share its latents, so none may set size"):
        alternating(Turn("a", lambda net, batch: {}, size=4), prepare=lambda net, batch: {})


def shared_forward(schedule):
    """A GAN whose fakes are made once a round, and the same GAN making them in each objective."""
    from zerosum.losses import nonsaturating

    def critic(net, batch):
        return nonsaturating.discriminator(net.discriminator(batch["x"]), net.discriminator(batch["fake"].detach()))

    def maker(net, batch):
        return {"adversarial": nonsaturating.generator(net.discriminator(batch["fake"]))}

    def with_own(objective):
        return lambda net, batch: objective(net, {**batch, "fake": net.generator(batch["z"])})

    prepared = schedule(
        Turn("discriminator", critic), Turn("generator", maker), prepare=lambda net, b: {"fake": net.generator(b["z"])}
    )
    separate = schedule(Turn("discriminator", with_own(critic)), Turn("generator", with_own(maker)))
    return prepared, separate


@pytest.mark.parametrize("schedule", [alternating, simultaneous])
def test_a_prepared_forward_equals_separate_ones(schedule):
    prepared, separate = shared_forward(schedule)
    (one, builder), (other, _) = plain_gan(schedule=prepared), plain_gan(schedule=separate)
    for r in range(3):
        batches = builder.batches(r, 16 * r)
        one.play([[dict(b) for b in repeats] for repeats in batches], 16)
        other.play([[dict(b) for b in repeats] for repeats in batches], 16)
    for name in ("generator", "discriminator"):
        for a, b in zip(one.networks[name].parameters(), other.networks[name].parameters(), strict=True):
            assert torch.equal(a, b)


def test_a_prepared_graph_is_freed_with_its_last_reader():
    """Whichever that is: the last turn reads the second data batch first here."""
    made = []

    def fake(net, batch):
        made.append(net.generator(batch["z"]))
        return {"fake": made[-1]}

    def size(net, batch):
        return {"size": batch["fake"].square().mean()}

    game = Game(
        {"generator": mlp((4, 8, 2))},
        {"generator": Player(("generator",), sgd(0.1))},
        simultaneous(Turn("generator", size, repeat=2), Turn("generator", size, offset=1), prepare=fake),
    )
    batches = [{"x": torch.randn(4, 2), "z": torch.randn(4, 4)} for _ in range(2)]
    round = Round(game, [batches, batches[1:]])
    for place, repeat in ((1, 0), (0, 0), (0, 1)):
        round.gradients(place, repeat)
    assert len(made) == 2
    for out in made:
        with pytest.raises(RuntimeError, match="second time"):
            out.sum().backward()


def test_a_stale_prepared_graph_raises_instead_of_mixing_weights():
    """In the other order the generator has moved before the discriminator backs through its fake."""
    from zerosum.losses import nonsaturating

    def both(net, batch):
        return {"adversarial": nonsaturating.generator(net.discriminator(batch["fake"]))}

    schedule = alternating(
        Turn("generator", both),
        Turn("generator", lambda n, b: {"again": both(n, b)["adversarial"]}),
        prepare=lambda net, b: {"fake": net.generator(b["z"])},
    )
    game = Game(
        {"generator": mlp((4, 8, 2)), "discriminator": mlp((2, 8, 1))},
        {"generator": Player(("generator",), sgd(0.1))},
        schedule,
    )
    batch = {"x": torch.randn(4, 2), "z": torch.randn(4, 4)}
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        game.play([[batch], [batch]], 4)
