"""Contestants by turns, and the roof: what is told of them, not how fast anything is."""

import os

import pytest
import torch

from zerosum.profiling import timing
from zerosum.profiling.roofline import Rate, Roofline, roof


@pytest.fixture
def match(monkeypatch):
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
        return timing.play(contestants, dict.fromkeys(contestants, threads), turns=4, seconds=1e-6), calls

    return play


def test_turns_rotate_and_the_first_is_the_measure(match):
    result, calls = match()
    assert "".join(calls[-8:]) == "ab" + "ba" + "ab" + "ba"
    assert list(result.scores) == ["a", "b"]
    first, second = result.scores.values()
    assert (first.ratio, first.low, first.high) == (1, 1, 1)
    assert second.low <= second.ratio <= second.high
    assert second.median <= second.best
    assert (result.loads, result.doubts) == ((0, 0), [])


def test_a_busy_machine_is_said(match, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert match(load=2.5)[0].doubts == ["the load is 2.5 on 2 cores"]
    monkeypatch.setattr(timing.time, "process_time", lambda: 0.0)
    assert match(threads=1)[0].doubts == ["a had 0.00 of a processor", "b had 0.00 of a processor"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_roof_is_measured(precision):
    of = roof(torch.device("cpu"), precision, seconds=1e-3)
    assert (of.threads, of.precision) == (1, precision)
    for rate in (of.product, of.convolution, of.memory):
        assert 0 < rate.median <= rate.best
    assert of.gflops == max(of.product.best, of.convolution.best)


def test_the_roof_is_the_best_of_products_and_convolutions():
    assert Roofline(1, "float32", Rate(140, 150), Rate(160, 163), Rate(9, 1000)).gflops == 163
