"""Metrics: functions of a trained model and real examples whose name fixes their protocol.

Two results compare only when their names are equal, parameters included.
"""

from zerosum.metrics.classification import (
    Classifier as Classifier,
    classes_covered as classes_covered,
    label_agreement as label_agreement,
    label_diversity as label_diversity,
    train_classifier as train_classifier,
)
from zerosum.metrics.defaults import METRICS as METRICS, default_metrics as default_metrics
from zerosum.metrics.features import FEATURES as FEATURES, Features as Features, random_conv as random_conv
from zerosum.metrics.frechet import (
    Moments as Moments,
    frechet as frechet,
    frechet_distance as frechet_distance,
    moments as moments,
)
from zerosum.metrics.metric import (
    Given as Given,
    Measure as Measure,
    Metric as Metric,
    Model as Model,
    OutputLike as OutputLike,
    Published as Published,
    Result as Result,
    Splits as Splits,
    of_pairs as of_pairs,
    of_samples as of_samples,
)
from zerosum.metrics.modes import high_quality as high_quality, modes as modes
from zerosum.metrics.neighbours import neighbour_classes as neighbour_classes, neighbour_distance as neighbour_distance
from zerosum.metrics.paired import psnr as psnr, ssim as ssim
from zerosum.metrics.parzen import parzen as parzen
from zerosum.metrics.ratio import (
    Divergences as Divergences,
    estimates as estimates,
    js as js,
    kl as kl,
    reverse_kl as reverse_kl,
    train_critic as train_critic,
)
