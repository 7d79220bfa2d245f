"""Samples as a classifier sees them: which classes are there, whether labels are kept, how diverse a label is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zerosum.metrics.classification.classifier import Classifier, classifier_of
from zerosum.metrics.examples import spread_batches
from zerosum.metrics.metric import Measure, Metric, Model, Splits, of_samples


def classes_covered(n: int = 5000, share: float = 0.02, updates: int = 2500) -> Metric:
    """Number of classes that get their share of the samples, each sample labelled by a classifier.

    The facts are the smallest share of a class and the mean largest probability.

    Arguments:
        n: Samples.
        share: Below this a class counts as missed.
        updates: That the classifier is trained for.
    """

    def evaluate(samples: Tensor, splits: Splits) -> Measure:
        classifier = classifier_of(splits, updates)
        certainty, found = classifier(samples).softmax(1).max(1)
        shares = torch.bincount(found, minlength=classifier.classes) / len(found)
        facts = {"smallest share": float(shares.min()), "certainty": float(certainty.mean())}
        return Measure(float((shares >= share).sum()), facts=facts, features=classifier.name)

    name = f"classes_covered[n={n}, share={share}, updates={updates}, split=train]"
    return Metric(name, of_samples(evaluate, n), n, "train", needs="images with labels")


def label_agreement(n: int = 5000, updates: int = 2500) -> Metric:
    """Share of the samples of a label that a classifier gives that label, each label as often as the others.

    The facts are the share of the worst label, and the share of the classifier's own right answers on test images: it
    is the most that real images would reach.

    Arguments:
        n: Samples, over all labels.
        updates: That the classifier is trained for.
    """

    def measure(model: Model, splits: Splits, seed: int) -> Measure:
        classifier = classifier_of(splits, updates)
        each = _of_each(n, classifier.classes)
        shares = []
        for label in range(classifier.classes):
            found = classifier(model.sample(each, seed, label=label)).argmax(1)
            shares.append(float((found == label).float().mean()))
        mean, total = sum(shares) / len(shares), each * classifier.classes
        error = 1.96 * math.sqrt(mean * (1 - mean) / total)
        facts = {"worst label": min(shares), "real test images": _right(classifier, splits)}
        return Measure(mean, (mean - error, mean + error), facts, total, classifier.name)

    name = f"label_agreement[n={n}, updates={updates}, split=test]"
    return Metric(name, measure, n, "test", needs="images with labels")


def label_diversity(n: int = 5000) -> Metric:
    """Variance of the samples of a label over that of real test images of it, summed over pixels.

    It is the ratio of the two means over the labels: 1 where samples vary as real images do, 0 where a label is one
    image.

    Arguments:
        n: Samples, over all labels.
    """

    def measure(model: Model, splits: Splits, seed: int) -> Measure:
        test = list(spread_batches(splits("test"), 10_000))
        x, label = (torch.cat([batch[name] for batch in test]).cpu() for name in ("x", "label"))
        classes = [one for one in range(splits("test").spec.classes or 0) if int((label == one).sum()) > 1]
        each = _of_each(n, len(classes))
        made = [_variance(model.sample(each, seed, label=one).cpu()) for one in classes]
        real = [_variance(x[label == one]) for one in classes]
        return Measure(sum(made) / sum(real), n=each * len(classes))

    name = f"label_diversity[n={n}, split=test]"
    return Metric(name, measure, n, "test", needs="images with labels", features="pixels")


def _of_each(n: int, classes: int) -> int:
    """Samples of each label."""
    return max(2, n // max(1, classes))


def _variance(x: Tensor) -> float:
    return float(x.flatten(1).double().var(0).sum())


def _right(classifier: Classifier, splits: Splits) -> float:
    """Share of real test images that the classifier is right about."""
    right = total = 0
    for batch in spread_batches(splits("test"), 10_000):
        right += int((classifier(batch["x"]).argmax(1) == batch["label"].cpu()).sum())
        total += len(batch["label"])
    return right / total
