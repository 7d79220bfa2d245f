"""Judges on samples whose verdict is known."""

import pytest
import torch

from zerosum.data import DataSpec, Stored, open_data
from zerosum.metrics import METRICS, high_quality, modes, neighbour_classes, neighbour_distance, suited


def value(metric, samples, data):
    return metric(lambda n, seed: samples[:n], data).value


def digits(split):
    data = open_data("digits", split)
    return data.batch(0, data.count)


def test_real_examples_are_as_near_as_real_examples_and_cover_all_classes():
    train, test = digits("train")["x"], open_data("digits", "test")
    assert value(neighbour_classes(), train, test) == 10
    assert value(neighbour_distance(), train, test) == pytest.approx(1, abs=0.02)


def test_a_collapsed_generator_covers_one_class():
    one = digits("test")["x"][:1].expand(1000, 1, 8, 8)
    assert value(neighbour_classes(), one, open_data("digits", "test")) == 1
    assert value(neighbour_distance(), one, open_data("digits", "test")) == pytest.approx(0, abs=1e-9)


def test_noise_is_far_from_real():
    assert value(neighbour_distance(), torch.rand(1000, 1, 8, 8), open_data("digits", "test")) > 2


def test_a_class_below_its_share_is_missed():
    batch = digits("test")
    zeros = batch["x"][batch["label"] == 0]
    ones = batch["x"][batch["label"] == 1]
    samples = torch.cat([zeros[torch.arange(981) % len(zeros)], ones[torch.arange(19) % len(ones)]])
    assert value(neighbour_classes(), samples, open_data("digits", "test")) == 1
    assert value(neighbour_classes(share=0.019), samples, open_data("digits", "test")) == 2


def test_neighbour_distance_by_hand():
    data = Stored(DataSpec("line", (1,), "real"), torch.tensor([[0.0], [1.0], [3.0]]))
    # real to real: 1, 1, 2, mean 4/3; samples: 0.5 and 1
    result = neighbour_distance(n=2, split="test")(lambda n, seed: torch.tensor([[0.5], [4.0]]), data)
    assert result.value == pytest.approx(0.75 / (4 / 3))
    assert result.interval[0] < result.value < result.interval[1]


def test_modes_and_quality_of_the_law_itself():
    toy = open_data("grid", "test", seed=1)
    samples = toy.batch(0, 2500)["x"]
    assert value(modes(), samples, toy) == 25
    result = high_quality()(lambda n, seed: samples, toy)
    assert result.interval[0] < 0.98889 < result.interval[1]  # 1 - exp(-9/2)


def test_missing_modes_are_missed():
    toy = open_data("ring", "test")
    assert value(modes(), toy.mixture.means[:3].float().repeat(10, 1), toy) == 3
    assert value(modes(), torch.zeros(10, 2), toy) == 0
    assert value(high_quality(), torch.zeros(10, 2), toy) == 0


def test_names_are_protocols():
    result = neighbour_classes(n=50, share=0.1)(lambda n, seed: digits("test")["x"][:n], open_data("digits", "test"), 7)
    assert result.metric == "neighbour_classes[n=50, split=test, share=0.1]"
    assert (result.n, result.split, result.seed, result.features, result.kind) == (50, "test", 7, "pixels", None)
    names = [make().name for make in METRICS.values()]
    assert len(set(names)) == len(names)


def test_judges_suit_the_data():
    def names(spec):
        return [metric.name.partition("[")[0] for metric in suited(spec)]

    assert names(open_data("digits").spec) == ["neighbour_classes", "neighbour_distance"]
    assert names(open_data("ring").spec) == ["modes", "high_quality"]
    assert names(DataSpec("plain", (1, 8, 8), "uint8")) == ["neighbour_distance"]
    assert names(DataSpec("large", (3, 64, 64), "uint8", classes=2)) == []
