"""Metrics on samples whose value is known."""

import math

import pytest
import torch

from zerosum.data import Arrays, DataSpec, open_data
from zerosum.metrics import (
    METRICS,
    Given,
    Measure,
    Metric,
    Result,
    default_metrics,
    high_quality,
    modes,
    neighbour_classes,
    neighbour_distance,
    of_samples,
)


def of(name):
    """The splits of a data set."""
    return lambda split: open_data(name, split)


def value(metric, samples, name):
    return metric.of(samples[: metric.n], of(name)).value


def digits(split):
    data = open_data("digits", split)
    return data.batch(0, data.count)


def test_real_examples_are_as_near_as_real_examples_and_cover_all_classes():
    train = digits("train")["x"]
    assert value(neighbour_classes(), train, "digits") == 10
    assert value(neighbour_distance(), train, "digits") == pytest.approx(1, abs=0.02)


def test_a_collapsed_generator_covers_one_class():
    one = digits("test")["x"][:1].expand(1000, 1, 8, 8)
    assert value(neighbour_classes(), one, "digits") == 1
    assert value(neighbour_distance(), one, "digits") == pytest.approx(0, abs=1e-7)


def test_noise_is_far_from_real():
    assert value(neighbour_distance(), torch.rand(1000, 1, 8, 8), "digits") > 2


def test_a_class_below_its_share_is_missed():
    batch = digits("test")
    zeros = batch["x"][batch["label"] == 0]
    ones = batch["x"][batch["label"] == 1]
    samples = torch.cat([zeros[torch.arange(981) % len(zeros)], ones[torch.arange(19) % len(ones)]])
    assert value(neighbour_classes(), samples, "digits") == 1
    assert value(neighbour_classes(share=0.019), samples, "digits") == 2


def test_neighbour_distance_by_hand():
    data = Arrays(DataSpec.of("line", "points", (1,)), {"x": torch.tensor([[0.0], [1.0], [3.0]])})
    # real to real: 1, 1, 2, mean 4/3; samples: 0.5 and 1
    result = neighbour_distance(n=2).of(torch.tensor([[0.5], [4.0]]), {"test": data}.__getitem__)
    assert result.value == pytest.approx(0.75 / (4 / 3))
    assert result.interval[0] < result.value < result.interval[1]


def test_modes_and_quality_of_the_law_itself():
    samples = open_data("grid", "test", seed=1).batch(0, 2500)["x"]
    assert value(modes(), samples, "grid") == 25
    result = high_quality().of(samples, of("grid"))
    assert result.interval[0] < 0.98889 < result.interval[1]  # 1 - exp(-9/2)


def test_missing_modes_are_missed():
    toy = open_data("ring", "test")
    assert value(modes(), toy.mixture.means[:3].float().repeat(10, 1), "ring") == 3
    assert value(modes(), torch.zeros(10, 2), "ring") == 0
    assert value(high_quality(), torch.zeros(10, 2), "ring") == 0


def test_names_are_protocols():
    result = neighbour_classes(n=50, share=0.1).of(digits("test")["x"][:50], of("digits"), 7)
    assert result.metric == "neighbour_classes[n=50, split=test, share=0.1]"
    assert (result.n, result.split, result.seed, result.features, result.kind) == (50, "test", 7, "pixels", None)
    assert (result.data, result.subject) == ("digits", "model")
    names = [make().name for make in METRICS.values()]
    assert len(set(names)) == len(names)


def test_the_default_metrics_are_those_of_the_kind_of_data():
    def names(spec):
        return [metric.name.partition("[")[0] for metric in default_metrics(spec)]

    assert names(open_data("digits").spec) == ["neighbour_classes", "neighbour_distance"]
    assert names(open_data("ring").spec) == ["modes", "high_quality"]
    assert names(DataSpec.of("plain", "image", (1, 8, 8))) == ["neighbour_distance"]
    assert names(DataSpec.of("large", "image", (3, 64, 64), classes=2)) == []


def mean_metric(n=3, **about):
    """The mean of the samples; its facts say how many real examples each split had."""

    def evaluate(samples, splits):
        x = samples.double()
        error = float(x.std()) / math.sqrt(len(x))
        mean = float(x.mean())
        facts = {split: float(splits(split).count) for split in ("train", "test")}
        return Measure(mean, (mean - 1.96 * error, mean + 1.96 * error), facts)

    return Metric(f"mean[n={n}]", of_samples(evaluate, n), n, "test", **about)


def test_a_metric_draws_its_own_number_of_samples_of_a_seed_and_opens_the_splits_it_needs():
    asked = []

    class Counted(Given):
        def sample(self, n, seed=0, *, label=None):
            asked.append((n, seed))
            return torch.arange(float(n)).unsqueeze(1)

    model = Counted(torch.zeros(0), DIGITS)
    result = mean_metric(features="none", kind="estimate")(model, of("digits"), seed=4)
    assert asked == [(3, 4)]
    assert (result.metric, result.value, result.n, result.split, result.seed) == ("mean[n=3]", 1, 3, "test", 4)
    assert (result.features, result.kind, result.data, result.subject) == ("none", "estimate", "digits", "model")
    assert result.facts == {"train": 1297, "test": 300}
    mean_metric()(model, of("digits"))
    assert asked[1] == (3, 0)


def test_given_samples_are_evaluated_as_they_are():
    result = mean_metric().of(torch.tensor([[2.0], [4.0]]), of("digits"), seed=9, subject="somebody")
    assert (result.value, result.n, result.seed, result.subject) == (3, 2, 9, "somebody")


def test_a_control_stands_in_for_the_model():
    metric = mean_metric(controls={"real": lambda splits, n: splits("train").batch(0, n)["x"]})
    result = metric.control("real", of("digits"))
    assert result.subject == "real"
    assert result.n == 3
    assert result.value == pytest.approx(float(digits("train")["x"][:3].mean()))


def result(value=1.0, interval=(0.804, 1.196), **others):
    about = {"metric": "m[n=10]", "n": 10, "split": "test", "seed": 0, "features": "pixels", "data": "digits"}
    return Result(value=value, interval=interval, **{**about, **others})


def test_a_difference_and_its_standard_error():
    """Intervals of 1.96 standard errors: 0.1 and 0.2 make sqrt(0.05)."""
    difference, error = result(3.0, (2.608, 3.392)).minus(result())
    assert difference == 2
    assert error == pytest.approx(math.sqrt(0.05))
    assert result(3.0).minus(result(interval=None)) == (2, None)
    assert result(3.0, None).minus(result()) == (2, None)
    assert result(seed=1, subject="real").minus(result())[0] == 0  # seeds and subjects are what one compares


@pytest.mark.parametrize(
    ("what", "other"),
    [("metric", "m[n=20]"), ("data", "mnist"), ("n", 20), ("features", "logits"), ("kind", "estimate")],
)
def test_unlike_results_do_not_compare(what, other):
    with pytest.raises(
        ValueError, match=f"unlike protocols do not compare: {what} is .* and {other}".replace("[", r"\[")
    ):
        result().minus(result(**{what: other}))


DIGITS = DataSpec.of("digits", "image", (1, 8, 8), classes=10, count=1297)
UNLABELLED = DataSpec.of("faces", "image", (1, 8, 8), count=400)
TOY = DataSpec.of("ring", "points", (2,), classes=8)
TABLE = DataSpec.of("table", "points", (5,), count=100)


@pytest.mark.parametrize(
    ("needs", "compatible", "others"),
    [
        ("images", [DIGITS, UNLABELLED], [TOY, TABLE]),
        ("images with labels", [DIGITS], [UNLABELLED, TOY, TABLE]),
        ("a toy with modes", [TOY], [DIGITS, UNLABELLED, TABLE]),
        ("examples", [DIGITS, UNLABELLED, TOY, TABLE], []),
    ],
)
def test_a_metric_says_what_it_is_incompatible_with(needs, compatible, others):
    metric = mean_metric(needs=needs)
    assert [metric.incompatible(spec) for spec in compatible] == [None] * len(compatible)
    for spec in others:
        assert metric.incompatible(spec) == f"mean[n=3] needs {needs}, got {spec.name} ({spec.kind.name})"


def test_default_metrics_are_compatible_with_their_data():
    for spec in (DIGITS, UNLABELLED, TOY):
        assert [metric.incompatible(spec) for metric in default_metrics(spec)] == [None] * len(default_metrics(spec))
