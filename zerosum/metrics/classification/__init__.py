"""Metrics of samples by a classifier that is trained on the real training examples."""

from zerosum.metrics.classification.classifier import Classifier as Classifier, train_classifier as train_classifier
from zerosum.metrics.classification.labels import (
    classes_covered as classes_covered,
    label_agreement as label_agreement,
    label_diversity as label_diversity,
)
