"""Contestants in turns, and the roofline: their statistics, not how fast anything is."""

import os

import pytest
import torch

from tests.games import noisy_experiment
from zerosum.profiling import timing
from zerosum.profiling.roofline import Rate, Roofline, measure_roofline


@pytest.fixture
def comparison(monkeypatch):
    """Plays two contestants that take time, on a machine of a given load."""

    def play(load=0.0, threads=2):
        monkeypatch.setattr(os, "getloadavg", lambda: (load, 0, 0))
        calls = []

        def contestant(name, examples):
            def rounds(count):
                calls.append(name)
                torch.ones(2000).exp()
                return examples * count

            return rounds

        contestants = {"a": contestant("a", 1), "b": contestant("b", 3)}
        return timing.compare(contestants, dict.fromkeys(contestants, threads), turns=4, seconds=1e-6), calls

    return play


def test_turns_rotate_and_the_first_is_the_measure(comparison):
    result, calls = comparison()
    assert "".join(calls[-8:]) == "ab" + "ba" + "ab" + "ba"
    assert list(result.scores) == ["a", "b"]
    first, second = result.scores.values()
    assert (first.ratio, first.low, first.high) == (1, 1, 1)
    assert second.low <= second.ratio <= second.high
    assert second.median <= second.best
    assert (result.loads, result.doubts) == ((0, 0), [])


def test_a_busy_machine_is_said(comparison, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert comparison(load=2.5)[0].doubts == ["the load is 2.5 on 2 cores"]
    monkeypatch.setattr(timing.time, "process_time", lambda: 0.0)
    assert comparison(threads=1)[0].doubts == ["a had 0.00 of a processor", "b had 0.00 of a processor"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_roofline_is_measured(precision):
    of = measure_roofline(torch.device("cpu"), precision, seconds=1e-3)
    assert (of.threads, of.precision) == (1, precision)
    for rate in (of.product, of.convolution, of.memory):
        assert 0 < rate.median <= rate.best
    assert of.gflops == max(of.product.best, of.convolution.best)


def test_the_roofline_is_the_best_of_products_and_convolutions():
    assert Roofline(1, "float32", Rate(140, 150), Rate(160, 163), Rate(9, 1000)).gflops == 163


@pytest.mark.parametrize(("seconds", "calls"), [(0.0, 1), (1e9, 1), (2.5, 3)])
def test_a_turn_is_played_until_its_time_is_over(monkeypatch, seconds, calls):
    """On a clock that a call moves by a second."""
    now, played = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def play(rounds):
        played.append(rounds)
        now[0] += 1.0 if seconds < 1e9 else 1e9
        return 4 * rounds

    turn = timing.time_turn(play, seconds, rounds=2)
    assert played == [2] * calls
    assert (turn.amount, turn.rate) == (8 * calls, 8 * calls / now[0])


def test_the_rounds_of_a_time_are_found(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def play(rounds):
        now[0] += 0.01 * rounds
        return rounds

    assert timing.rounds_in(play, 0.5) == 50
    assert timing.rounds_in(play, 1e-6) == 1


def test_a_game_is_played_on_by_all_its_contestants():
    experiment, builder = noisy_experiment()
    one, two = timing.contestants(experiment.game, builder, [1, 2])
    assert (one(3), two(2)) == (3 * 48, 2 * 48)
    assert torch.get_num_threads() == 2
    assert experiment.game.round == 5
