"""Metrics by a classifier, on models whose samples are known."""

import pytest
import torch

from zerosum.data import open_data
from zerosum.errors import DataError, Unsupported
from zerosum.metrics import Given, classes_covered, label_agreement, label_diversity, train_classifier

UPDATES = 300
SPEC = open_data("digits").spec


def splits(split):
    return open_data("digits", split)


class Real(Given):
    """Real test images of the label asked for, or of the next one; or all one image."""

    shift, one = 0, False

    def sample(self, n, seed=0, *, label=None):
        batch = open_data("digits", "test").batch(0, 300)
        chosen = batch["x"] if label is None else batch["x"][batch["label"] == (label + self.shift) % 10]
        chosen = chosen[:1] if self.one else chosen
        return chosen[torch.arange(n) % len(chosen)]


def model(**about):
    made = Real(torch.zeros(0), SPEC)
    for name, value in about.items():
        object.__setattr__(made, name, value)
    return made


def test_labels_that_are_kept_agree_and_others_do_not():
    kept = label_agreement(n=500, updates=UPDATES)(model(), splits)
    assert kept.value > 0.9
    assert kept.value == pytest.approx(kept.facts["real test images"], abs=0.05)
    assert kept.facts["worst label"] <= kept.value
    assert (kept.n, kept.metric) == (500, "label_agreement[n=500, updates=300, split=test]")
    assert kept.interval[0] < kept.value < kept.interval[1]
    assert label_agreement(n=500, updates=UPDATES)(model(shift=1), splits).value < 0.1


def test_classes_that_are_there_are_covered():
    metric = classes_covered(n=300, updates=UPDATES)
    result = metric(model(), splits)
    assert result.value == 10
    assert result.facts["smallest share"] > 0.05
    assert metric.of(model().sample(300, label=3), splits).value <= 4
    assert result.features == label_agreement(n=20, updates=UPDATES)(model(), splits).features


def test_the_diversity_of_real_images_is_one_and_that_of_copies_none():
    assert label_diversity(n=300)(model(), splits).value == pytest.approx(1, abs=0.1)
    assert label_diversity(n=300)(model(one=True), splits).value == 0


def test_the_classifier_is_one_for_the_data_and_leaves_the_caller_s_random_numbers_alone():
    before = torch.get_rng_state()
    first, again = (train_classifier(open_data("digits"), 20) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.name == again.name
    assert first.name.startswith("classifier-")
    assert train_classifier(open_data("digits"), 20, seed=1).name != first.name
    assert train_classifier(open_data("digits"), 21).name != first.name
    with pytest.raises(DataError, match=r"a classifier needs images with labels, and ring.* has none"):
        train_classifier(open_data("ring"), 1)


def test_models_without_labels():
    with pytest.raises(Unsupported, match="cannot be drawn by label"):
        label_agreement(n=20, updates=UPDATES)(Given(torch.zeros(20, 1, 8, 8), SPEC), splits)
    assert "needs images with labels" in label_diversity().incompatible(open_data("ring").spec)
