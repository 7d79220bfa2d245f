"""Recorded rounds are the eager ones, bit for bit; on a CPU with a stand-in that freezes what a CUDA graph freezes."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.games import noisy_experiment, plain_gan, points
from tests.recording import recording
from zerosum import api, recipes
from zerosum.data import open_data
from zerosum.game import Game, Player, Turn, alternating, half_cosine
from zerosum.sources import Normal
from zerosum.training import BatchBuilder, Experiment, Goal, Intervals, Rounds, RunFolder, Training, log
from zerosum.updates import adam, from_torch, momentum


def recipe(name, **settings):
    module = recipes.find(name)
    data = open_data("digits", seed=0)
    experiment = api.build(module, module.Config(**settings), data.spec, 0)
    experiment.begin(lambda: data)
    game = experiment.game
    return game, BatchBuilder(data, experiment.priors, game.schedule, settings["batch_size"], 0, game.device)


def ramped():
    game, builder = plain_gan(update=adam(half_cosine(1e-2, 1e-4, examples=500)))
    game.halflives, game.averages = {"generator": 100}, {"generator": copy.deepcopy(game.networks.generator)}
    return game, builder


def noisy():
    experiment, builder = noisy_experiment()
    return experiment.game, builder


SYSTEMS = {
    "vanilla": lambda: recipe("vanilla", batch_size=16),
    "mlp_gan": lambda: recipe("mlp_gan", batch_size=16, hidden=16),
    "k=2": lambda: recipe("vanilla", batch_size=16, k=2),
    "a ramped step and an average": ramped,
    "dropout, batch norm, a lazy turn": noisy,
}


def recorded(game, capture=recording):
    game.capture = capture
    game.mode = "graph"
    return game


def play(rounds, game, until):
    """Rounds until one; examples seen, and how many rounds each call took."""
    examples, calls = 0, []
    while game.round < until:
        before = game.round
        examples = rounds.play(examples, until - game.round)
        calls.append(game.round - before)
    return examples, calls


def same_state(one, other):
    a, b = one.state(), other.state()
    assert a.keys() == b.keys()
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("capture", [recording, lambda work: work], ids=["recorded", "plain calls"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_recorded_rounds_are_the_eager_ones_bit_for_bit(system, capture):
    (eager, builder), (graph, fed) = SYSTEMS[system](), SYSTEMS[system]()
    until, said = 1 + 4 * 32 if eager.schedule.uniform else 30, []
    play(Rounds(eager, builder), eager, until)
    play(Rounds(recorded(graph, capture), fed, said.append), graph, until)
    assert said == []
    assert same_state(eager, graph)
    assert eager.read() == graph.read()


def test_a_call_takes_as_many_rounds_as_are_alike_a_power_of_two():
    game, builder = SYSTEMS["vanilla"]()
    _, calls = play(Rounds(recorded(game), builder), game, 1 + 32 + 32 + 4 + 1)
    assert calls == [1, 32, 32, 4, 1]


def test_rounds_are_recorded_one_by_one_where_networks_draw_inside_or_a_turn_is_lazy():
    game, builder = SYSTEMS["dropout, batch norm, a lazy turn"]()
    rounds = Rounds(recorded(game), builder)
    _, calls = play(rounds, game, 20)
    assert set(calls) == {1}
    assert len(rounds._graphs._recordings) == 2, "one recording for each of the two patterns"
    assert all(recording.proved for recording in rounds._graphs._recordings.values())


def test_a_recording_is_made_anew_for_other_shapes():
    game, builder = SYSTEMS["vanilla"]()
    rounds = Rounds(recorded(game), builder)
    examples = rounds.play(rounds.play(0))
    other = BatchBuilder(builder._data, builder._priors, game.schedule, 8, 0, game.device)
    rounds._builder = other
    made = rounds._graphs._recordings
    assert len(made) == 1
    rounds.play(examples)
    assert len(made) == 2


def test_a_number_outside_of_tensors_is_found_and_the_rounds_are_eager():
    def system():
        torch.manual_seed(0)
        calls = []

        def objective(net, batch):
            calls.append(1)
            return {"t": len(calls) * net.net(batch["x"]).square().mean()}

        game = Game(
            {"net": nn.Linear(2, 1)}, {"one": Player(("net",), adam(1e-2))}, alternating(Turn("one", objective))
        )
        return game, BatchBuilder(points(), {}, game.schedule, 8, 0, game.device), calls

    game, builder, _ = system()
    said = []
    rounds = Rounds(recorded(game), builder, said.append)
    play(rounds, game, 1 + 32 + 32)
    (sentence,) = said
    assert sentence.startswith("rounds cannot be recorded (networks/net/weight differs from the eager round's")
    assert sentence.endswith("they are played eagerly from round 65 on.")
    assert rounds._graphs is None


def test_what_cannot_be_recorded_is_played_eagerly_and_said():
    (eager, builder), (game, fed) = SYSTEMS["vanilla"](), SYSTEMS["vanilla"]()

    def refuses(work):
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    said = []
    play(Rounds(recorded(game, refuses), fed, said.append), game, 7)
    play(Rounds(eager, builder), eager, 7)
    assert said == [
        "rounds cannot be recorded (operation not permitted when stream is capturing); they are played eagerly from "
        "round 5 on."
    ]
    assert same_state(eager, game)


def test_numbers_that_are_not_finite_do_not_look_like_a_difference():
    game, builder = plain_gan()
    builder._data.x[:] = float("nan")
    said = []
    play(Rounds(recorded(game), builder, said.append), game, 1 + 32 + 32)
    assert said == []
    assert game.read().skipped["discriminator"] == 65


def test_a_training_by_recorded_rounds_leaves_the_records_of_an_eager_one():
    def trained(name, graph):
        game, builder = SYSTEMS["vanilla"]()
        if graph:
            recorded(game)
        priors = {"z": Normal(100)}
        experiment = Experiment(game, priors, outputs={"sample": lambda net, batch: net.generator(batch["z"])})
        record = {"recipe": name, "config": {}, "data": {"spec": {}}, "seed": 0, "device": "cpu", "threads": 1}
        for goal in (330, 350):
            folder = RunFolder.claim(Path(name), record)
            Training(
                experiment, builder, folder, Goal(rounds=goal), lambda split: builder._data, Intervals(20, 1000, 70)
            ).run()
            folder.release()
        return game, [{k: v for k, v in r.items() if k != "seconds"} for r in log.read(Path(name) / "log.jsonl")]

    (eager, lines), (graph, recorded_lines) = trained("eager", False), trained("graph", True)
    assert same_state(eager, graph)
    assert [line for line in lines if "terms" in line] == [line for line in recorded_lines if "terms" in line]


def test_only_rules_of_tensor_operations_on_cuda_are_recorded():
    game, _ = plain_gan()
    with pytest.raises(ValueError, match="mode 'graph' records CUDA kernels, and the device is cpu; use --mode eager"):
        game.mode = "graph"
    game, _ = plain_gan(update=from_torch(torch.optim.NAdam, lr=1e-3))
    with pytest.raises(ValueError, match="mode 'graph' records update rules of tensor operations, and player 'discrim"):
        recorded(game)
    assert game.mode == "eager"


def test_a_ramp_that_is_read_on_the_host_is_found():
    """On a CPU the fused momentum takes its ramp as a float, which a recording would freeze."""
    game, builder = plain_gan(update=momentum(1e-2, half_cosine(0.5, 0.9, examples=2000)))
    said = []
    play(Rounds(recorded(game), builder, said.append), game, 1 + 32 + 32)
    assert len(said) == 1
