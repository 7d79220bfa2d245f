"""Judges: functions of samples and real examples whose name fixes their protocol.

Two results compare only when their names are equal, parameters included.
"""

from zerosum.metrics.defaults import METRICS as METRICS, default_metrics as default_metrics
from zerosum.metrics.features import FEATURES as FEATURES, Features as Features, random_conv as random_conv
from zerosum.metrics.frechet import (
    Moments as Moments,
    frechet as frechet,
    frechet_distance as frechet_distance,
    moments as moments,
)
from zerosum.metrics.metric import (
    Measure as Measure,
    Metric as Metric,
    Published as Published,
    Result as Result,
    Splits as Splits,
)
from zerosum.metrics.modes import high_quality as high_quality, modes as modes
from zerosum.metrics.neighbours import neighbour_classes as neighbour_classes, neighbour_distance as neighbour_distance
from zerosum.metrics.parzen import parzen as parzen
from zerosum.metrics.ratio import (
    Divergences as Divergences,
    estimates as estimates,
    js as js,
    kl as kl,
    reverse_kl as reverse_kl,
    train_critic as train_critic,
)
